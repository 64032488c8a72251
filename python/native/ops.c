/* ops.c: the families of operations that Python can call, as the public headers have them. */
#include "native.h"

int64_t *native_count(const native_call *call, int i)
{
    const DLTensor *t = i < call->tensor_count ? T(i) : NULL;
    if (!t || t->dtype.code != kDLInt || t->dtype.bits != 64 || ea_tensor_numel(t) != 1)
        return NULL;
    return (int64_t *)((char *)t->data + t->byte_offset);
}

const native_family *const native_families[] = {
    &native_contraction, &native_pointwise, &native_reduction, &native_pool,
    &native_resample,    &native_index,     &native_order,     &native_attention,
    &native_recurrent,   &native_optim,     &native_random,
};

const int native_family_count = sizeof native_families / sizeof native_families[0];
