/* trace.c: writing traces (docs/trace.md). One write() a record, so that what was traced is with
 * the operating system when the call returns, whatever becomes of the program. */
#include "io/trace.h"
#include "core/digest.h"
#include "core/memory.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CHUNK = 4096, FIRST_SLOTS = 256 };

/* The strings written so far, found by their text: a hash table of open addressing. */
typedef struct string_slot {
    char *text; /* NULL: free */
    uint32_t number;
} string_slot;

struct ea_trace {
    ea_context *ctx;
    char *path;
    int file;
    off_t size;
    uint64_t records, last_step;
    ea_status broken; /* the first failure, or EA_OK */
    string_slot *slots;
    size_t slot_count, used;
};

/* --- Records as bytes ---------------------------------------------------------------------------
 */

static void put32(unsigned char *to, uint32_t value)
{
    value = htole32(value);
    memcpy(to, &value, sizeof value);
}

static void put64(unsigned char *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof value);
}

static uint32_t get32(const unsigned char *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const unsigned char *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return le64toh(value);
}

uint64_t io_trace_hash(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

void io_trace_encode(const io_trace_record *record, unsigned char out[IO_TRACE_RECORD])
{
    memset(out, 0, IO_TRACE_RECORD);
    out[4] = record->kind;
    out[5] = record->role;
    out[6] = record->dtype;
    out[7] = record->ndim;
    put64(out + 8, record->step);
    put32(out + 16, record->name);
    put32(out + 20, record->shape);
    put64(out + 24, record->numel);
    memcpy(out + 32, record->digest, EA_TRACE_DIGEST_SIZE);
    put64(out + 48, record->value);
    put32(out, (uint32_t)io_trace_hash(out + 4, IO_TRACE_RECORD - 4));
}

bool io_trace_decode(const unsigned char in[IO_TRACE_RECORD], io_trace_record *out)
{
    if (get32(in) != (uint32_t)io_trace_hash(in + 4, IO_TRACE_RECORD - 4))
        return false;
    *out = (io_trace_record){ .kind = in[4],
                              .role = in[5],
                              .dtype = in[6],
                              .ndim = in[7],
                              .step = get64(in + 8),
                              .name = get32(in + 16),
                              .shape = get32(in + 20),
                              .numel = get64(in + 24),
                              .value = get64(in + 48) };
    memcpy(out->digest, in + 32, EA_TRACE_DIGEST_SIZE);
    return true;
}

/* --- The file -----------------------------------------------------------------------------------
 */

static ea_status io_error(ea_trace *trace, const char *what)
{
    trace->broken = EA_ERR_IO;
    return core_fail(trace->ctx, EA_ERR_IO, "trace %s: cannot %s: %s", trace->path, what,
                     strerror(errno));
}

static ea_status no_memory(ea_trace *trace)
{
    trace->broken = EA_ERR_MEMORY;
    return core_fail(trace->ctx, EA_ERR_MEMORY, "trace %s: no memory", trace->path);
}

/* Appends all bytes; when that fails, cuts the file back to the last whole record. */
static ea_status append(ea_trace *trace, const void *bytes, size_t size)
{
    const char *at = bytes;
    for (size_t left = size; left > 0;) {
        ssize_t written = write(trace->file, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            ea_status status = io_error(trace, "write");
            if (ftruncate(trace->file, trace->size) != 0)
                return status; /* a reader stops at the torn record all the same */
            return status;
        }
        at += written;
        left -= (size_t)written;
    }
    trace->size += (off_t)size;
    return EA_OK;
}

static ea_status append_header(ea_trace *trace, const char *producer, const char *contract)
{
    unsigned char header[IO_TRACE_RECORD] = IO_TRACE_MAGIC;
    put32(header + 8, IO_TRACE_VERSION);
    memcpy(header + IO_TRACE_CONTRACT_AT, contract, strlen(contract));
    memcpy(header + IO_TRACE_PRODUCER_AT, producer, strlen(producer));
    return append(trace, header, sizeof header);
}

static ea_status append_string(ea_trace *trace, uint32_t number, const char *text)
{
    unsigned char bytes[IO_TRACE_RECORD + EA_TRACE_NAME_MAX + 1] = { 0 };
    size_t length = strlen(text);
    size_t padded = (length + IO_TRACE_RECORD - 1) / IO_TRACE_RECORD * IO_TRACE_RECORD;
    io_trace_encode(&(io_trace_record){ .kind = IO_TRACE_STRING,
                                        .name = number,
                                        .shape = (uint32_t)length,
                                        .numel = io_trace_hash(text, length) },
                    bytes);
    memcpy(bytes + IO_TRACE_RECORD, text, length);
    return append(trace, bytes, IO_TRACE_RECORD + padded);
}

/* --- Strings ------------------------------------------------------------------------------------
 */

static string_slot *find_slot(string_slot *slots, size_t count, const char *text)
{
    size_t at = io_trace_hash(text, strlen(text)) % count;
    while (slots[at].text && strcmp(slots[at].text, text) != 0)
        at = (at + 1) % count;
    return &slots[at];
}

static bool grow_slots(ea_trace *trace)
{
    size_t count = trace->slot_count ? 2 * trace->slot_count : FIRST_SLOTS;
    string_slot *slots = core_alloc_zero(count * sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < trace->slot_count; i++)
        if (trace->slots[i].text)
            *find_slot(slots, count, trace->slots[i].text) = trace->slots[i];
    core_free(trace->slots);
    trace->slots = slots;
    trace->slot_count = count;
    return true;
}

/* The number of a string, written to the file when it is new. */
static ea_status string_number(ea_trace *trace, const char *text, uint32_t *out)
{
    if (2 * trace->used >= trace->slot_count && !grow_slots(trace))
        return no_memory(trace);
    string_slot *slot = find_slot(trace->slots, trace->slot_count, text);
    if (!slot->text) {
        char *copy = core_strdup(text);
        if (!copy)
            return no_memory(trace);
        ea_status status = append_string(trace, (uint32_t)trace->used, text);
        if (status != EA_OK) {
            core_free(copy);
            return status;
        }
        *slot = (string_slot){ copy, (uint32_t)trace->used++ };
    }
    *out = slot->number;
    return EA_OK;
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static void trace_free(ea_trace *trace)
{
    for (size_t i = 0; i < trace->slot_count; i++)
        core_free(trace->slots[i].text);
    core_free(trace->slots);
    core_free(trace->path);
    if (trace->file >= 0)
        close(trace->file);
    core_free(trace);
}

static ea_status open_empty(ea_trace *trace)
{
    struct stat info;
    trace->file = open(trace->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (trace->file < 0 || fstat(trace->file, &info) != 0)
        return io_error(trace, "open");
    if (info.st_size > 0)
        return core_fail(trace->ctx, EA_ERR_STATE,
                         "trace %s: the file holds something: remove it or name another",
                         trace->path);
    return EA_OK;
}

ea_status ea_trace_create(ea_context *ctx, const char *path, const char *producer,
                          const char *contract, ea_trace **out)
{
    *out = NULL;
    contract = contract ? contract : "";
    if (strlen(producer) > EA_TRACE_PRODUCER_MAX || strlen(contract) >= IO_TRACE_CONTRACT_SIZE)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_trace_create: producer '%.40s' or contract '%.40s' is too long: give "
                         "at most %d and %d bytes",
                         producer, contract, EA_TRACE_PRODUCER_MAX, IO_TRACE_CONTRACT_SIZE - 1);
    ea_trace *trace = core_alloc_zero(sizeof *trace);
    if (!trace)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_trace_create: no memory");
    trace->ctx = ctx;
    trace->file = -1;
    trace->path = core_strdup(path);
    ea_status status = trace->path ? open_empty(trace)
                                   : core_fail(ctx, EA_ERR_MEMORY, "ea_trace_create: no memory");
    if (status == EA_OK)
        status = append_header(trace, producer, contract);
    if (status != EA_OK) {
        trace_free(trace);
        return status;
    }
    *out = trace;
    return EA_OK;
}

ea_status ea_trace_close(ea_trace *trace)
{
    if (!trace)
        return EA_OK;
    ea_context *ctx = trace->ctx;
    ea_status status = trace->broken;
    if (status == EA_OK) {
        unsigned char bytes[IO_TRACE_RECORD];
        io_trace_encode(&(io_trace_record){ .kind = IO_TRACE_END, .step = trace->records }, bytes);
        status = append(trace, bytes, sizeof bytes);
        if (status == EA_OK && fsync(trace->file) != 0)
            status = io_error(trace, "make durable");
    } else {
        core_fail(ctx, EA_ERR_STATE, "trace %s: an earlier record could not be written",
                  trace->path);
    }
    trace_free(trace);
    return status;
}

/* --- Tensors ------------------------------------------------------------------------------------
 */

static void digest_view(const ea_view *view, unsigned char digest[EA_TRACE_DIGEST_SIZE])
{
    unsigned char buffer[CHUNK * 8];
    size_t size = core_dtype_size(view->dtype);
    int64_t n = core_numel(view);
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        int64_t count = n - begin < CHUNK ? n - begin : CHUNK;
        core_canonical_bytes(view, begin, count, buffer);
        XXH3_128bits_update(&state, buffer, (size_t)count * size);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(digest, canonical.digest, EA_TRACE_DIGEST_SIZE);
}

ea_status ea_trace_digest(ea_context *ctx, const DLTensor *tensor,
                          unsigned char digest[EA_TRACE_DIGEST_SIZE])
{
    ea_view view;
    EA_TRY(core_view_of(ctx, "ea_trace_digest", "tensor", tensor, CORE_BIT(CORE_DTYPE_COUNT) - 1,
                        &view));
    digest_view(&view, digest);
    return EA_OK;
}

static uint64_t only_value(const ea_view *view)
{
    unsigned char bytes[8] = { 0 };
    if (core_numel(view) != 1)
        return 0;
    core_canonical_bytes(view, 0, 1, bytes);
    return get64(bytes);
}

static void shape_text(const ea_view *view, char *text, size_t size)
{
    text[0] = 0;
    for (int d = 0, used = 0; d < view->ndim; d++)
        used += snprintf(text + used, size - (size_t)used, d ? ",%lld" : "%lld",
                         (long long)view->shape[d]);
}

static ea_status check_call(ea_trace *trace, uint64_t step, ea_trace_role role, const char *name)
{
    if (trace->broken != EA_OK)
        return core_fail(trace->ctx, trace->broken,
                         "trace %s: an earlier record could not be written", trace->path);
    if (role < EA_TRACE_BATCH || role > EA_TRACE_GENERATOR)
        return core_fail(trace->ctx, EA_ERR_ARGUMENT, "ea_trace_tensor: role %d is none",
                         (int)role);
    if (strlen(name) > EA_TRACE_NAME_MAX)
        return core_fail(trace->ctx, EA_ERR_ARGUMENT,
                         "ea_trace_tensor: the name '%.40s…' is %zu bytes long: give at most %d",
                         name, strlen(name), EA_TRACE_NAME_MAX);
    if (step < trace->last_step)
        return core_fail(trace->ctx, EA_ERR_ARGUMENT,
                         "ea_trace_tensor: step %llu comes after step %llu: steps may not decrease",
                         (unsigned long long)step, (unsigned long long)trace->last_step);
    return EA_OK;
}

ea_status ea_trace_tensor(ea_trace *trace, uint64_t step, ea_trace_role role, const char *name,
                          const DLTensor *tensor)
{
    ea_view view;
    char shape[EA_MAX_DIMS * 21 + 1];
    EA_TRY(check_call(trace, step, role, name));
    EA_TRY(core_view_of(trace->ctx, "ea_trace_tensor", name, tensor, CORE_BIT(CORE_DTYPE_COUNT) - 1,
                        &view));
    io_trace_record record = { .kind = IO_TRACE_TENSOR,
                               .role = (uint8_t)role,
                               .dtype = (uint8_t)view.dtype,
                               .ndim = (uint8_t)view.ndim,
                               .step = step,
                               .numel = (uint64_t)core_numel(&view),
                               .value = only_value(&view) };
    shape_text(&view, shape, sizeof shape);
    EA_TRY(string_number(trace, name, &record.name));
    EA_TRY(string_number(trace, shape, &record.shape));
    digest_view(&view, record.digest);

    unsigned char bytes[IO_TRACE_RECORD];
    io_trace_encode(&record, bytes);
    EA_TRY(append(trace, bytes, sizeof bytes));
    trace->last_step = step;
    trace->records++;
    return EA_OK;
}

ea_status ea_trace_bytes(ea_trace *trace, uint64_t step, ea_trace_role role, const char *name,
                         const void *bytes, size_t size)
{
    int64_t shape = (int64_t)size;
    DLTensor tensor = { .data = (void *)(uintptr_t)bytes,
                        .device = { kDLCPU, 0 },
                        .ndim = 1,
                        .dtype = EA_UINT8,
                        .shape = &shape };
    return ea_trace_tensor(trace, step, role, name, &tensor);
}
