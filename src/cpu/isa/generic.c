/* generic.c: kernels in portable C. */
#include "cpu/isa/isa.h"

const cpu_kernels cpu_kernels_generic = { .name = "generic" };
