/* avx512.c: the kernels in AVX-512. */
#include "cpu/isa/simd_avx512.h"

#define CPU_KERNELS_TABLE cpu_kernels_avx512
#define CPU_KERNELS_NAME "avx512"
#include "cpu/isa/kernels.h"
