/* isa.h: the table of vector kernels, one a instruction set; cpu_kernels_of() picks the context's.
 */
#ifndef CPU_ISA_ISA_H
#define CPU_ISA_ISA_H

#include "core/context.h"
#include "math/math.h"

typedef struct cpu_kernels {
    const char *name;
    /* y[i] = f(x[i]), i < n; y may be x. By function: kernels->math[MATH_EXP](x, y, n). */
    void (*math[MATH_FUNCTION_COUNT])(const float *x, float *y, int64_t n);
} cpu_kernels;

extern const cpu_kernels cpu_kernels_generic;
extern const cpu_kernels cpu_kernels_avx2;
extern const cpu_kernels cpu_kernels_avx512;
extern const cpu_kernels cpu_kernels_neon;

const cpu_kernels *cpu_kernels_of(const ea_context *ctx);

#endif
