/* avx2.c: kernels for avx2. */
#include "cpu/isa/isa.h"

const cpu_kernels cpu_kernels_avx2 = { .name = "avx2" };
