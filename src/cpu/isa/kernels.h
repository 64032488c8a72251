/* kernels.h: all kernels and their table. Compiled once for each instruction set, by the file that
 * includes this after its simd_*.h and after naming the table. */
#include "cpu/isa/isa.h"

const cpu_kernels CPU_KERNELS_TABLE = {
    .name = CPU_KERNELS_NAME,
};
