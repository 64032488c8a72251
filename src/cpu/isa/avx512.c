/* avx512.c: kernels for avx512. */
#include "cpu/isa/isa.h"

const cpu_kernels cpu_kernels_avx512 = { .name = "avx512" };
