/* safetensors.c: reading and writing safetensors files: eight bytes with the header's length, the
 * header in JSON, the tensors' bytes one after another. */
#include "core/memory.h"
#include "io/tensor_file.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LENGTH_BYTES = 8, ALIGNMENT = 8 };
static const uint64_t max_header = 100000000; /* the reference implementation's limit */

static const char *const type_names[CORE_DTYPE_COUNT] = {
    [CORE_F32] = "F32", [CORE_F16] = "F16", [CORE_BF16] = "BF16", [CORE_F64] = "F64",
    [CORE_I32] = "I32", [CORE_I64] = "I64", [CORE_U8] = "U8",     [CORE_BOOL] = "BOOL",
};

/* --- Reading ------------------------------------------------------------------------------------
 */

typedef struct reader {
    ea_context *ctx;
    const char *path;
    ea_tensor_file *file;
    const unsigned char *data;
    int64_t data_size;
} reader;

static ea_status entry_error(const reader *r, const char *name, const char *what)
{
    return core_fail(r->ctx, EA_ERR_FORMAT, "%s: tensor '%.80s': %s", r->path, name, what);
}

static ea_status read_type(const reader *r, const char *name, json_t *value, core_dtype *out)
{
    const char *text = json_string_value(value);
    if (!text)
        return entry_error(r, name, "no \"dtype\", or not a string");
    for (int i = 0; i < CORE_DTYPE_COUNT; i++)
        if (strcmp(text, type_names[i]) == 0) {
            *out = (core_dtype)i;
            return EA_OK;
        }
    return core_fail(
        r->ctx, EA_ERR_UNSUPPORTED,
        "%s: tensor '%.80s' has type '%.20s': F32, F16, BF16, F64, I32, I64, U8 and BOOL "
        "are offered",
        r->path, name, text);
}

/* Also computes the bytes that the shape asks for. */
static ea_status read_shape(const reader *r, io_entry *entry, json_t *value, int64_t *bytes)
{
    if (!json_is_array(value))
        return entry_error(r, entry->name, "no \"shape\", or not a list");
    size_t ndim = json_array_size(value);
    if (ndim > EA_MAX_DIMS)
        return core_fail(r->ctx, EA_ERR_UNSUPPORTED,
                         "%s: tensor '%.80s' has %zu dimensions: at most %d are offered", r->path,
                         entry->name, ndim, EA_MAX_DIMS);
    entry->ndim = (int)ndim;
    *bytes = (int64_t)core_dtype_size(entry->dtype);
    for (size_t d = 0; d < ndim; d++) {
        json_t *size = json_array_get(value, d);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return entry_error(r, entry->name, "a size is not a whole number of 0 or more");
        entry->shape[d] = json_integer_value(size);
        if (__builtin_mul_overflow(*bytes, entry->shape[d], bytes))
            return entry_error(r, entry->name, "the shape has more bytes than 64 bits count");
    }
    return EA_OK;
}

static ea_status read_offsets(const reader *r, io_entry *entry, json_t *value, int64_t bytes)
{
    json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return entry_error(r, entry->name, "no \"data_offsets\", or not two whole numbers");
    entry->begin = json_integer_value(begin);
    entry->end = json_integer_value(end);
    if (entry->begin < 0 || entry->end < entry->begin || entry->end > r->data_size)
        return core_fail(r->ctx, EA_ERR_FORMAT,
                         "%s: tensor '%.80s' lies at bytes %" PRId64 " to %" PRId64
                         " of the data, which has %" PRId64,
                         r->path, entry->name, entry->begin, entry->end, r->data_size);
    if (entry->end - entry->begin != bytes)
        return core_fail(r->ctx, EA_ERR_FORMAT,
                         "%s: tensor '%.80s' has %" PRId64 " bytes, its shape asks for %" PRId64,
                         r->path, entry->name, entry->end - entry->begin, bytes);
    return EA_OK;
}

static ea_status read_entry(const reader *r, const char *name, json_t *value, io_entry *entry)
{
    int64_t bytes = 0;
    entry->name = name;
    if (!json_is_object(value))
        return entry_error(r, name, "its header entry is not an object");
    EA_TRY(read_type(r, name, json_object_get(value, "dtype"), &entry->dtype));
    EA_TRY(read_shape(r, entry, json_object_get(value, "shape"), &bytes));
    return read_offsets(r, entry, json_object_get(value, "data_offsets"), bytes);
}

static ea_status check_metadata(const reader *r, json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return core_fail(r->ctx, EA_ERR_FORMAT, "%s: __metadata__ is not an object", r->path);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return core_fail(
        r->ctx, EA_ERR_FORMAT, "%s: __metadata__ '%.80s' is not a string", r->path, key);
    return EA_OK;
}

static int by_offset(const void *a, const void *b)
{
    const io_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The tensors must cover the data: no hole, no overlap, no byte behind the last. */
static ea_status check_cover(const reader *r)
{
    int64_t at = 0;
    for (int i = 0; i < r->file->count; i++) {
        const io_entry *entry = &r->file->entries[i];
        if (entry->begin != at)
            return core_fail(r->ctx, EA_ERR_FORMAT,
                             "%s: tensor '%.80s' starts at byte %" PRId64
                             " of the data; the tensors before it end at %" PRId64,
                             r->path, entry->name, entry->begin, at);
        at = entry->end;
    }
    if (at != r->data_size)
        return core_fail(r->ctx, EA_ERR_FORMAT,
                         "%s: %" PRId64 " bytes after the last tensor belong to none", r->path,
                         r->data_size - at);
    return EA_OK;
}

static ea_status read_entries(reader *r)
{
    ea_tensor_file *file = r->file;
    const char *name;
    json_t *value;
    file->entries = core_alloc_zero(sizeof *file->entries * json_object_size(file->header));
    if (!file->entries)
        return core_fail(r->ctx, EA_ERR_MEMORY, "%s: no memory for its header", r->path);
    json_object_foreach(file->header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0)
            EA_TRY(check_metadata(r, value));
        else
            EA_TRY(read_entry(r, name, value, &file->entries[file->count++]));
    }
    qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_offset);
    EA_TRY(check_cover(r));
    for (int i = 0; i < file->count; i++)
        EA_TRY(io_entry_bind(r->ctx, r->path, &file->entries[i], r->data + file->entries[i].begin,
                             false));
    return EA_OK;
}

static ea_status read_header(reader *r)
{
    io_map *map = &r->file->map;
    if (map->size < LENGTH_BYTES)
        return core_fail(r->ctx, EA_ERR_FORMAT,
                         "%s: has %zu bytes: a safetensors file has at least %d", r->path,
                         map->size, LENGTH_BYTES);
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)map->data[i] << 8 * i;
    if (length > max_header || length > map->size - LENGTH_BYTES)
        return core_fail(r->ctx, EA_ERR_FORMAT,
                         "%s: byte 0: the header's length %" PRIu64
                         " is more than %s: truncated, or no safetensors file",
                         r->path, length, length > max_header ? "100 MB" : "the file has");
    const unsigned char *text = map->data + LENGTH_BYTES;
    if (length == 0 || *text != '{')
        return core_fail(r->ctx, EA_ERR_FORMAT, "%s: byte %d: the header is no JSON object",
                         r->path, LENGTH_BYTES);
    json_error_t error;
    r->file->header =
        json_loadb((const char *)text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!r->file->header)
        return core_fail(r->ctx, EA_ERR_FORMAT, "%s: byte %lld: the header is no valid JSON: %s",
                         r->path, (long long)LENGTH_BYTES + error.position, error.text);
    r->data = text + length;
    r->data_size = (int64_t)(map->size - LENGTH_BYTES - length);
    return EA_OK;
}

ea_status ea_safetensors_open(ea_context *ctx, const char *path, ea_tensor_file **out)
{
    *out = NULL;
    reader r = { .ctx = ctx, .path = path, .file = core_alloc_zero(sizeof *r.file) };
    if (!r.file)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory to open it", path);
    ea_status status = io_map_file(ctx, path, &r.file->map);
    if (status == EA_OK)
        status = read_header(&r);
    if (status == EA_OK)
        status = read_entries(&r);
    if (status != EA_OK) {
        ea_tensor_file_close(r.file);
        return status;
    }
    *out = r.file;
    return EA_OK;
}

/* --- Writing ------------------------------------------------------------------------------------
 */

/* The header's entry of one tensor, whose data starts at *at; moves *at behind it. */
static json_t *make_entry(const ea_view *view, int64_t *at)
{
    json_t *shape = json_array();
    for (int d = 0; d < view->ndim; d++)
        json_array_append_new(shape, json_integer(view->shape[d]));
    int64_t begin = *at;
    *at += core_numel(view) * (int64_t)core_dtype_size(view->dtype);
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_names[view->dtype], "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)*at);
}

static ea_status make_header(ea_context *ctx, const ea_named_tensor *tensors, int count,
                             const ea_metadata *metadata, int metadata_count, json_t *header)
{
    int64_t at = 0;
    json_t *pairs = metadata_count > 0 ? json_object() : NULL;
    for (int i = 0; i < metadata_count; i++)
        if (json_object_set_new(pairs, metadata[i].key, json_string(metadata[i].value)) != 0) {
            json_decref(pairs);
            return core_fail(ctx, EA_ERR_ARGUMENT, "metadata '%.80s' is not UTF-8",
                             metadata[i].key);
        }
    if (pairs)
        json_object_set_new(header, "__metadata__", pairs);
    for (int i = 0; i < count; i++) {
        const char *name = tensors[i].name;
        ea_view view;
        EA_TRY(core_view_of(ctx, "ea_safetensors_save", name, tensors[i].tensor,
                            CORE_BIT(CORE_DTYPE_COUNT) - 1, &view));
        if (!*name || strcmp(name, "__metadata__") == 0 || json_object_get(header, name))
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "tensor %d is named '%.80s': give names that are not empty, not "
                             "__metadata__, and different",
                             i, name);
        if (json_object_set_new(header, name, make_entry(&view, &at)) != 0)
            return core_fail(ctx, EA_ERR_ARGUMENT, "the name of tensor %d is not UTF-8", i);
    }
    return EA_OK;
}

static ea_status write_header(io_writer *writer, const json_t *header)
{
    char *text = json_dumps(header, JSON_COMPACT);
    if (!text) {
        ea_context *ctx = writer->ctx;
        io_writer_abandon(writer);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the header");
    }
    size_t length = strlen(text), padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    unsigned char size[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        size[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    ea_status status = io_writer_write(writer, size, sizeof size);
    if (status == EA_OK)
        status = io_writer_write(writer, text, length);
    if (status == EA_OK)
        status = io_writer_write(writer, "       ", padded - length);
    free(text);
    return status;
}

static ea_status write_tensor(io_writer *writer, const ea_view *view)
{
    size_t size = core_dtype_size(view->dtype);
    int64_t n = core_numel(view);
    if (core_is_contiguous(view) && !io_machine_is_big())
        return io_writer_write(writer, view->data, (size_t)n * size);
    for (int64_t i = 0; i < n; i++) {
        unsigned char element[8];
        memcpy(element, (const char *)view->data + core_offset(view, i) * (int64_t)size, size);
        if (io_machine_is_big())
            io_swap_bytes(element, 1, size);
        EA_TRY(io_writer_write(writer, element, size));
    }
    return EA_OK;
}

static ea_status write_all(ea_context *ctx, const char *path, const ea_named_tensor *tensors,
                           int count, const json_t *header)
{
    io_writer writer;
    EA_TRY(io_writer_open(ctx, path, &writer));
    EA_TRY(write_header(&writer, header));
    for (int i = 0; i < count; i++) {
        ea_view view; /* checked when the header was made */
        EA_TRY(core_view_of(ctx, "ea_safetensors_save", tensors[i].name, tensors[i].tensor,
                            CORE_BIT(CORE_DTYPE_COUNT) - 1, &view));
        EA_TRY(write_tensor(&writer, &view));
    }
    return io_writer_commit(&writer);
}

ea_status ea_safetensors_save(ea_context *ctx, const char *path, const ea_named_tensor *tensors,
                              int count, const ea_metadata *metadata, int metadata_count)
{
    json_t *header = json_object();
    if (!header)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for the header", path);
    ea_status status = make_header(ctx, tensors, count, metadata, metadata_count, header);
    if (status == EA_OK)
        status = write_all(ctx, path, tensors, count, header);
    json_decref(header);
    return status;
}
