/* npy.c: reading NumPy's .npy files (numpy.lib.format): "\x93NUMPY", a version, the length of a
 * Python dictionary literal, the dictionary ('descr', 'fortran_order', 'shape'), the values. */
#include "core/memory.h"
#include "io/tensor_file.h"

#include <ctype.h>

enum { MAX_HEADER = 1 << 16 };

typedef struct parser {
    ea_context *ctx;
    const char *path;
    const char *text; /* the dictionary */
    size_t size;
    size_t at;
    size_t start; /* of the dictionary in the file */
} parser;

typedef struct npy_header {
    char descr[16];
    bool fortran;
    int ndim;
    int64_t shape[EA_MAX_DIMS];
} npy_header;

static ea_status parse_error(const parser *p, const char *expected)
{
    return core_fail(p->ctx, EA_ERR_FORMAT, "%s: byte %zu: the header has no %s there", p->path,
                     p->start + p->at, expected);
}

static void skip_spaces(parser *p)
{
    while (p->at < p->size && isspace((unsigned char)p->text[p->at]))
        p->at++;
}

/* Takes `c`, after spaces, if it is next. */
static bool take(parser *p, char c)
{
    skip_spaces(p);
    if (p->at == p->size || p->text[p->at] != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(parser *p, const char *word)
{
    size_t length = strlen(word);
    skip_spaces(p);
    if (p->size - p->at < length || memcmp(p->text + p->at, word, length) != 0)
        return false;
    p->at += length;
    return true;
}

/* 'text' or "text", without escapes, shorter than 16 bytes. */
static ea_status parse_string(parser *p, char out[16])
{
    skip_spaces(p);
    char quote = p->at < p->size ? p->text[p->at] : 0;
    if (quote != '\'' && quote != '"')
        return parse_error(p, "string");
    const char *begin = p->text + p->at + 1;
    const char *end = memchr(begin, quote, p->size - p->at - 1);
    if (!end || end - begin > 15)
        return parse_error(p, "string of at most 15 bytes");
    memcpy(out, begin, (size_t)(end - begin));
    out[end - begin] = 0;
    p->at += (size_t)(end - begin) + 2;
    return EA_OK;
}

static ea_status parse_size(parser *p, int64_t *out)
{
    skip_spaces(p);
    if (p->at == p->size || !isdigit((unsigned char)p->text[p->at]))
        return parse_error(p, "size of 0 or more");
    for (*out = 0; p->at < p->size && isdigit((unsigned char)p->text[p->at]); p->at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, p->text[p->at] - '0', out))
            return parse_error(p, "size that 64 bits hold");
    return EA_OK;
}

static ea_status parse_shape(parser *p, npy_header *h)
{
    if (!take(p, '('))
        return parse_error(p, "tuple");
    while (!take(p, ')')) {
        if (h->ndim == EA_MAX_DIMS)
            return core_fail(p->ctx, EA_ERR_UNSUPPORTED,
                             "%s: more than %d dimensions are not offered", p->path, EA_MAX_DIMS);
        EA_TRY(parse_size(p, &h->shape[h->ndim++]));
        if (take(p, ','))
            continue;
        if (!take(p, ')'))
            return parse_error(p, "',' or ')'");
        break;
    }
    return EA_OK;
}

static ea_status parse_value(parser *p, npy_header *h, const char *key, unsigned *seen)
{
    static const char *const keys[] = { "descr", "fortran_order", "shape" };
    unsigned k = 0;
    while (k < 3 && strcmp(key, keys[k]) != 0)
        k++;
    if (k == 3 || *seen & 1u << k)
        return core_fail(p->ctx, EA_ERR_FORMAT, "%s: the header has a key '%s' %s", p->path, key,
                         k == 3 ? "that no .npy file has" : "twice");
    *seen |= 1u << k;
    if (!take(p, ':'))
        return parse_error(p, "':'");
    if (k == 0)
        return parse_string(p, h->descr);
    if (k == 2)
        return parse_shape(p, h);
    h->fortran = take_word(p, "True");
    return h->fortran || take_word(p, "False") ? EA_OK : parse_error(p, "True or False");
}

static ea_status parse_header(parser *p, npy_header *h)
{
    unsigned seen = 0;
    if (!take(p, '{'))
        return parse_error(p, "'{'");
    while (!take(p, '}')) {
        char key[16];
        EA_TRY(parse_string(p, key));
        EA_TRY(parse_value(p, h, key, &seen));
        if (take(p, ','))
            continue;
        if (!take(p, '}'))
            return parse_error(p, "',' or '}'");
        break;
    }
    skip_spaces(p);
    if (p->at != p->size)
        return parse_error(p, "end");
    if (seen != 7)
        return core_fail(p->ctx, EA_ERR_FORMAT,
                         "%s: the header lacks 'descr', 'fortran_order' or 'shape'", p->path);
    return EA_OK;
}

/* Finds the dictionary behind the magic number, the version and the length. */
static ea_status find_header(ea_context *ctx, const char *path, const io_map *map, parser *p)
{
    const unsigned char *b = map->data;
    if (map->size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: byte 0: no .npy file, or truncated", path);
    if (b[6] < 1 || b[6] > 3)
        return core_fail(ctx, EA_ERR_UNSUPPORTED,
                         "%s: byte 6: version %d.%d is not offered: 1 to 3 are", path, b[6], b[7]);
    size_t start = b[6] == 1 ? 10 : 12;
    uint64_t length = b[8] | (uint64_t)b[9] << 8;
    if (b[6] > 1 && map->size >= start)
        length |= (uint64_t)b[10] << 16 | (uint64_t)b[11] << 24;
    if (map->size < start || length > map->size - start || length > MAX_HEADER)
        return core_fail(ctx, EA_ERR_FORMAT,
                         "%s: byte 8: the header's length %llu is more than the file or %d bytes",
                         path, (unsigned long long)length, MAX_HEADER);
    *p = (parser){ .ctx = ctx,
                   .path = path,
                   .text = (const char *)b + start,
                   .size = (size_t)length,
                   .start = start };
    return EA_OK;
}

static ea_status read_descr(const parser *p, const char *descr, core_dtype *dtype, bool *big)
{
    static const struct {
        char name[4];
        core_dtype dtype;
    } types[] = { { "f4", CORE_F32 }, { "f2", CORE_F16 }, { "f8", CORE_F64 }, { "i4", CORE_I32 },
                  { "i8", CORE_I64 }, { "u1", CORE_U8 },  { "b1", CORE_BOOL } };
    *big = descr[0] == '>';
    for (size_t i = 0; strchr("<>|", descr[0]) && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(descr + 1, types[i].name) == 0) {
            *dtype = types[i].dtype;
            return EA_OK;
        }
    return core_fail(p->ctx, EA_ERR_UNSUPPORTED,
                     "%s: type '%s' is not offered: f4, f2, f8, i4, i8, u1 and b1 are, with < or >",
                     p->path, descr);
}

static ea_status make_entry(const parser *p, const npy_header *h, const io_map *map,
                            io_entry *entry)
{
    bool big = false;
    EA_TRY(read_descr(p, h->descr[0] ? h->descr : "?", &entry->dtype, &big));
    int64_t have = (int64_t)(map->size - p->start - p->size);
    int64_t bytes = (int64_t)core_dtype_size(entry->dtype);
    for (int d = 0; d < h->ndim; d++)
        if (__builtin_mul_overflow(bytes, h->shape[d], &bytes))
            return core_fail(p->ctx, EA_ERR_FORMAT,
                             "%s: the shape has more bytes than 64 bits count", p->path);
    if (bytes != have)
        return core_fail(p->ctx, EA_ERR_FORMAT,
                         "%s: has %lld bytes of values, its shape asks for %lld", p->path,
                         (long long)have, (long long)bytes);
    entry->name = "";
    entry->end = bytes;
    entry->ndim = h->ndim;
    memcpy(entry->shape, h->shape, sizeof h->shape);
    EA_TRY(io_entry_bind(p->ctx, p->path, entry, map->data + p->start + p->size, big));
    int64_t stride = 1;
    for (int d = 0; h->fortran && d < h->ndim; stride *= h->shape[d++])
        entry->stride[d] = stride;
    entry->tensor.strides = h->fortran ? entry->stride : NULL;
    return EA_OK;
}

static ea_status open_mapped(ea_context *ctx, const char *path, ea_tensor_file *file)
{
    parser p = { 0 };
    npy_header h = { .ndim = 0 };
    EA_TRY(io_map_file(ctx, path, &file->map));
    EA_TRY(find_header(ctx, path, &file->map, &p));
    EA_TRY(parse_header(&p, &h));
    file->entries = core_alloc_zero(sizeof *file->entries);
    if (!file->entries)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory to open it", path);
    file->count = 1;
    return make_entry(&p, &h, &file->map, &file->entries[0]);
}

ea_status ea_npy_open(ea_context *ctx, const char *path, ea_tensor_file **out)
{
    *out = NULL;
    ea_tensor_file *file = core_alloc_zero(sizeof *file);
    if (!file)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory to open it", path);
    ea_status status = open_mapped(ctx, path, file);
    if (status != EA_OK) {
        ea_tensor_file_close(file);
        return status;
    }
    *out = file;
    return EA_OK;
}
