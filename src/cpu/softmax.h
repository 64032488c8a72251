/* softmax.h: exponentials of rows, which softmax and cross entropy share. */
#ifndef CPU_SOFTMAX_H
#define CPU_SOFTMAX_H

#include "cpu/isa/isa.h"

/* Rows that are taken at a time, so that short rows fill the vectors too; at least one. */
int64_t cpu_softmax_rows(int64_t row_length);

/* For each row of x: shifted = x − its maximum, exps = exp of that, sums their sum. `exps` may be
 * `shifted`. */
void cpu_exp_rows(const cpu_kernels *kernels, ea_contract contract, const float *x, int64_t rows,
                  int64_t length, float *shifted, float *exps, float *sums);

#endif
