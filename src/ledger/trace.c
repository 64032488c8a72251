/* trace.c: reading traces and finding where two part. */
#include "ledger/trace.h"
#include "core/context.h"
#include "core/memory.h"
#include "core/view.h"

#include <errno.h>
#include <string.h>

enum { BUFFER = 1 << 20, MAX_STRINGS = 1 << 24 };

/* A string and its hash: strings of two traces are compared by hash first. */
typedef struct trace_string {
    char *text;
    uint64_t hash;
} trace_string;

struct ledger_trace {
    ea_context *ctx;
    FILE *file;
    char *name, *buffer;
    const char *ending;
    char contract[IO_TRACE_CONTRACT_SIZE + 1];
    trace_string *strings;
    uint32_t string_count, string_capacity;
    uint64_t last_step, records;
    bool ended;
};

/* --- Opening ------------------------------------------------------------------------------------
 */

void ledger_trace_close(ledger_trace *trace)
{
    if (!trace)
        return;
    for (uint32_t i = 0; i < trace->string_count; i++)
        core_free(trace->strings[i].text);
    core_free(trace->strings);
    fclose(trace->file);
    core_free(trace->buffer);
    core_free(trace->name);
    core_free(trace);
}

static ea_status read_header(ledger_trace *trace)
{
    unsigned char header[IO_TRACE_RECORD];
    if (fread(header, 1, sizeof header, trace->file) != sizeof header ||
        memcmp(header, IO_TRACE_MAGIC, strlen(IO_TRACE_MAGIC)) != 0)
        return core_fail(trace->ctx, EA_ERR_FORMAT, "%s is no trace of Eadem", trace->name);
    if (header[8] != IO_TRACE_VERSION || header[9] || header[10] || header[11])
        return core_fail(trace->ctx, EA_ERR_FORMAT,
                         "%s is a trace of a later version: read it with a later Eadem",
                         trace->name);
    memcpy(trace->contract, header + IO_TRACE_CONTRACT_AT, IO_TRACE_CONTRACT_SIZE);
    return EA_OK;
}

ea_status ledger_trace_from(ea_context *ctx, FILE *file, const char *name, ledger_trace **out)
{
    *out = NULL;
    ledger_trace *trace = core_alloc_zero(sizeof *trace);
    if (!trace) {
        fclose(file);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to read the trace %s", name);
    }
    trace->ctx = ctx;
    trace->file = file;
    trace->name = core_strdup(name);
    trace->buffer = core_alloc(BUFFER);
    ea_status status = trace->name && trace->buffer
                           ? EA_OK
                           : core_fail(ctx, EA_ERR_MEMORY, "no memory to read the trace %s", name);
    if (status == EA_OK) {
        setvbuf(file, trace->buffer, _IOFBF, BUFFER);
        status = read_header(trace);
    }
    if (status != EA_OK)
        ledger_trace_close(trace);
    else
        *out = trace;
    return status;
}

ea_status ledger_trace_open(ea_context *ctx, const char *path, ledger_trace **out)
{
    FILE *file = fopen(path, "re");
    *out = NULL;
    if (!file)
        return core_fail(ctx, EA_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    return ledger_trace_from(ctx, file, path, out);
}

/* --- Records ------------------------------------------------------------------------------------
 */

static bool end_with(ledger_trace *trace, const char *ending)
{
    trace->ended = true;
    trace->ending = ending;
    return false;
}

static ea_status add_string(ledger_trace *trace, char *text, uint64_t hash)
{
    if (trace->string_count == trace->string_capacity) {
        uint32_t capacity = trace->string_capacity ? 2 * trace->string_capacity : 64;
        trace_string *larger = core_realloc(trace->strings, trace->string_count * sizeof *larger,
                                            capacity * sizeof *larger);
        if (!larger)
            return core_fail(trace->ctx, EA_ERR_MEMORY, "no memory to read the trace %s",
                             trace->name);
        trace->strings = larger;
        trace->string_capacity = capacity;
    }
    trace->strings[trace->string_count++] = (trace_string){ text, hash };
    return EA_OK;
}

static ea_status read_string(ledger_trace *trace, const io_trace_record *record)
{
    char bytes[EA_TRACE_NAME_MAX + 1 + IO_TRACE_RECORD];
    size_t length = record->shape;
    size_t padded = (length + IO_TRACE_RECORD - 1) / IO_TRACE_RECORD * IO_TRACE_RECORD;
    if (record->name != trace->string_count || length > EA_TRACE_NAME_MAX ||
        trace->string_count == MAX_STRINGS) {
        end_with(trace, "a string's record is damaged");
        return EA_OK;
    }
    if (fread(bytes, 1, padded, trace->file) != padded) {
        end_with(trace, "it was cut off inside a record");
        return EA_OK;
    }
    if (io_trace_hash(bytes, length) != record->numel || memchr(bytes, 0, length)) {
        end_with(trace, "a string is damaged");
        return EA_OK;
    }
    bytes[length] = 0;
    char *text = core_strdup(bytes);
    if (!text)
        return core_fail(trace->ctx, EA_ERR_MEMORY, "no memory to read the trace %s", trace->name);
    ea_status status = add_string(trace, text, record->numel);
    if (status != EA_OK)
        core_free(text);
    return status;
}

static bool is_tensor(const ledger_trace *trace, const io_trace_record *record)
{
    return record->kind == IO_TRACE_TENSOR && record->role >= EA_TRACE_BATCH &&
           record->role <= EA_TRACE_GENERATOR && record->dtype < CORE_DTYPE_COUNT &&
           record->ndim <= EA_MAX_DIMS && record->name < trace->string_count &&
           record->shape < trace->string_count && record->step >= trace->last_step;
}

/* Reads one record of any kind; false at the end of what can be read. */
static bool read_record(ledger_trace *trace, io_trace_record *record)
{
    unsigned char bytes[IO_TRACE_RECORD];
    size_t got = fread(bytes, 1, sizeof bytes, trace->file);
    if (got == 0)
        return end_with(trace, "it was not closed: its program stopped early or still runs");
    if (got < sizeof bytes)
        return end_with(trace, "it was cut off inside a record");
    if (!io_trace_decode(bytes, record))
        return end_with(trace, "a record is damaged");
    if (record->kind == IO_TRACE_END)
        return end_with(trace, record->step == trace->records
                                   ? NULL
                                   : "its closing record counts other records than it has");
    if (record->kind != IO_TRACE_STRING && !is_tensor(trace, record))
        return end_with(trace, "a record is damaged");
    return true;
}

ea_status ledger_trace_next(ledger_trace *trace, io_trace_record *record, bool *got)
{
    *got = false;
    while (!trace->ended && read_record(trace, record)) {
        if (record->kind == IO_TRACE_TENSOR) {
            trace->last_step = record->step;
            trace->records++;
            *got = true;
            return EA_OK;
        }
        EA_TRY(read_string(trace, record));
    }
    if (ferror(trace->file))
        return core_fail(trace->ctx, EA_ERR_IO, "cannot read %s", trace->name);
    return EA_OK;
}

const char *ledger_trace_string(const ledger_trace *trace, uint32_t number)
{
    return trace->strings[number].text;
}

const char *ledger_trace_ending(const ledger_trace *trace)
{
    return trace->ending;
}

const char *ledger_trace_contract(const ledger_trace *trace)
{
    return trace->contract;
}

const char *ledger_trace_role(uint8_t role)
{
    static const char *const names[] = {
        "", "batch", "activation", "gradient", "parameter", "optimiser state", "generator state"
    };
    return role <= EA_TRACE_GENERATOR ? names[role] : "";
}

/* --- Comparison ---------------------------------------------------------------------------------
 */

static bool same_string(const ledger_trace *a, uint32_t in_a, const ledger_trace *b, uint32_t in_b)
{
    return a->strings[in_a].hash == b->strings[in_b].hash &&
           strcmp(a->strings[in_a].text, b->strings[in_b].text) == 0;
}

static bool same_tensor(const ledger_trace *a, const io_trace_record *x, const ledger_trace *b,
                        const io_trace_record *y)
{
    return x->step == y->step && x->role == y->role && x->dtype == y->dtype &&
           same_string(a, x->name, b, y->name) && same_string(a, x->shape, b, y->shape);
}

static bool same_value(const io_trace_record *x, const io_trace_record *y)
{
    return memcmp(x->digest, y->digest, sizeof x->digest) == 0;
}

/* Reads both to their first record of a step that the other can have as well: a resumed run's trace
 * begins late. */
static ea_status align(ledger_trace *a, ledger_trace *b, ledger_trace_difference *out)
{
    EA_TRY(ledger_trace_next(a, &out->a, &out->has_a));
    EA_TRY(ledger_trace_next(b, &out->b, &out->has_b));
    while (out->has_a && out->has_b && out->a.step != out->b.step) {
        bool behind = out->a.step < out->b.step;
        EA_TRY(behind ? ledger_trace_next(a, &out->a, &out->has_a)
                      : ledger_trace_next(b, &out->b, &out->has_b));
        *(behind ? &out->skipped_a : &out->skipped_b) += 1;
    }
    return EA_OK;
}

/* How many tensors of the step differ, from the first on. */
static ea_status count_differing(ledger_trace *a, ledger_trace *b, ledger_trace_difference *out)
{
    io_trace_record x = out->a, y = out->b;
    bool got_a = true, got_b = true;
    while (got_a && got_b && x.step == out->a.step && same_tensor(a, &x, b, &y)) {
        out->differing += !same_value(&x, &y);
        EA_TRY(ledger_trace_next(a, &x, &got_a));
        EA_TRY(ledger_trace_next(b, &y, &got_b));
    }
    return EA_OK;
}

ea_status ledger_trace_compare(ledger_trace *a, ledger_trace *b, ledger_trace_difference *out)
{
    *out = (ledger_trace_difference){ 0 };
    EA_TRY(align(a, b, out));
    while (out->has_a && out->has_b) {
        if (!same_tensor(a, &out->a, b, &out->b)) {
            out->outcome = LEDGER_TRACES_STRUCTURE;
            return EA_OK;
        }
        if (!same_value(&out->a, &out->b)) {
            out->outcome = LEDGER_TRACES_VALUE;
            return count_differing(a, b, out);
        }
        out->equal++;
        EA_TRY(ledger_trace_next(a, &out->a, &out->has_a));
        EA_TRY(ledger_trace_next(b, &out->b, &out->has_b));
    }
    if (out->has_a || out->has_b)
        out->outcome = LEDGER_TRACES_LENGTH;
    return EA_OK;
}
