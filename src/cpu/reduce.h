/* reduce.h: sums by the contract's rule, for the families that need them. */
#ifndef CPU_REDUCE_H
#define CPU_REDUCE_H

#include "cpu/isa/isa.h"

/* The sum of n consecutive floats. */
float cpu_sum(const cpu_kernels *kernels, ea_contract contract, const float *x, int64_t n);

/* Gives terms begin … begin + n − 1 (n ≤ 1024) of output `output`: a pointer to them, `buffer` or
 * elsewhere. */
typedef const float *(*cpu_terms)(const void *argument, int64_t output, int64_t begin, int64_t n,
                                  float *buffer);

/* sums[i] = the sum of output i's n terms, in parallel. Terms are cheapest to get when they do not
 * cross a multiple of `run`; where the order leaves a choice, that is heeded. */
ea_status cpu_sum_terms(ea_context *ctx, int64_t outputs, int64_t n, int64_t run, cpu_terms terms,
                        const void *argument, float *sums);

/* What a chunk of n ≤ 1024 values folds to, and chunks of such results in their turn, as in the
 * sum's rule. */
typedef float (*cpu_chunk)(const float *x, int64_t n);
ea_status cpu_fold_terms(ea_context *ctx, int64_t outputs, int64_t n, cpu_terms terms,
                         const void *argument, cpu_chunk chunk, float *results);

#endif
