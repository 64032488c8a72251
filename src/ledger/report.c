/* report.c: reading what a program reported. */
#include "ledger/report.h"
#include "core/memory.h"
#include "io/run.h"
#include "ledger/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Metric names found by text: open addressing over the keys' numbers + 1. */
typedef struct key_table {
    uint32_t *slots;
    size_t count;
} key_table;

static ea_status no_memory(ea_context *ctx)
{
    return core_fail(ctx, EA_ERR_MEMORY, "no memory for the report of a run");
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static uint32_t *find_slot(const key_table *table, char *const *keys, const char *key)
{
    size_t at = hash_text(key) & (table->count - 1);
    while (table->slots[at] && strcmp(keys[table->slots[at] - 1], key) != 0)
        at = (at + 1) & (table->count - 1);
    return &table->slots[at];
}

static bool grow_table(key_table *table, const ledger_report *report)
{
    size_t count = table->count ? 2 * table->count : 64;
    key_table grown = { core_alloc_zero(count * sizeof *grown.slots), count };
    if (!grown.slots)
        return false;
    for (uint32_t i = 0; i < report->key_count; i++)
        *find_slot(&grown, report->keys, report->keys[i]) = i + 1;
    core_free(table->slots);
    *table = grown;
    return true;
}

static bool add_key(ledger_report *report, const char *key)
{
    if (report->key_count == report->key_capacity) {
        uint32_t capacity = report->key_capacity ? 2 * report->key_capacity : 16;
        char **keys =
            core_realloc(report->keys, report->key_count * sizeof *keys, capacity * sizeof *keys);
        if (!keys)
            return false;
        report->keys = keys;
        report->key_capacity = capacity;
    }
    report->keys[report->key_count] = core_strdup(key);
    return report->keys[report->key_count] && ++report->key_count;
}

static bool number_of_key(ledger_report *report, key_table *table, const char *key, uint32_t *out)
{
    if (2 * report->key_count >= table->count && !grow_table(table, report))
        return false;
    uint32_t *slot = find_slot(table, report->keys, key);
    if (!*slot) {
        if (!add_key(report, key))
            return false;
        *slot = report->key_count;
    }
    *out = *slot - 1;
    return true;
}

static bool add_point(ledger_report *report, const ledger_point *point)
{
    if (report->count == report->capacity) {
        size_t capacity = report->capacity ? 2 * report->capacity : 256;
        ledger_point *points =
            core_realloc(report->points, report->count * sizeof *points, capacity * sizeof *points);
        if (!points)
            return false;
        report->points = points;
        report->capacity = capacity;
    }
    report->points[report->count++] = *point;
    return true;
}

/* Undoes the escapes of \t, \n, \r and \\ in place. */
static void unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (*text == '\\' && text[1]) {
            text++;
            *to++ = *text == 't' ? '\t' : *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text;
        } else {
            *to++ = *text;
        }
    }
    *to = 0;
}

/* Cuts a line at its tabs; false when there are not five fields. */
static bool split(char *line, char *fields[5])
{
    for (int i = 0; i < 5; i++) {
        fields[i] = line;
        char *tab = strchr(line, '\t');
        if (!tab != (i == 4))
            return false;
        if (tab) {
            *tab = 0;
            line = tab + 1;
        }
    }
    return true;
}

static bool whole_number(const char *text, int64_t *out)
{
    ledger_number number;
    if (!ledger_number_read(text, &number) || !number.whole)
        return false;
    *out = number.integer;
    return true;
}

static ea_status read_line(ea_context *ctx, ledger_report *report, key_table *table, char *line)
{
    char *fields[5];
    ledger_point point = { .step = EA_RUN_NO_STEP };
    bool good = split(line, fields) && whole_number(fields[2], &point.time) && *fields[3] &&
                (!*fields[1] || whole_number(fields[1], &point.step));
    bool is_param = good && strcmp(fields[0], "param") == 0;
    if (!good || (!is_param && (strcmp(fields[0], "metric") != 0 ||
                                !ledger_number_read(fields[4], &point.value)))) {
        report->damaged++;
        return EA_OK;
    }
    unescape(fields[3]);
    unescape(fields[4]);
    if (is_param) {
        if (json_object_set_new(report->params, fields[3], ledger_json_text(fields[4])) != 0)
            report->damaged++; /* a name that is not UTF-8 */
        return EA_OK;
    }
    if (!number_of_key(report, table, fields[3], &point.key) || !add_point(report, &point))
        return no_memory(ctx);
    return EA_OK;
}

ea_status ledger_report_read(ea_context *ctx, char *text, size_t size, ledger_report *out)
{
    key_table table = { 0 };
    ea_status status = EA_OK;
    *out = (ledger_report){ .params = json_object() };
    if (!out->params)
        return no_memory(ctx);
    for (char *line = text, *end; line < text + size && status == EA_OK; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + size - line));
        if (!end || memchr(line, 0, (size_t)(end - line))) { /* cut off, or not text */
            out->damaged++;
            if (!end)
                break;
            continue;
        }
        *end = 0;
        status = read_line(ctx, out, &table, line);
    }
    core_free(table.slots);
    if (status != EA_OK)
        ledger_report_free(out);
    return status;
}

void ledger_report_free(ledger_report *report)
{
    for (uint32_t i = 0; i < report->key_count; i++)
        core_free(report->keys[i]);
    core_free(report->keys);
    core_free(report->points);
    json_decref(report->params);
    *report = (ledger_report){ 0 };
}

/* --- Summary ------------------------------------------------------------------------------------
 */

typedef struct summary {
    const ledger_point *last, *smallest, *largest;
    int64_t count;
} summary;

static json_t *number_json(const ledger_number *number)
{
    char text[IO_HEX_DOUBLE];
    return number->whole ? json_integer(number->integer)
                         : json_string(io_hex_double(number->real, text));
}

static json_t *summary_json(const summary *s)
{
    json_t *entry = json_pack("{s:I, s:o, s:o, s:o}", "count", (json_int_t)s->count, "last",
                              number_json(&s->last->value), "min", number_json(&s->smallest->value),
                              "max", number_json(&s->largest->value));
    if (entry && s->last->step != EA_RUN_NO_STEP)
        json_object_set_new(entry, "step", json_integer(s->last->step));
    return entry;
}

json_t *ledger_report_summary(const ledger_report *report)
{
    summary *all = core_alloc_zero((report->key_count + 1) * sizeof *all);
    json_t *metrics = json_object();
    if (!all || !metrics) {
        core_free(all);
        json_decref(metrics);
        return NULL;
    }
    for (size_t i = 0; i < report->count; i++) {
        const ledger_point *point = &report->points[i];
        summary *s = &all[point->key];
        s->last = point;
        if (!s->count++ || point->value.real < s->smallest->value.real)
            s->smallest = point;
        if (s->count == 1 || point->value.real > s->largest->value.real)
            s->largest = point;
    }
    for (uint32_t i = 0; i < report->key_count; i++)
        json_object_set_new(metrics, report->keys[i], summary_json(&all[i]));
    core_free(all);
    return metrics;
}
