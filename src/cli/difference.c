/* difference.c: the differences of two runs as text. */
#include "cli/difference.h"
#include "cli/show.h"
#include "core/memory.h"
#include "ledger/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DIFF_LINES = 200, VALUES_SHOWN = 40 };

/* A value of a record: texts as they are, the rest as JSON. */
static void print_value(FILE *to, const json_t *value)
{
    char *bytes = value ? ledger_json_bytes(value) : NULL;
    if (bytes) {
        cli_print_text(to, bytes);
    } else if (!value || json_is_null(value)) {
        fputs("(none)", to);
    } else {
        char *text = ledger_json_dump(value);
        cli_print_text(to, text ? text : "");
        free(text);
    }
    core_free(bytes);
}

static void print_pair(FILE *to, const json_t *a, const json_t *b, const char *name_a,
                       const char *name_b)
{
    int width = (int)(strlen(name_a) > strlen(name_b) ? strlen(name_a) : strlen(name_b));
    fprintf(to, "      %-*s  ", width, name_a);
    print_value(to, a);
    fprintf(to, "\n      %-*s  ", width, name_b);
    print_value(to, b);
    fputs("\n", to);
}

/* --- Causes -------------------------------------------------------------------------------------
 */

static void print_lines(FILE *to, const char *text)
{
    for (int line = 0; *text; line++) {
        size_t length = strcspn(text, "\n");
        char *copy = line < DIFF_LINES ? strndup(text, length) : NULL;
        if (!copy) {
            fprintf(to, "      … and more: --json has all\n");
            return;
        }
        fputs("      ", to);
        cli_print_text(to, copy);
        fputs("\n", to);
        free(copy);
        text += length + (text[length] == '\n');
    }
}

static void print_code(FILE *to, const json_t *code, const char *a, const char *b)
{
    const json_t *commits = json_object_get(code, "commit"), *file, *diff;
    size_t i;
    fprintf(to, "  code\n");
    if (!json_equal(json_array_get(commits, 0), json_array_get(commits, 1)))
        print_pair(to, json_array_get(commits, 0), json_array_get(commits, 1), a, b);
    json_array_foreach(json_object_get(code, "files"), i, file)
    {
        fputs("    ", to);
        print_value(to, json_object_get(file, "path"));
        if (json_object_get(file, "added"))
            fprintf(to, "  +%lld −%lld\n", (long long)ledger_json_integer(file, "added"),
                    (long long)ledger_json_integer(file, "removed"));
        else
            fprintf(to, "  binary\n");
    }
    if (json_object_get(code, "why")) {
        fprintf(to, "    the code cannot be shown: ");
        print_value(to, json_object_get(code, "why"));
        fputs("\n", to);
    }
    diff = json_object_get(code, "diff");
    if (json_is_string(diff))
        print_lines(to, json_string_value(diff));
}

static void print_files(FILE *to, const json_t *entry)
{
    const json_t *file;
    size_t i;
    json_array_foreach(json_object_get(entry, "files"), i, file)
    {
        fprintf(to, "      %s ", ledger_json_string(file, "kind"));
        print_value(to, json_object_get(file, "path"));
        fputs("\n", to);
    }
    if (json_object_get(entry, "more"))
        fprintf(to, "      … and %lld more\n", (long long)ledger_json_integer(entry, "more"));
}

static void print_data(FILE *to, const json_t *data, const char *a, const char *b)
{
    const json_t *entry;
    size_t i;
    fprintf(to, "  data\n");
    json_array_foreach(data, i, entry)
    {
        fputs("    ", to);
        print_value(to, json_object_get(entry, "path"));
        fputs("\n", to);
        print_pair(to, json_object_get(entry, "a"), json_object_get(entry, "b"), a, b);
        print_files(to, entry);
    }
}

static void print_values(FILE *to, const char *title, const json_t *values, const char *a,
                         const char *b)
{
    const json_t *entry;
    size_t i;
    if (json_array_size(values))
        fprintf(to, "  %s\n", title);
    json_array_foreach(values, i, entry)
    {
        if (i == VALUES_SHOWN) {
            fprintf(to, "    … and %zu more: --json has all\n", json_array_size(values) - i);
            return;
        }
        fputs("    ", to);
        cli_print_text(to, ledger_json_string(entry, "key"));
        fputs("\n", to);
        print_pair(to, json_object_get(entry, "a"), json_object_get(entry, "b"), a, b);
    }
}

void cli_print_causes(FILE *to, const json_t *causes, const char *a, const char *b)
{
    static const char *const lists[] = { "environment", "parameters", "seeds", "command" };
    if (json_object_size(causes) == 0) {
        fprintf(to, "causes: none: code, data, environment, parameters and seeds are the same\n");
        return;
    }
    fprintf(to, "causes\n");
    if (json_object_get(causes, "code"))
        print_code(to, json_object_get(causes, "code"), a, b);
    if (json_object_get(causes, "data"))
        print_data(to, json_object_get(causes, "data"), a, b);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        print_values(to, lists[i], json_object_get(causes, lists[i]), a, b);
}

/* --- Effects ------------------------------------------------------------------------------------
 */

static void print_ulps(FILE *to, const json_t *entry)
{
    if (json_object_get(entry, "float_ulps"))
        fprintf(to, "      apart: %lld ulp of float32\n",
                (long long)ledger_json_integer(entry, "float_ulps"));
    else if (json_object_get(entry, "ulps"))
        fprintf(to, "      apart: %lld ulp of float64\n",
                (long long)ledger_json_integer(entry, "ulps"));
}

static void print_metric(FILE *to, const json_t *metric, const char *a, const char *b)
{
    const json_t *counts = json_object_get(metric, "counts"),
                 *step = json_object_get(metric, "step");
    long long count_a = (long long)json_integer_value(json_array_get(counts, 0));
    long long count_b = (long long)json_integer_value(json_array_get(counts, 1));
    fputs("    ", to);
    cli_print_text(to, ledger_json_string(metric, "key"));
    if (json_is_integer(step))
        fprintf(to, " at step %lld", (long long)json_integer_value(step));
    fputs("\n", to);
    if (json_object_get(metric, "a") || json_object_get(metric, "b"))
        print_pair(to, json_object_get(metric, "a"), json_object_get(metric, "b"), a, b);
    if (json_object_get(metric, "step_b"))
        fprintf(to, "      %s reported step %lld here\n", b,
                (long long)ledger_json_integer(metric, "step_b"));
    print_ulps(to, metric);
    if (count_a != count_b)
        fprintf(to, "      %s reported %lld values, %s %lld\n", a, count_a, b, count_b);
}

static void print_tensor(FILE *to, const json_t *tensor)
{
    fprintf(to, "step %lld, %s ", (long long)ledger_json_integer(tensor, "step"),
            ledger_json_string(tensor, "role"));
    cli_print_text(to, ledger_json_string(tensor, "name"));
    fprintf(to, " (%s [", ledger_json_string(tensor, "type"));
    cli_print_text(to, ledger_json_string(tensor, "shape"));
    fprintf(to, "])");
}

static void print_ending(FILE *to, const json_t *trace, const char *key, const char *name)
{
    if (json_object_get(trace, key))
        fprintf(to, "    the trace of %s: %s\n", name, ledger_json_string(trace, key));
}

void cli_print_trace(FILE *to, const json_t *trace, const char *a, const char *b)
{
    const char *outcome = ledger_json_string(trace, "outcome");
    const json_t *in_a = json_object_get(trace, "a"), *in_b = json_object_get(trace, "b"),
                 *skipped = json_object_get(trace, "skipped");
    fprintf(to, "  trace: ");
    if (strcmp(outcome, "value") == 0) {
        fprintf(to, "first difference at ");
        print_tensor(to, in_a);
        fputs("\n", to);
        print_pair(to, json_object_get(in_a, "value"), json_object_get(in_b, "value"), a, b);
        print_ulps(to, trace);
        fprintf(to, "      %lld tensors before it are equal; %lld of this step differ\n",
                (long long)ledger_json_integer(trace, "equal"),
                (long long)ledger_json_integer(trace, "differing"));
    } else if (strcmp(outcome, "structure") == 0) {
        fprintf(to, "the programs computed different tensors, after %lld equal ones\n",
                (long long)ledger_json_integer(trace, "equal"));
        fprintf(to, "      %s: ", a);
        print_tensor(to, in_a);
        fprintf(to, "\n      %s: ", b);
        print_tensor(to, in_b);
        fputs("\n", to);
    } else if (strcmp(outcome, "length") == 0) {
        fprintf(to, "%lld equal tensors, then only %s goes on, with ",
                (long long)ledger_json_integer(trace, "equal"), in_a ? a : b);
        print_tensor(to, in_a ? in_a : in_b);
        fputs("\n", to);
    } else if (strcmp(outcome, "same") == 0) {
        fprintf(to, "%lld tensors, all equal\n", (long long)ledger_json_integer(trace, "equal"));
    } else {
        fprintf(to, "only %s has one\n", strcmp(outcome, "only a") == 0 ? a : b);
    }
    for (size_t i = 0; i < 2; i++)
        if (json_integer_value(json_array_get(skipped, i)))
            fprintf(to, "      %lld tensors of %s come before the first common step\n",
                    (long long)json_integer_value(json_array_get(skipped, i)), i ? b : a);
    print_ending(to, trace, "ending_a", a);
    print_ending(to, trace, "ending_b", b);
}

/* "[7, 77]" */
static void print_index(FILE *to, const json_t *index)
{
    char *text = json_dumps(index, 0);
    fputs(text ? text : "", to);
    free(text);
}

static void print_output_tensor(FILE *to, const json_t *output, const char *a, const char *b)
{
    const json_t *tensor = json_object_get(output, "tensor"),
                 *elements = json_object_get(tensor, "elements"),
                 *tensors = json_object_get(output, "tensors");
    if (!tensor) {
        fprintf(to, "      all %lld tensors are equal; the headers differ\n",
                (long long)json_integer_value(json_array_get(tensors, 1)));
        return;
    }
    fprintf(to, "      first difference in tensor ");
    print_value(to, json_object_get(tensor, "name"));
    if (elements) {
        fprintf(to, " (%s %s) at ", ledger_json_string(tensor, "type"),
                ledger_json_string(tensor, "shape"));
        print_index(to, json_object_get(tensor, "index"));
    }
    fputs("\n", to);
    print_pair(to, json_object_get(tensor, "a"), json_object_get(tensor, "b"), a, b);
    print_ulps(to, tensor);
    fputs("      ", to);
    if (elements)
        fprintf(to, "%lld of its %lld elements differ; ",
                (long long)json_integer_value(json_array_get(elements, 0)),
                (long long)json_integer_value(json_array_get(elements, 1)));
    fprintf(to, "%lld of %lld tensors differ\n",
            (long long)json_integer_value(json_array_get(tensors, 0)),
            (long long)json_integer_value(json_array_get(tensors, 1)));
}

static void print_output(FILE *to, const json_t *output, const char *a, const char *b)
{
    fputs("    ", to);
    print_value(to, json_object_get(output, "path"));
    fputs("\n", to);
    print_pair(to, json_object_get(output, "a"), json_object_get(output, "b"), a, b);
    print_files(to, output);
    if (json_object_get(output, "file")) {
        fprintf(to, "      in ");
        print_value(to, json_object_get(output, "file"));
        fputs("\n", to);
    }
    if (json_object_get(output, "tensors"))
        print_output_tensor(to, output, a, b);
    if (json_object_get(output, "byte"))
        fprintf(to, "      first difference at byte %lld\n",
                (long long)ledger_json_integer(output, "byte"));
    if (json_object_get(output, "why")) {
        fprintf(to, "      the contents cannot be compared: ");
        print_value(to, json_object_get(output, "why"));
        fputs("\n", to);
    }
}

static void print_outputs(FILE *to, const json_t *outputs, const char *a, const char *b)
{
    const json_t *entry;
    size_t i;
    if (json_array_size(outputs))
        fprintf(to, "  outputs\n");
    json_array_foreach(outputs, i, entry) print_output(to, entry, a, b);
}

void cli_print_effects(FILE *to, const json_t *effects, const char *a, const char *b)
{
    const json_t *metrics = json_object_get(effects, "metrics"), *metric,
                 *exit_codes = json_object_get(effects, "exit");
    size_t i;
    if (ledger_json_true(effects, "identical")) {
        fprintf(to, "effects: none: all %lld outputs, metrics and traces are identical\n",
                (long long)ledger_json_integer(effects, "compared"));
        return;
    }
    fprintf(to, "effects\n");
    if (json_object_get(effects, "trace"))
        cli_print_trace(to, json_object_get(effects, "trace"), a, b);
    if (json_array_size(metrics))
        fprintf(to, "  metrics, in the order in which they part\n");
    json_array_foreach(metrics, i, metric) if (i < VALUES_SHOWN) print_metric(to, metric, a, b);
    print_outputs(to, json_object_get(effects, "outputs"), a, b);
    if (exit_codes) {
        fprintf(to, "  exit code\n");
        print_pair(to, json_array_get(exit_codes, 0), json_array_get(exit_codes, 1), a, b);
    }
}
