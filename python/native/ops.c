/* ops.c: the families of operations that Python can call, as the public headers have them. */
#include "native.h"

const native_family *const native_families[] = {
    &native_contraction, &native_pointwise, &native_reduction, &native_pool,   &native_resample,
    &native_index,       &native_order,     &native_optim,     &native_random,
};

const int native_family_count = sizeof native_families / sizeof native_families[0];
