/* lineage.c: the links between runs, contents and features, and the graph around one of them. */
#include "ledger/lineage.h"
#include "core/memory.h"
#include "ledger/data.h"
#include "ledger/model.h"
#include "ledger/record.h"
#include "ledger/table.h"

#include <stdio.h>
#include <string.h>

static const char *const lineage_steps[] = {
    "CREATE TABLE link (child TEXT NOT NULL, parent TEXT NOT NULL, role TEXT NOT NULL,"
    "                   PRIMARY KEY (child, parent, role)) WITHOUT ROWID;"
    "CREATE INDEX link_parent ON link (parent, child);",
};

const ledger_schema ledger_lineage_schema = { "lineage", lineage_steps, 1 };

enum { GRAPH_MAX = 200000 }; /* nodes */

ea_status ledger_link(ledger_store *store, const char *child, const char *parent, const char *role)
{
    return ledger_exec(store, "INSERT OR IGNORE INTO link (child, parent, role) VALUES (?, ?, ?)",
                       "ttt", child, parent, role);
}

ea_status ledger_unlink(ledger_store *store, const char *node)
{
    return ledger_exec(store, "DELETE FROM link WHERE child = ?1 OR parent = ?1", "t", node);
}

char *ledger_object_node(const ledger_digest *digest, char node[LEDGER_NODE])
{
    char hex[LEDGER_HEX_SIZE];
    snprintf(node, LEDGER_NODE, "object:%s", ledger_hex(digest, hex));
    return node;
}

/* --- What a reference means ------------------------------------------------------------------- */

static ea_status find_data(ledger_store *store, const char *reference, char node[512])
{
    ledger_version version;
    EA_TRY(ledger_data_find(store, reference, &version));
    ledger_object_node(&version.content.digest, node);
    ledger_version_free(&version);
    return EA_OK;
}

static ea_status find_model(ledger_store *store, const char *reference, char node[512])
{
    ledger_model model;
    EA_TRY(ledger_model_find(store, reference, &model));
    ledger_object_node(&model.digest, node);
    ledger_model_free(&model);
    return EA_OK;
}

static ea_status find_run(ledger_store *store, const char *reference, char node[512])
{
    char id[LEDGER_RUN_ID];
    EA_TRY(ledger_record_find(store, reference, id));
    snprintf(node, 512, "run:%s", id);
    return EA_OK;
}

static ea_status find_feature(ledger_store *store, const char *reference, char node[512])
{
    ledger_table table;
    EA_TRY(ledger_table_find(store, reference, &table));
    snprintf(node, 512, "feature:%s@%lld", table.name, (long long)table.version);
    ledger_table_free(&table);
    return EA_OK;
}

static ea_status find_object(ledger_store *store, const char *reference, char node[512])
{
    ledger_digest digest;
    bool found = false;
    if (ledger_from_hex(reference, &digest))
        EA_TRY(ledger_find(store, &digest, &found, NULL));
    ledger_object_node(&digest, node);
    return found ? EA_OK
                 : core_fail(ledger_context(store), EA_ERR_STATE, "there is no object %.70s",
                             reference);
}

static const struct {
    const char *kind;
    ea_status (*find)(ledger_store *store, const char *reference, char node[512]);
} kinds[] = { { "data:", find_data },
              { "model:", find_model },
              { "run:", find_run },
              { "feature:", find_feature },
              { "object:", find_object } };

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* True for the failures that mean "not of this kind". */
static bool is_other_kind(ea_status status)
{
    return status == EA_ERR_STATE || status == EA_ERR_ARGUMENT;
}

static ea_status find_node(ledger_store *store, const char *reference, char node[512])
{
    ea_status status = EA_ERR_STATE;
    for (int i = 0; i < KINDS; i++) {
        size_t length = strlen(kinds[i].kind);
        if (strncmp(reference, kinds[i].kind, length) == 0)
            return kinds[i].find(store, reference + length, node);
    }
    for (int i = 0; i < KINDS && is_other_kind(status); i++)
        status = kinds[i].find(store, reference, node);
    if (!is_other_kind(status))
        return status;
    return core_fail(ledger_context(store), EA_ERR_STATE,
                     "'%.200s' is no data version, model, run, feature table or object here",
                     reference);
}

ea_status ledger_lineage_find(ledger_store *store, const char *reference, char **node)
{
    char text[512];
    *node = NULL;
    EA_TRY(find_node(store, reference, text));
    *node = core_strdup(text);
    return *node ? EA_OK : core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a name");
}

/* --- The graph -------------------------------------------------------------------------------- */

void ledger_graph_free(ledger_graph *graph)
{
    for (int i = 0; i < graph->node_count; i++) {
        core_free(graph->nodes[i].id);
        core_free(graph->nodes[i].label);
    }
    core_free(graph->nodes);
    core_free(graph->edges);
    *graph = (ledger_graph){ 0 };
}

/* Room for one element more in an array that doubles. */
static ea_status grow(ledger_store *store, void **array, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return EA_OK;
    int wanted = *capacity ? 2 * *capacity : 64;
    void *grown = wanted > GRAPH_MAX
                      ? NULL
                      : core_realloc(*array, (size_t)count * size, (size_t)wanted * size);
    if (!grown)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "the lineage has more than %d nodes",
                         count);
    *array = grown;
    *capacity = wanted;
    return EA_OK;
}

/* The names of a content, with commas between; the command of a run. */
static ea_status find_label(ledger_store *store, const char *id, ledger_node *node)
{
    static const char *const object_names =
        "SELECT group_concat(name, ', '), 0 FROM (SELECT name || '@' || version AS name FROM "
        "data_version WHERE digest = ?1 UNION ALL SELECT name || '@' || version FROM model WHERE "
        "digest = ?1)";
    sqlite3_stmt *rows;
    ledger_digest digest;
    bool row, object = strncmp(id, "object:", 7) == 0 && ledger_from_hex(id + 7, &digest);
    const char *name = strchr(id, ':');
    if (object)
        EA_TRY(ledger_query(store, &rows, object_names, "h", &digest));
    else
        EA_TRY(ledger_query(
            store, &rows, "SELECT command, ifnull(ended, started) / 1000000 FROM run WHERE id = ?",
            "t", name ? name + 1 : id));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK) {
        const char *text = row ? (const char *)sqlite3_column_text(rows, 0) : NULL;
        bool feature = strncmp(id, "feature:", 8) == 0;
        node->label = core_strdup(feature ? id + 8 : text ? text : "");
        node->time = row ? sqlite3_column_int64(rows, 1) : 0;
    }
    ledger_done(store, rows);
    EA_TRY(status);
    return node->label ? EA_OK
                       : core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a name");
}

/* The numbers of nodes by name are in a temporary table: a graph may be large. */
static ea_status add_node(ledger_store *store, ledger_graph *graph, const char *id, int *number)
{
    int64_t found = -1;
    EA_TRY(ledger_value(store, &found, "SELECT number FROM temp.seen WHERE id = ?", "t", id));
    *number = (int)found;
    if (found >= 0)
        return EA_OK;
    EA_TRY(grow(store, (void **)&graph->nodes, graph->node_count, &graph->node_capacity,
                sizeof *graph->nodes));
    ledger_node *node = &graph->nodes[graph->node_count];
    *node = (ledger_node){ .id = core_strdup(id) };
    *number = graph->node_count++;
    if (!node->id)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a name");
    EA_TRY(find_label(store, id, node));
    return ledger_exec(store, "INSERT INTO temp.seen (id, number) VALUES (?, ?)", "ti", id,
                       (int64_t)*number);
}

static ea_status add_edge(ledger_store *store, ledger_graph *graph, int child, int parent,
                          const char *role)
{
    EA_TRY(grow(store, (void **)&graph->edges, graph->edge_count, &graph->edge_capacity,
                sizeof *graph->edges));
    ledger_edge *edge = &graph->edges[graph->edge_count++];
    *edge = (ledger_edge){ child, parent, "" };
    snprintf(edge->role, sizeof edge->role, "%s", role ? role : "");
    return EA_OK;
}

static ea_status add_neighbours(ledger_store *store, ledger_graph *graph, int from, bool up)
{
    sqlite3_stmt *rows;
    bool row;
    if (up)
        EA_TRY(ledger_query(store, &rows,
                            "SELECT parent, role FROM link WHERE child = ? ORDER BY parent, role",
                            "t", graph->nodes[from].id));
    else
        EA_TRY(ledger_query(store, &rows,
                            "SELECT child, role FROM link WHERE parent = ? ORDER BY child, role",
                            "t", graph->nodes[from].id));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        int other;
        status = add_node(store, graph, (const char *)sqlite3_column_text(rows, 0), &other);
        if (status == EA_OK)
            status = add_edge(store, graph, up ? from : other, up ? other : from,
                              (const char *)sqlite3_column_text(rows, 1));
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}

/* Breadth first. What was found upwards lies in nodes 1 … up−1; downwards starts again from node 0.
 */
static ea_status load(ledger_store *store, const char *node, ledger_graph *out)
{
    int start;
    EA_TRY(add_node(store, out, node, &start));
    for (int i = 0; i < out->node_count; i++)
        EA_TRY(add_neighbours(store, out, i, true));
    int up = out->node_count;
    EA_TRY(add_neighbours(store, out, 0, false));
    for (int i = up; i < out->node_count; i++)
        EA_TRY(add_neighbours(store, out, i, false));
    return EA_OK;
}

ea_status ledger_lineage_load(ledger_store *store, const char *node, ledger_graph *out)
{
    *out = (ledger_graph){ 0 };
    EA_TRY(ledger_exec(store, "DROP TABLE IF EXISTS temp.seen", ""));
    EA_TRY(ledger_exec(
        store, "CREATE TEMP TABLE seen (id TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID", ""));
    ea_status status = load(store, node, out);
    if (status != EA_OK)
        ledger_graph_free(out);
    return status;
}
