/* neon.c: kernels for neon. */
#include "cpu/isa/isa.h"

const cpu_kernels cpu_kernels_neon = { .name = "neon" };
