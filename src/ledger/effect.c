/* effect.c: where the results of two runs part. */
#include "ledger/effect.h"
#include "core/memory.h"
#include "core/view.h"
#include "io/run.h"
#include "ledger/json.h"
#include "ledger/output.h"
#include "ledger/report.h"
#include "ledger/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_MAX = 1 << 30 };

static ea_status no_memory(void)
{
    return core_fail(NULL, EA_ERR_MEMORY, "no memory to compare two runs");
}

/* --- Metrics ------------------------------------------------------------------------------------
 */

/* The points of one metric: their numbers in the report, in order. */
typedef struct series {
    const ledger_report *report;
    size_t *points, *starts; /* key k has points[starts[k]] … points[starts[k + 1] − 1] */
} series;

static void series_free(series *s)
{
    core_free(s->points);
    core_free(s->starts);
}

static bool series_make(series *s, const ledger_report *report)
{
    *s = (series){ .report = report };
    s->points = core_alloc((report->count + 1) * sizeof *s->points);
    s->starts = core_alloc_zero((report->key_count + 2) * sizeof *s->starts);
    if (!s->points || !s->starts) {
        series_free(s);
        return false;
    }
    for (size_t i = 0; i < report->count; i++) /* a counting sort; two places up, see below */
        s->starts[report->points[i].key + 2]++;
    for (uint32_t k = 2; k < report->key_count + 2; k++)
        s->starts[k] += s->starts[k - 1];
    for (size_t i = 0; i < report->count; i++)
        s->points[s->starts[report->points[i].key + 1]++] = i;
    return true;
}

static size_t series_count(const series *s, uint32_t key)
{
    return s->starts[key + 1] - s->starts[key];
}

static const ledger_point *series_point(const series *s, uint32_t key, size_t i)
{
    return &s->report->points[s->points[s->starts[key] + i]];
}

static json_t *number_json(const ledger_number *number)
{
    char text[LEDGER_NUMBER_TEXT];
    return json_string(ledger_number_show(number, text));
}

static void set_distance(json_t *entry, const ledger_number *a, const ledger_number *b)
{
    uint64_t ulps = ledger_ulps(a->real, b->real);
    float x = (float)a->real, y = (float)b->real;
    if (a->whole && b->whole)
        return;
    if (ulps != UINT64_MAX)
        json_object_set_new(entry, "ulps", json_integer((json_int_t)ulps));
    if (ulps != UINT64_MAX && (double)x == a->real && (double)y == b->real)
        json_object_set_new(
            entry, "float_ulps",
            json_integer((json_int_t)ledger_ulps_float(core_float_bits(x), core_float_bits(y))));
}

/* Describes how the metric parts at point i of both (which may be past one's end). */
static json_t *metric_json(const char *key, const series *a, uint32_t key_a, const series *b,
                           uint32_t key_b, size_t i)
{
    size_t count_a = series_count(a, key_a), count_b = series_count(b, key_b);
    const ledger_point *x = i < count_a ? series_point(a, key_a, i) : NULL;
    const ledger_point *y = i < count_b ? series_point(b, key_b, i) : NULL;
    json_t *entry = json_pack("{s:s, s:[I, I]}", "key", key, "counts", (json_int_t)count_a,
                              (json_int_t)count_b);
    int64_t step = x ? x->step : y->step;
    json_object_set_new(entry, "step", step == EA_RUN_NO_STEP ? json_null() : json_integer(step));
    json_object_set_new(entry, "a", x ? number_json(&x->value) : json_null());
    json_object_set_new(entry, "b", y ? number_json(&y->value) : json_null());
    if (x && y && x->step != y->step)
        json_object_set_new(entry, "step_b", json_integer(y->step));
    if (x && y)
        set_distance(entry, &x->value, &y->value);
    return entry;
}

static json_t *compare_metric(const char *key, const series *a, uint32_t key_a, const series *b,
                              uint32_t key_b)
{
    size_t count_a = series_count(a, key_a), count_b = series_count(b, key_b);
    for (size_t i = 0; i < count_a || i < count_b; i++) {
        if (i >= count_a || i >= count_b)
            return metric_json(key, a, key_a, b, key_b, i);
        const ledger_point *x = series_point(a, key_a, i), *y = series_point(b, key_b, i);
        if (x->step != y->step || !ledger_number_same(&x->value, &y->value))
            return metric_json(key, a, key_a, b, key_b, i);
    }
    return NULL;
}

static bool find_key(const ledger_report *report, const char *key, uint32_t *out)
{
    for (*out = 0; *out < report->key_count; (*out)++)
        if (strcmp(report->keys[*out], key) == 0)
            return true;
    return false;
}

static int by_step(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int64_t s = ledger_json_integer(x, "step"), t = ledger_json_integer(y, "step");
    int64_t i = ledger_json_integer(x, "order"), k = ledger_json_integer(y, "order");
    return s != t ? (s > t) - (s < t) : (i > k) - (i < k);
}

/* Puts the metrics into the order in which they part. */
static json_t *sorted(json_t *found)
{
    size_t count = json_array_size(found);
    json_t **entries = core_alloc((count + 1) * sizeof(json_t *)), *list = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        entries[i] = json_array_get(found, i);
        json_object_set_new(entries[i], "order", json_integer((json_int_t)i));
    }
    if (entries)
        qsort(entries, count, sizeof(json_t *), by_step);
    for (size_t i = 0; entries && i < count; i++) {
        json_object_del(entries[i], "order");
        json_array_append(list, entries[i]);
    }
    core_free(entries);
    json_decref(found);
    return list;
}

static ea_status compare_reports(const ledger_report *a, const ledger_report *b, json_t **out)
{
    series sa, sb;
    json_t *found = json_array();
    if (!series_make(&sa, a))
        return no_memory();
    if (!series_make(&sb, b)) {
        series_free(&sa);
        return no_memory();
    }
    uint32_t other;
    for (uint32_t k = 0; k < a->key_count; k++) {
        json_t *entry = find_key(b, a->keys[k], &other)
                            ? compare_metric(a->keys[k], &sa, k, &sb, other)
                            : json_pack("{s:s, s:[I, i]}", "key", a->keys[k], "counts",
                                        (json_int_t)series_count(&sa, k), 0);
        if (entry)
            json_array_append_new(found, entry);
    }
    for (uint32_t k = 0; k < b->key_count; k++)
        if (!find_key(a, b->keys[k], &other))
            json_array_append_new(found, json_pack("{s:s, s:[i, I]}", "key", b->keys[k], "counts",
                                                   0, (json_int_t)series_count(&sb, k)));
    series_free(&sa);
    series_free(&sb);
    *out = sorted(found);
    return EA_OK;
}

static ea_status read_report(ledger_store *store, const json_t *record, ledger_report *out)
{
    ledger_digest digest;
    char *text = NULL;
    size_t size = 0;
    if (ledger_record_digest(json_object_get(record, "report"), "digest", &digest))
        EA_TRY(ledger_get_bytes(store, &digest, REPORT_MAX, &text, &size));
    ea_status status = ledger_report_read(NULL, text, size, out);
    core_free(text);
    return status;
}

static ea_status compare_metrics(ledger_store *store, const json_t *a, const json_t *b,
                                 int64_t *compared, json_t **out)
{
    ledger_report ra, rb;
    EA_TRY(read_report(store, a, &ra));
    ea_status status = read_report(store, b, &rb);
    if (status == EA_OK) {
        *compared += ra.key_count;
        status = compare_reports(&ra, &rb, out);
        ledger_report_free(&rb);
    }
    ledger_report_free(&ra);
    return status;
}

/* --- Trace --------------------------------------------------------------------------------------
 */

static void hex_of(const unsigned char *bytes, char *text)
{
    for (int i = 0; i < EA_TRACE_DIGEST_SIZE; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
}

/* What a record says of its tensor: its value when it has one element, else its digest. */
static json_t *value_json(const io_trace_record *record)
{
    char text[LEDGER_NUMBER_TEXT];
    double real;
    if (record->numel == 1 && record->dtype == CORE_F32)
        return json_string(ledger_float_show((uint32_t)record->value, text));
    if (record->numel == 1 && record->dtype == CORE_F64) {
        memcpy(&real, &record->value, sizeof real);
        return json_string(ledger_number_show(&(ledger_number){ .real = real }, text));
    }
    if (record->numel == 1 && (record->dtype == CORE_I32 || record->dtype == CORE_I64))
        return json_integer(record->dtype == CORE_I32 ? (int32_t)record->value
                                                      : (int64_t)record->value);
    hex_of(record->digest, text);
    return json_string(text);
}

static json_t *tensor_json(const ledger_trace *trace, const io_trace_record *record)
{
    return json_pack("{s:I, s:s, s:o, s:s, s:s, s:o}", "step", (json_int_t)record->step, "role",
                     ledger_trace_role(record->role), "name",
                     ledger_json_text(ledger_trace_string(trace, record->name)), "shape",
                     ledger_trace_string(trace, record->shape), "type",
                     core_dtype_name((core_dtype)record->dtype), "value", value_json(record));
}

static void set_trace_distance(json_t *out, const ledger_trace_difference *d)
{
    double x, y;
    if (d->outcome != LEDGER_TRACES_VALUE || d->a.numel != 1)
        return;
    memcpy(&x, &d->a.value, sizeof x);
    memcpy(&y, &d->b.value, sizeof y);
    uint64_t ulps = d->a.dtype == CORE_F32
                        ? ledger_ulps_float((uint32_t)d->a.value, (uint32_t)d->b.value)
                    : d->a.dtype == CORE_F64 ? ledger_ulps(x, y)
                                             : UINT64_MAX;
    if (ulps != UINT64_MAX)
        json_object_set_new(out, d->a.dtype == CORE_F32 ? "float_ulps" : "ulps",
                            json_integer((json_int_t)ulps));
}

static json_t *difference_json(const ledger_trace *a, const ledger_trace *b,
                               const ledger_trace_difference *d)
{
    static const char *const outcomes[] = { "same", "value", "structure", "length" };
    json_t *out = json_pack("{s:s, s:I, s:[I, I]}", "outcome", outcomes[d->outcome], "equal",
                            (json_int_t)d->equal, "skipped", (json_int_t)d->skipped_a,
                            (json_int_t)d->skipped_b);
    if (d->has_a)
        json_object_set_new(out, "a", tensor_json(a, &d->a));
    if (d->has_b)
        json_object_set_new(out, "b", tensor_json(b, &d->b));
    if (d->outcome == LEDGER_TRACES_VALUE)
        json_object_set_new(out, "differing", json_integer((json_int_t)d->differing));
    set_trace_distance(out, d);
    if (d->outcome != LEDGER_TRACES_VALUE && ledger_trace_ending(a))
        json_object_set_new(out, "ending_a", json_string(ledger_trace_ending(a)));
    if (d->outcome != LEDGER_TRACES_VALUE && ledger_trace_ending(b))
        json_object_set_new(out, "ending_b", json_string(ledger_trace_ending(b)));
    return out;
}

ea_status ledger_trace_effect(const char *path_a, const char *path_b, json_t **out)
{
    ledger_trace *a, *b;
    ledger_trace_difference difference;
    *out = NULL;
    EA_TRY(ledger_trace_open(NULL, path_a, &a));
    ea_status status = ledger_trace_open(NULL, path_b, &b);
    if (status == EA_OK) {
        status = ledger_trace_compare(a, b, &difference);
        if (status == EA_OK)
            *out = difference_json(a, b, &difference);
        ledger_trace_close(b);
    }
    ledger_trace_close(a);
    return status == EA_OK && !*out ? no_memory() : status;
}

static ea_status compare_stored(ledger_store *store, const ledger_digest *a, const ledger_digest *b,
                                json_t **out)
{
    ledger_scratch scratch;
    char path_a[PATH_MAX], path_b[PATH_MAX];
    ea_status status = ledger_scratch_pair(store, a, b, &scratch, path_a, path_b);
    if (status == EA_OK)
        status = ledger_trace_effect(path_a, path_b, out);
    ledger_scratch_remove(&scratch);
    return status;
}

static ea_status compare_traces(ledger_store *store, const json_t *a, const json_t *b,
                                int64_t *compared, json_t **out)
{
    ledger_digest in_a, in_b;
    bool has_a = ledger_record_digest(json_object_get(a, "trace"), "digest", &in_a);
    bool has_b = ledger_record_digest(json_object_get(b, "trace"), "digest", &in_b);
    *out = NULL;
    *compared += has_a;
    if (has_a != has_b)
        *out = json_pack("{s:s}", "outcome", has_a ? "only a" : "only b");
    else if (has_a && !ledger_digest_equal(&in_a, &in_b))
        return compare_stored(store, &in_a, &in_b, out);
    return EA_OK;
}

/* --- All ----------------------------------------------------------------------------------------
 */

/* The files differ, yet only in what is not compared: the header, the numbers of strings. */
static bool is_same_trace(const json_t *trace)
{
    const json_t *skipped = json_object_get(trace, "skipped");
    return strcmp(ledger_json_string(trace, "outcome"), "same") == 0 &&
           json_integer_value(json_array_get(skipped, 0)) == 0 &&
           json_integer_value(json_array_get(skipped, 1)) == 0 &&
           !json_object_get(trace, "ending_a") == !json_object_get(trace, "ending_b");
}

ea_status ledger_effects(ledger_store *store, const json_t *a, const json_t *b, json_t **out)
{
    int64_t compared = 0;
    json_t *outputs = json_array(), *metrics = NULL, *trace = NULL;
    const json_t *exit_a = json_object_get(a, "exit"), *exit_b = json_object_get(b, "exit");
    *out = NULL;
    ea_status status = ledger_outputs_compare(store, json_object_get(a, "outputs"),
                                              json_object_get(b, "outputs"), outputs, &compared);
    if (status == EA_OK)
        status = compare_metrics(store, a, b, &compared, &metrics);
    if (status == EA_OK)
        status = compare_traces(store, a, b, &compared, &trace);
    if (status != EA_OK) {
        json_decref(outputs);
        json_decref(metrics);
        return status;
    }
    bool same_exit = exit_a && exit_b ? json_equal(exit_a, exit_b) : !exit_a == !exit_b;
    bool identical = same_exit && json_array_size(outputs) == 0 && json_array_size(metrics) == 0 &&
                     (!trace || is_same_trace(trace));
    *out = json_pack("{s:b, s:I, s:o, s:o}", "identical", identical, "compared",
                     (json_int_t)compared, "outputs", outputs, "metrics", metrics);
    if (*out && trace)
        json_object_set_new(*out, "trace", trace);
    if (*out && !same_exit)
        json_object_set_new(*out, "exit", json_pack("[O?, O?]", exit_a, exit_b));
    return *out ? EA_OK : no_memory();
}
