/* neon.c: the kernels in AArch64 Advanced SIMD. */
#include "cpu/isa/simd_neon.h"

#define CPU_KERNELS_TABLE cpu_kernels_neon
#define CPU_KERNELS_NAME "neon"
#include "cpu/isa/kernels.h"
