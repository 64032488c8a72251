/* avx2.c: the kernels in AVX2 and FMA. */
#include "cpu/isa/simd_avx2.h"

#define CPU_KERNELS_TABLE cpu_kernels_avx2
#define CPU_KERNELS_NAME "avx2"
#include "cpu/isa/kernels.h"
