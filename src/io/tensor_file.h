/* tensor_file.h: the insides of an open file of tensors. */
#ifndef IO_TENSOR_FILE_H
#define IO_TENSOR_FILE_H

#include "core/view.h"
#include "eadem/io.h"
#include "io/file.h"

#include <jansson.h>

typedef struct io_entry {
    const char *name;
    int64_t begin, end; /* bytes of the file's data */
    core_dtype dtype;
    int ndim;
    int64_t shape[EA_MAX_DIMS];
    int64_t stride[EA_MAX_DIMS];
    DLTensor tensor;
    void *copy; /* where the mapping cannot serve: byte order or alignment; else NULL */
} io_entry;

struct ea_tensor_file {
    io_map map;
    json_t *header; /* safetensors'; owns the names */
    int count;
    io_entry *entries;
};

/* Makes `entry->tensor` from the rest of the entry and the bytes at `data`, which are big-endian if
 * `big`. Contiguous; the caller may set strides afterwards. */
ea_status io_entry_bind(ea_context *ctx, const char *path, io_entry *entry,
                        const unsigned char *data, bool big);

/* Reverses the bytes of each of `count` elements. */
void io_swap_bytes(void *data, int64_t count, size_t size);

/* True when this machine is big-endian. */
static inline bool io_machine_is_big(void)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

#endif
