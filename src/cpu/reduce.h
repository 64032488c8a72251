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

/* A view whose rows, one for each index of its first `kept` dimensions, are columns in memory: what
 * is next to a float belongs to the next row. */
typedef struct cpu_column_view {
    ea_view view;  /* kept dimensions, then one of the rows' elements */
    int64_t width; /* of the last kept dimension */
    int64_t rows, row_stride;
} cpu_column_view;

/* False when x is none, or has no elements. */
bool cpu_column_view_of(const ea_view *x, int kept, cpu_column_view *columns);

/* Neighbouring columns, at most `most`. */
typedef struct cpu_column_block {
    float *data;
    int64_t output, columns; /* number of the first row */
} cpu_column_block;

int64_t cpu_column_blocks(const cpu_column_view *c, int64_t most);
cpu_column_block cpu_column_block_at(const cpu_column_view *c, int64_t block, int64_t most);

/* results[i] = what the rows of x, one for each index of its first `kept` dimensions, fold to:
 * their sum, the product by the same rule, the largest or the smallest element. */
typedef enum cpu_fold { CPU_SUM, CPU_PRODUCT, CPU_LARGEST, CPU_SMALLEST } cpu_fold;
ea_status cpu_fold_rows(ea_context *ctx, cpu_fold fold, const ea_view *x, int kept, float *results);

/* What a chunk of n ≤ 1024 values folds to, and chunks of such results in their turn, as in the
 * sum's rule. */
typedef float (*cpu_chunk)(const float *x, int64_t n);
ea_status cpu_fold_terms(ea_context *ctx, int64_t outputs, int64_t n, cpu_terms terms,
                         const void *argument, cpu_chunk chunk, float *results);

#endif
