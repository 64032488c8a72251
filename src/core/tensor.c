/* tensor.c: tensors that own their memory, and copying. */
#include "core/fp.h"
#include "core/memory.h"
#include "core/view.h"

/* The DLTensor stands first, so a pointer to it is a pointer to the whole. */
typedef struct owned_tensor {
    DLTensor dl;
    int64_t shape[EA_MAX_DIMS];
} owned_tensor;

ea_status ea_tensor_new(ea_context *ctx, DLDataType dtype, int ndim, const int64_t *shape,
                        DLTensor **out)
{
    *out = NULL;
    core_dtype type;
    if (!core_dtype_of(dtype, &type))
        return core_fail(ctx, EA_ERR_DTYPE,
                         "ea_tensor_new: DLPack type (%d, %d bits) is not offered", dtype.code,
                         dtype.bits);
    if (ndim < 0 || ndim > EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_ARGUMENT, "ea_tensor_new: ndim is %d: give 0 to %d", ndim,
                         EA_MAX_DIMS);
    int64_t bytes = (int64_t)core_dtype_size(type);
    for (int d = 0; d < ndim; d++)
        if (shape[d] < 0 || __builtin_mul_overflow(bytes, shape[d], &bytes) ||
            bytes > INT64_MAX / 2)
            return core_fail(ctx, EA_ERR_ARGUMENT, "ea_tensor_new: shape[%d] is %lld", d,
                             (long long)shape[d]);
    owned_tensor *tensor = core_alloc_zero(sizeof *tensor);
    void *data = core_alloc_zero((size_t)bytes);
    if (!tensor || !data) {
        core_free(tensor);
        core_free(data);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a tensor of %lld bytes",
                         (long long)bytes);
    }
    memcpy(tensor->shape, shape ? shape : tensor->shape, sizeof *shape * (size_t)ndim);
    tensor->dl = (DLTensor){
        .data = data, .device = { kDLCPU, 0 }, .ndim = ndim, .dtype = dtype, .shape = tensor->shape
    };
    *out = &tensor->dl;
    return EA_OK;
}

void ea_tensor_free(DLTensor *tensor)
{
    if (!tensor)
        return;
    core_free(tensor->data);
    core_free(tensor);
}

int64_t ea_tensor_numel(const DLTensor *tensor)
{
    int64_t n = 1;
    for (int d = 0; d < tensor->ndim; d++)
        n *= tensor->shape[d];
    return n;
}

ea_status ea_copy(ea_context *ctx, const DLTensor *from, DLTensor *to)
{
    unsigned any = CORE_BIT(CORE_DTYPE_COUNT) - 1;
    char a[128], b[128];
    ea_view source, target;
    EA_TRY(core_view_of(ctx, "ea_copy", "from", from, any, &source));
    EA_TRY(core_view_of(ctx, "ea_copy", "to", to, any, &target));
    if (!core_same_shape(&source, &target))
        return core_fail(ctx, EA_ERR_SHAPE, "ea_copy: from has shape %s, to has %s",
                         core_shape_text(&source, a), core_shape_text(&target, b));
    bool floats = (CORE_FLOATS & CORE_BIT(source.dtype)) && (CORE_FLOATS & CORE_BIT(target.dtype));
    if (source.dtype != target.dtype && !floats)
        return core_fail(ctx, EA_ERR_DTYPE, "ea_copy: %s cannot be copied to %s",
                         core_dtype_name(source.dtype), core_dtype_name(target.dtype));
    core_fp saved = core_fp_enter();
    if (source.dtype == target.dtype && core_is_contiguous(&source) &&
        core_is_contiguous(&target)) {
        if (core_numel(&source) > 0)
            memmove(target.data, source.data,
                    (size_t)core_numel(&source) * core_dtype_size(source.dtype));
    } else {
        core_copy(ctx, &source, &target);
    }
    core_fp_leave(saved);
    return EA_OK;
}
