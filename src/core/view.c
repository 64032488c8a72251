/* view.c: checking tensors from outside; element types. */
#include "core/view.h"

#include <math.h>
#include <stdio.h>

static const struct {
    const char *name;
    size_t size;
    uint8_t code;
} dtypes[CORE_DTYPE_COUNT] = {
    [CORE_F32] = { "float32", 4, kDLFloat },    [CORE_F16] = { "float16", 2, kDLFloat },
    [CORE_BF16] = { "bfloat16", 2, kDLBfloat }, [CORE_F64] = { "float64", 8, kDLFloat },
    [CORE_I32] = { "int32", 4, kDLInt },        [CORE_I64] = { "int64", 8, kDLInt },
    [CORE_U8] = { "uint8", 1, kDLUInt },        [CORE_BOOL] = { "bool", 1, EA_DL_BOOL },
};

size_t core_dtype_size(core_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *core_dtype_name(core_dtype dtype)
{
    return dtypes[dtype].name;
}

DLDataType core_dtype_dl(core_dtype dtype)
{
    return (DLDataType){ dtypes[dtype].code, (uint8_t)(dtypes[dtype].size * 8), 1 };
}

bool core_dtype_of(DLDataType dl, core_dtype *out)
{
    for (int i = 0; i < CORE_DTYPE_COUNT; i++)
        if (dl.lanes == 1 && dl.code == dtypes[i].code && dl.bits == dtypes[i].size * 8) {
            *out = (core_dtype)i;
            return true;
        }
    return false;
}

static void list_dtypes(unsigned set, char *text, size_t size)
{
    text[0] = 0;
    for (int i = 0; i < CORE_DTYPE_COUNT; i++)
        if (set & CORE_BIT(i)) {
            size_t used = strlen(text);
            snprintf(text + used, size - used, "%s%s", used ? ", " : "", dtypes[i].name);
        }
}

ea_status core_view_of(ea_context *ctx, const char *function, const char *name,
                       const DLTensor *tensor, unsigned set, ea_view *out)
{
    if (!tensor)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %s is NULL: give a tensor", function, name);
    if (tensor->ndim < 0 || tensor->ndim > EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has %d dimensions: give 0 to %d", function,
                         name, tensor->ndim, EA_MAX_DIMS);
    if (tensor->device.device_type != kDLCPU && tensor->device.device_type != kDLCUDAHost)
        return core_fail(ctx, EA_ERR_DEVICE, "%s: %s is on device type %d: give one in host memory",
                         function, name, (int)tensor->device.device_type);
    core_dtype dtype;
    bool known = core_dtype_of(tensor->dtype, &dtype);
    if (!known || !(set & CORE_BIT(dtype))) {
        char expected[96];
        list_dtypes(set, expected, sizeof expected);
        if (known)
            return core_fail(ctx, EA_ERR_DTYPE, "%s: %s has type %s: give %s", function, name,
                             dtypes[dtype].name, expected);
        return core_fail(ctx, EA_ERR_DTYPE,
                         "%s: %s has DLPack type (%d, %d bits, %d lanes): give %s", function, name,
                         tensor->dtype.code, tensor->dtype.bits, tensor->dtype.lanes, expected);
    }
    *out = (ea_view){ .dtype = dtype, .ndim = tensor->ndim };
    int64_t numel = 1;
    for (int d = tensor->ndim - 1; d >= 0; d--) {
        int64_t size = tensor->shape[d];
        if (size < 0)
            return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has size %lld in dimension %d", function,
                             name, (long long)size, d);
        out->shape[d] = size;
        out->stride[d] = tensor->strides ? tensor->strides[d] : numel;
        if (__builtin_mul_overflow(numel, size ? size : 1, &numel))
            return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has more elements than fit in 64 bits",
                             function, name);
    }
    out->data = tensor->data ? (char *)tensor->data + tensor->byte_offset : NULL;
    if (!out->data && core_numel(out) > 0)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %s has elements but no data", function, name);
    return EA_OK;
}

ea_view core_view_make(void *data, core_dtype dtype, int ndim, const int64_t *shape)
{
    ea_view view = { .data = data, .dtype = dtype, .ndim = ndim };
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        view.shape[d] = shape[d];
        view.stride[d] = stride;
        stride *= shape[d];
    }
    return view;
}

int64_t core_numel(const ea_view *view)
{
    int64_t n = 1;
    for (int d = 0; d < view->ndim; d++)
        n *= view->shape[d];
    return n;
}

bool core_is_contiguous(const ea_view *view)
{
    int64_t expected = 1;
    for (int d = view->ndim - 1; d >= 0; d--) {
        if (view->shape[d] != 1 && view->stride[d] != expected)
            return core_numel(view) == 0;
        expected *= view->shape[d];
    }
    return true;
}

bool core_same_shape(const ea_view *a, const ea_view *b)
{
    return a->ndim == b->ndim &&
           memcmp(a->shape, b->shape, sizeof a->shape[0] * (size_t)a->ndim) == 0;
}

ea_view core_row(const ea_view *view, int kept, int64_t index)
{
    int64_t offset = 0;
    for (int d = kept - 1; d >= 0; d--) {
        offset += index % view->shape[d] * view->stride[d];
        index /= view->shape[d];
    }
    ea_view row = { .dtype = view->dtype, .ndim = view->ndim - kept };
    row.data = (char *)view->data + offset * (int64_t)core_dtype_size(view->dtype);
    memcpy(row.shape, view->shape + kept, sizeof *row.shape * (size_t)row.ndim);
    memcpy(row.stride, view->stride + kept, sizeof *row.stride * (size_t)row.ndim);
    return row;
}

ea_view core_move_dim(const ea_view *view, int from, int to)
{
    ea_view moved = *view;
    int step = from < to ? 1 : -1;
    for (int d = from; d != to; d += step) {
        moved.shape[d] = view->shape[d + step];
        moved.stride[d] = view->stride[d + step];
    }
    moved.shape[to] = view->shape[from];
    moved.stride[to] = view->stride[from];
    return moved;
}

static void byte_range(const ea_view *view, uintptr_t *first, uintptr_t *last)
{
    int64_t low = 0, high = 0;
    for (int d = 0; d < view->ndim; d++) {
        int64_t reach = (view->shape[d] - 1) * view->stride[d];
        low += reach < 0 ? reach : 0;
        high += reach > 0 ? reach : 0;
    }
    int64_t size = (int64_t)core_dtype_size(view->dtype);
    *first = (uintptr_t)view->data + (uintptr_t)(low * size);
    *last = (uintptr_t)view->data + (uintptr_t)(high * size + size - 1);
}

bool core_overlaps(const ea_view *a, const ea_view *b)
{
    if (core_numel(a) == 0 || core_numel(b) == 0)
        return false;
    uintptr_t a_first, a_last, b_first, b_last;
    byte_range(a, &a_first, &a_last);
    byte_range(b, &b_first, &b_last);
    return a_first <= b_last && b_first <= a_last;
}

char *core_shape_text(const ea_view *view, char text[128])
{
    size_t used = (size_t)snprintf(text, 128, "[");
    for (int d = 0; d < view->ndim && used < 128; d++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%lld", d ? ", " : "",
                                 (long long)view->shape[d]);
    if (used < 128)
        snprintf(text + used, 128 - used, "]");
    return text;
}

float core_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 31)
        return core_bits_float(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) /* zero and subnormals: fraction · 2^-24, exact */
        return core_bits_float(core_float_bits((float)fraction * 0x1p-24f) | sign);
    return core_bits_float(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t core_to_f16(float x)
{
    uint32_t bits = core_float_bits(x), magnitude = bits & 0x7fffffff;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000)
        return 0x7e00;
    if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
        return sign | 0x7c00;
    if (magnitude < 0x38800000) { /* below 2^-14: adding 1/2 rounds at the subnormal's last place */
        float shifted = core_bits_float(magnitude) + 0.5f;
        return (uint16_t)(sign | (core_float_bits(shifted) - 0x3f000000));
    }
    return (uint16_t)(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
}
