/* idx.c: reading IDX files, plain or gzip. The bytes come from outside: nothing in them is trusted.
 */
#include "core/memory.h"
#include "core/view.h"
#include "eadem/data.h"

#include <errno.h>
#include <zlib.h>

enum { FIRST_PIECE = 1 << 20, GZIP_BUFFER = 1 << 17 };
static const int64_t max_bytes = (int64_t)4 << 30;

typedef struct reader {
    ea_context *ctx;
    const char *path;
    gzFile file;
    int64_t at; /* bytes read, after decompression */
} reader;

static ea_status read_error(const reader *r)
{
    int code;
    const char *text = gzerror(r->file, &code);
    if (code == Z_ERRNO)
        return core_fail(r->ctx, EA_ERR_IO, "%s: cannot be read: %s", r->path, strerror(errno));
    return core_fail(r->ctx, EA_ERR_FORMAT, "%s: corrupt gzip data after byte %lld: %s", r->path,
                     (long long)r->at, text);
}

/* Reads exactly `size` bytes; `what` is for the error text. */
static ea_status read_bytes(reader *r, void *out, int64_t size, const char *what)
{
    char *to = out;
    while (size > 0) {
        int got = gzread(r->file, to, size > FIRST_PIECE ? FIRST_PIECE : (unsigned)size);
        if (got < 0)
            return read_error(r);
        if (got == 0)
            return core_fail(r->ctx, EA_ERR_FORMAT,
                             "%s: ends at byte %lld inside the %s: the file is truncated", r->path,
                             (long long)r->at, what);
        r->at += got;
        to += got;
        size -= got;
    }
    return EA_OK;
}

typedef struct header {
    core_dtype dtype;
    int ndim;
    int64_t shape[EA_MAX_DIMS];
    int64_t bytes;
} header;

static ea_status idx_type(reader *r, int code, core_dtype *out)
{
    switch (code) {
    case 0x08:
        *out = CORE_U8;
        return EA_OK;
    case 0x0c:
        *out = CORE_I32;
        return EA_OK;
    case 0x0d:
        *out = CORE_F32;
        return EA_OK;
    case 0x0e:
        *out = CORE_F64;
        return EA_OK;
    case 0x09:
    case 0x0b:
        return core_fail(r->ctx, EA_ERR_UNSUPPORTED,
                         "%s: byte 2: type 0x%02x (int8, int16) is not offered", r->path, code);
    default:
        return core_fail(r->ctx, EA_ERR_FORMAT, "%s: byte 2: 0x%02x is no IDX type", r->path, code);
    }
}

static ea_status read_header(reader *r, header *h)
{
    unsigned char magic[4], size[4];
    EA_TRY(read_bytes(r, magic, 4, "magic number"));
    if (magic[0] || magic[1])
        return core_fail(
            r->ctx, EA_ERR_FORMAT,
            "%s: byte 0: starts with 0x%02x%02x: an IDX file starts with two zero bytes", r->path,
            magic[0], magic[1]);
    EA_TRY(idx_type(r, magic[2], &h->dtype));
    h->ndim = magic[3];
    if (h->ndim == 0)
        return core_fail(r->ctx, EA_ERR_FORMAT, "%s: byte 3: no dimensions", r->path);
    if (h->ndim > EA_MAX_DIMS)
        return core_fail(r->ctx, EA_ERR_UNSUPPORTED,
                         "%s: byte 3: %d dimensions: at most %d are offered", r->path, h->ndim,
                         EA_MAX_DIMS);
    h->bytes = (int64_t)core_dtype_size(h->dtype);
    bool empty = false;
    for (int d = 0; d < h->ndim; d++) {
        EA_TRY(read_bytes(r, size, 4, "sizes"));
        h->shape[d] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
        empty |= h->shape[d] == 0;
        if (!empty && h->bytes > max_bytes / h->shape[d])
            return core_fail(r->ctx, EA_ERR_UNSUPPORTED,
                             "%s: byte %lld: size %lld of dimension %d makes more than 4 GiB",
                             r->path, (long long)r->at - 4, (long long)h->shape[d], d);
        h->bytes *= h->shape[d];
    }
    return EA_OK;
}

/* Reads the values in pieces that double, so that a lying header costs no memory. */
static ea_status read_values(reader *r, int64_t bytes, void **out)
{
    void *data = NULL;
    int64_t have = 0, want = bytes < FIRST_PIECE ? bytes : FIRST_PIECE;
    for (;;) {
        void *grown = core_realloc(data, (size_t)have, (size_t)want);
        if (!grown) {
            core_free(data);
            return core_fail(r->ctx, EA_ERR_MEMORY, "%s: no memory for %lld bytes", r->path,
                             (long long)want);
        }
        data = grown;
        ea_status status = read_bytes(r, (char *)data + have, want - have, "values");
        if (status != EA_OK) {
            core_free(data);
            return status;
        }
        have = want;
        if (have == bytes)
            break;
        want = bytes / 2 < have ? bytes : have * 2;
    }
    *out = data;
    return EA_OK;
}

static ea_status expect_end(reader *r)
{
    char more;
    int got = gzread(r->file, &more, 1), code;
    gzerror(r->file, &code); /* a missing gzip trailer is told only here */
    if (got < 0 || code == Z_BUF_ERROR)
        return read_error(r);
    if (got > 0)
        return core_fail(r->ctx, EA_ERR_FORMAT,
                         "%s: byte %lld: the header's sizes end here, the file goes on", r->path,
                         (long long)r->at);
    return EA_OK;
}

/* Big-endian bytes to this machine's values, in place. */
static void to_native(void *data, int64_t bytes, size_t size)
{
    unsigned char *b = data;
    for (int64_t i = 0; i < bytes && size > 1; i += (int64_t)size) {
        uint64_t value = 0;
        for (size_t k = 0; k < size; k++)
            value = value << 8 | b[(size_t)i + k];
        uint32_t word = (uint32_t)value;
        memcpy(b + i, size == 4 ? (void *)&word : (void *)&value, size);
    }
}

static ea_status read_idx(reader *r, DLTensor **out)
{
    header h;
    void *data = NULL;
    EA_TRY(read_header(r, &h));
    EA_TRY(read_values(r, h.bytes, &data));
    ea_status status = expect_end(r);
    /* ea_tensor_new() would zero as much memory again: make it empty and hand it the block. */
    int64_t none[EA_MAX_DIMS] = { 0 };
    if (status == EA_OK)
        status = ea_tensor_new(r->ctx, core_dtype_dl(h.dtype), h.ndim, none, out);
    if (status != EA_OK) {
        core_free(data);
        return status;
    }
    to_native(data, h.bytes, core_dtype_size(h.dtype));
    core_free((*out)->data);
    (*out)->data = data;
    memcpy((*out)->shape, h.shape, sizeof h.shape[0] * (size_t)h.ndim);
    return EA_OK;
}

ea_status ea_idx_read(ea_context *ctx, const char *path, DLTensor **out)
{
    *out = NULL;
    errno = 0;
    reader r = { .ctx = ctx, .path = path, .file = gzopen(path, "rb") };
    if (!r.file)
        return core_fail(ctx, EA_ERR_IO, "%s: cannot be opened: %s", path,
                         errno ? strerror(errno) : "no memory");
    gzbuffer(r.file, GZIP_BUFFER);
    ea_status status = read_idx(&r, out);
    gzclose(r.file);
    return status;
}
