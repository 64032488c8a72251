/* input.c: the tensors of cases. Every value follows from a seed and the element's index alone. */
#include "conform/state.h"
#include "core/memory.h"

#include <stdio.h>
#include <stdlib.h>

const int64_t conform_sizes[CONFORM_SIZE_COUNT] = { 1, 15, 16, 17, 1023, 1024, 1025 };

ea_context *conform_context(conform *c)
{
    return c->ctx;
}

static void fail(conform *c, ea_status status, const char *text)
{
    if (c->status != EA_OK)
        return;
    c->status = status;
    snprintf(c->error, sizeof c->error, "%s", text);
}

void conform_check(conform *c, ea_status status)
{
    if (status != EA_OK)
        fail(c, status, ea_error_text(c->ctx));
}

void conform_emit(conform *c, const DLTensor *tensor)
{
    if (c->emitted_count == CONFORM_MAX_TENSORS)
        fail(c, EA_ERR_STATE, "a conformance case emits too many tensors");
    else
        c->emitted[c->emitted_count++] = tensor;
}

/* A tensor without memory; contiguous strides. */
static conform_tensor *make(conform *c, DLDataType dtype, int ndim, const int64_t *shape)
{
    if (c->status != EA_OK)
        return NULL;
    conform_tensor *t = c->made_count < CONFORM_MAX_TENSORS ? core_alloc_zero(sizeof *t) : NULL;
    if (!t) {
        fail(c, EA_ERR_MEMORY, "no memory for a tensor of a conformance case");
        return NULL;
    }
    c->made[c->made_count++] = t;
    t->dl = (DLTensor){ .device = { kDLCPU, 0 },
                        .ndim = ndim,
                        .dtype = dtype,
                        .shape = t->shape,
                        .strides = t->stride };
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        t->shape[d] = shape[d];
        t->stride[d] = stride;
        stride *= shape[d];
    }
    return t;
}

DLTensor *conform_zeros(conform *c, DLDataType dtype, int ndim, const int64_t *shape)
{
    conform_tensor *t = make(c, dtype, ndim, shape);
    if (!t)
        return NULL;
    t->owned = core_alloc_zero((size_t)ea_tensor_numel(&t->dl) * dtype.bits / 8);
    if (!t->owned) {
        fail(c, EA_ERR_MEMORY, "no memory for a tensor of a conformance case");
        return NULL;
    }
    t->dl.data = t->owned;
    return &t->dl;
}

/* The finaliser of MurmurHash3 over (seed, index): every bit of the result depends on every bit of
 * both. */
static uint32_t hash(uint32_t seed, int64_t index)
{
    uint64_t h = (uint64_t)index * 0x9e3779b97f4a7c15u + (uint64_t)(seed + 1) * 0xd1342543de82ef95u;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(h ^ h >> 33);
}

DLTensor *conform_floats(conform *c, uint32_t seed, int ndim, const int64_t *shape)
{
    DLTensor *t = conform_zeros(c, EA_FLOAT32, ndim, shape);
    for (int64_t i = 0; t && i < ea_tensor_numel(t); i++) {
        uint32_t bits = hash(seed, i);
        uint32_t exponent = 123 + (bits >> 23 & 0xff) % 7; /* 2^-4 … 2^2 */
        ((float *)t->data)[i] = core_bits_float((bits & 0x807fffff) | exponent << 23);
    }
    return t;
}

DLTensor *conform_bits(conform *c, uint32_t seed, int ndim, const int64_t *shape)
{
    static const uint32_t special[] = {
        0x7fc00000, 0x7f800000, 0xff800000, 0x00000000, 0x80000000, 0x00000001,
        0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000, 0x7f7fffff,
        0xff7fffff, 0x3f800000, 0xbf800000, 0x3f7fffff, 0x3f800001,
    };
    DLTensor *t = conform_zeros(c, EA_FLOAT32, ndim, shape);
    for (int64_t i = 0; t && i < ea_tensor_numel(t); i++) {
        uint32_t bits = hash(seed, i);
        if (i % 4 == 0)
            bits = special[bits % (sizeof special / sizeof special[0])];
        ((float *)t->data)[i] = core_bits_float(bits);
    }
    return t;
}

DLTensor *conform_indices(conform *c, uint32_t seed, int64_t bound, int ndim, const int64_t *shape)
{
    DLTensor *t = conform_zeros(c, EA_INT64, ndim, shape);
    for (int64_t i = 0; t && i < ea_tensor_numel(t); i++)
        ((int64_t *)t->data)[i] = hash(seed, i) % bound;
    return t;
}

DLTensor *conform_as(conform *c, DLDataType dtype, const DLTensor *tensor)
{
    DLTensor *t = tensor ? conform_zeros(c, dtype, tensor->ndim, tensor->shape) : NULL;
    if (t)
        conform_check(c, ea_copy(c->ctx, tensor, t));
    return t;
}

/* Another look at the memory of `tensor`. */
static DLTensor *look(conform *c, const DLTensor *tensor)
{
    conform_tensor *t = tensor ? make(c, tensor->dtype, tensor->ndim, tensor->shape) : NULL;
    if (!t)
        return NULL;
    t->dl.data = tensor->data;
    memcpy(t->stride, tensor->strides, sizeof *t->stride * (size_t)tensor->ndim);
    return &t->dl;
}

DLTensor *conform_transposed(conform *c, const DLTensor *tensor, int a, int b)
{
    DLTensor *t = look(c, tensor);
    if (!t)
        return NULL;
    t->shape[a] = tensor->shape[b];
    t->shape[b] = tensor->shape[a];
    t->strides[a] = tensor->strides[b];
    t->strides[b] = tensor->strides[a];
    return t;
}

DLTensor *conform_strided(conform *c, const DLTensor *tensor, int dim, int64_t step)
{
    DLTensor *t = look(c, tensor);
    if (!t)
        return NULL;
    int64_t size = tensor->shape[dim], stride = tensor->strides[dim];
    if (step < 0 && size > 0)
        t->data = (char *)t->data + (size - 1) * stride * (tensor->dtype.bits / 8);
    t->shape[dim] = (size + llabs(step) - 1) / llabs(step);
    t->strides[dim] = stride * step;
    return t;
}
