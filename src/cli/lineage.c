/* lineage.c: `eadem lineage`: what was made from what. */
#include "ledger/lineage.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/show.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static void print_help(FILE *to)
{
    fprintf(to,
            "usage: eadem lineage REF [--dot | --openlineage]\n"
            "\n"
            "Shows what REF was made from and what was made from it. REF is a data version, a\n"
            "model, a run, a feature table or an object's SHA-256; data:, model:, run:, feature:\n"
            "or object: before it says which. What was shown before ends with \"…\".\n"
            "\n"
            "  --dot          a graph for Graphviz\n"
            "  --openlineage  one OpenLineage run event a line, as JSON\n");
}

static bool is_run(const ledger_node *node)
{
    return strncmp(node->id, "run:", 4) == 0;
}

/* --- Text ------------------------------------------------------------------------------------- */

/* "run 3f2a… python train.py", "mnist@2", "object 0123456789ab" */
static void print_node(FILE *to, const ledger_node *node)
{
    const char *colon = strchr(node->id, ':');
    if (is_run(node))
        fprintf(to, "run %.8s  ", node->id + 4);
    if (*node->label)
        cli_print_text(to, node->label);
    else if (!is_run(node))
        fprintf(to, "%.*s %.12s", (int)(colon - node->id), node->id, colon + 1);
}

/* A node that was shown before is named and not opened again. */
static void print_branch(const ledger_graph *graph, int number, bool up, int depth, bool *shown)
{
    for (int i = 0; i < graph->edge_count; i++) {
        const ledger_edge *edge = &graph->edges[i];
        if ((up ? edge->child : edge->parent) != number)
            continue;
        int other = up ? edge->parent : edge->child;
        printf("%*s%s ", 2 * depth, "", up ? "<-" : "->");
        print_node(stdout, &graph->nodes[other]);
        printf("  (%s)%s\n", edge->role, shown[other] ? " …" : "");
        if (!shown[other] && depth < 200) {
            shown[other] = true;
            print_branch(graph, other, up, depth + 1, shown);
        }
    }
}

static ea_status print_text(const ledger_graph *graph)
{
    bool *shown = core_alloc_zero((size_t)graph->node_count * sizeof *shown);
    if (!shown)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for the lineage");
    shown[0] = true;
    print_node(stdout, &graph->nodes[0]);
    printf("\n");
    print_branch(graph, 0, true, 1, shown);
    memset(shown, 0, (size_t)graph->node_count * sizeof *shown);
    print_branch(graph, 0, false, 1, shown);
    core_free(shown);
    return EA_OK;
}

/* --- DOT -------------------------------------------------------------------------------------- */

/* Escaped as everywhere, and that once more for DOT: it takes nothing but UTF-8. */
static void print_quoted(const char *text)
{
    char *shown = NULL;
    size_t size;
    FILE *memory = open_memstream(&shown, &size);
    if (memory) {
        cli_print_text(memory, text);
        fclose(memory);
    }
    putchar('"');
    for (const char *at = shown ? shown : ""; *at; at++) {
        if (*at == '"' || *at == '\\')
            putchar('\\');
        putchar(*at);
    }
    putchar('"');
    free(shown);
}

static void print_dot(const ledger_graph *graph)
{
    printf("digraph lineage {\n  rankdir = LR;\n");
    for (int i = 0; i < graph->node_count; i++) {
        const ledger_node *node = &graph->nodes[i];
        char id[40];
        int kind = (int)strcspn(node->id, ":");
        snprintf(id, sizeof id, "%.*s %.12s", kind, node->id, node->id + kind + 1);
        printf("  n%d [shape = %s, label = ", i, is_run(node) ? "box" : "ellipse");
        print_quoted(*node->label ? node->label : id);
        printf(", tooltip = ");
        print_quoted(node->id);
        printf("];\n");
    }
    for (int i = 0; i < graph->edge_count; i++) {
        printf("  n%d -> n%d [label = ", graph->edges[i].parent, graph->edges[i].child);
        print_quoted(graph->edges[i].role);
        printf("];\n");
    }
    printf("}\n");
}

/* --- OpenLineage ------------------------------------------------------------------------------ */

#define PRODUCER "urn:eadem"
#define EVENT_SCHEMA "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
#define VERSION_SCHEMA                                                                 \
    "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/" \
    "DatasetVersionDatasetFacet"

static json_t *dataset(const ledger_node *node)
{
    const char *name = *node->label ? node->label : node->id;
    return json_pack("{s:s, s:o, s:{s:{s:s, s:s, s:s}}}", "namespace", "eadem", "name",
                     cli_json_text(name), "facets", "version", "_producer", PRODUCER, "_schemaURL",
                     VERSION_SCHEMA, "datasetVersion", strchr(node->id, ':') + 1);
}

/* OpenLineage wants a UUID: version 8, "custom", of the first 122 bits of the SHA-256 of the node's
 * name. */
static ea_status uuid_of(const char *id, char uuid[37])
{
    ledger_sha *sha;
    ledger_digest digest;
    char hex[LEDGER_HEX_SIZE];
    EA_TRY(ledger_sha_create(NULL, &sha));
    ea_status status = ledger_sha_of(sha, id, strlen(id), &digest);
    ledger_sha_destroy(sha);
    EA_TRY(status);
    digest.bytes[6] = (digest.bytes[6] & 0x0f) | 0x80;
    digest.bytes[8] = (digest.bytes[8] & 0x3f) | 0x80;
    ledger_hex(&digest, hex);
    snprintf(uuid, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return EA_OK;
}

/* Every node that something was made by gets an event: a run, or what was made without one, by a
 * join or an ingestion. */
static ea_status print_event(const ledger_graph *graph, int number, json_t *inputs, json_t *outputs)
{
    const ledger_node *node = &graph->nodes[number];
    char uuid[37], time[CLI_TIME_TEXT];
    EA_TRY(uuid_of(node->id, uuid));
    json_t *event =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s}, s:{s:s, s:o}, s:o, s:o}", "eventType", "COMPLETE",
                  "eventTime", cli_time_iso(node->time, time), "producer", PRODUCER, "schemaURL",
                  EVENT_SCHEMA, "run", "runId", uuid, "job", "namespace", "eadem", "name",
                  cli_json_text(is_run(node) && *node->label ? node->label : node->id), "inputs",
                  inputs, "outputs", outputs);
    if (!event)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for the lineage");
    json_dumpf(event, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(event);
    return EA_OK;
}

static ea_status print_openlineage(const ledger_graph *graph)
{
    for (int number = 0; number < graph->node_count; number++) {
        const ledger_node *node = &graph->nodes[number];
        json_t *inputs = json_array(), *outputs = json_array();
        for (int i = 0; i < graph->edge_count; i++) {
            const ledger_edge *edge = &graph->edges[i];
            const ledger_node *parent = &graph->nodes[edge->parent];
            if (edge->child == number && !is_run(parent))
                json_array_append_new(inputs, dataset(parent));
            if (edge->parent == number && is_run(node))
                json_array_append_new(outputs, dataset(&graph->nodes[edge->child]));
        }
        if (!is_run(node) && json_array_size(inputs))
            json_array_append_new(outputs, dataset(node));
        if (is_run(node) || json_array_size(inputs)) {
            EA_TRY(print_event(graph, number, inputs, outputs));
        } else {
            json_decref(inputs);
            json_decref(outputs);
        }
    }
    return EA_OK;
}

/* --- The command ------------------------------------------------------------------------------ */

static int show(ledger_store *store, const char *reference, bool dot, bool openlineage)
{
    ledger_graph graph;
    char *node;
    ea_status status = ledger_lineage_find(store, reference, &node);
    if (status == EA_OK)
        status = ledger_lineage_load(store, node, &graph);
    core_free(node);
    if (status != EA_OK)
        return cli_result("lineage", status);
    if (dot)
        print_dot(&graph);
    else
        status = openlineage ? print_openlineage(&graph) : print_text(&graph);
    ledger_graph_free(&graph);
    return cli_result("lineage", status);
}

int cli_lineage(int argc, char **argv)
{
    bool help = false, dot = false, openlineage = false;
    const cli_option options[] = { { "dot", .flag = &dot },
                                   { "openlineage", .flag = &openlineage },
                                   { "help", .flag = &help },
                                   { 0 } };
    int count;
    char **operands;
    if (!cli_options("lineage", options, argc, argv, &count, &operands))
        return cli_usage("lineage");
    if (help) {
        print_help(stdout);
        return CLI_OK;
    }
    if (count != 1 || (dot && openlineage))
        return cli_usage("lineage");
    ledger_store *store;
    ea_status status = ledger_open(NULL, NULL, 0, &store);
    if (status != EA_OK)
        return cli_result("lineage", status);
    int code = show(store, operands[0], dot, openlineage);
    ledger_close(store);
    return code;
}
