/* generic.c: the kernels in portable C. */
#include "cpu/isa/simd_generic.h"

#define CPU_KERNELS_TABLE cpu_kernels_generic
#define CPU_KERNELS_NAME "generic"
#include "cpu/isa/kernels.h"
