/* isa.h: the table of vector kernels, one a instruction set; cpu_kernels_of() picks the context's.
 */
#ifndef CPU_ISA_ISA_H
#define CPU_ISA_ISA_H

#include "cpu/panels.h"
#include "math/math.h"
#include "ref/point.h"
#include "ref/quant.h"
#include "ref/ref.h"
#include "ref/resample.h"
#include "ref/transformer.h"
#include "ref/update.h"

/* One panel of columns times groups of `height` rows, over `terms` terms. Strides in elements. */
typedef struct cpu_gemm_panel {
    int height;           /* rows of a register tile, at most gemm_rows */
    int64_t groups;       /* of `height` rows each */
    int64_t terms, block; /* after `block` terms a chain ends; at most the last may be shorter */
    const float *a;       /* element (row, k) of the first group at row·a_line + k·a_k */
    int64_t a_line, a_k;
    int64_t a_group; /* from one group to the next */
    bool narrow;     /* only the first vector of columns is computed */
    const float *b;  /* row k of gemm_columns elements at k·b_k */
    int64_t b_k;
    float *keep; /* the first group copies b here, and the others read the copy; NULL: no copy */
    const float
        *next; /* row k at k·next_k is fetched meanwhile into the second-level cache; NULL: none */
    int64_t next_k;
    const float *start; /* the first chains' values so far; NULL: +0 */
    int64_t start_row;
    const float
        *total; /* to which the chains are added one after the other; NULL: the first is it */
    int64_t total_row;
    float *out; /* may be `start` or `total` */
    int64_t out_row;
} cpu_gemm_panel;

/* A few rows times a panel of weights (cpu/panels.h), a projection's chains: those of `terms` terms
 * are added to total[i·CPU_PANEL + c], c < CPU_PANEL. Terms begin with a chain. */
typedef struct cpu_panel_rows {
    ref_quant format;
    int rows;
    const float *a; /* term k of row i at k·rows + i */
    const unsigned char *panel;
    int64_t terms;
    const unsigned char *next; /* as many bytes are fetched meanwhile */
    bool first;                /* the first chains are the totals */
    float *total;
} cpu_panel_rows;

enum { CPU_CONV_VECTORS = 4, CPU_ATTENTION_LINES = 4 };

/* Output channels times a few vectors of output positions. Term k of lane l of vector j is
 * a[row·a_line + k] · x[offset[k] + at[j] + l]; its element is out[row·out_row + to[j] + l], l <
 * lanes[j].
 */
typedef struct cpu_conv_window {
    int64_t rows, terms;
    const float *a;
    int64_t a_line;
    const float *x;
    const int64_t *offset;
    int64_t at[CPU_CONV_VECTORS];
    float *out;
    int64_t out_row;
    int64_t to[CPU_CONV_VECTORS];
    int lanes[CPU_CONV_VECTORS];
    bool add; /* the chains are added to out instead of replacing it */
} cpu_conv_window;

/* One output channel: out[i·out_row + j] = the chain of a[k]·x[i·x_row + offset[k] + j] over k <
 * terms; i < rows, j < columns. x may be read up to a vector past the last column. */
typedef struct cpu_conv_lines {
    const float *a, *x;
    const int64_t *offset;
    int64_t terms, x_row, rows, columns, out_row;
    float *out;
} cpu_conv_lines;

/* Kernel positions times output channels: sum[row][channel] goes on over `terms` pixels, beginning
 * in column `column` of a row of `columns`: x[offset[row]] · g[channel], then x moves by `step`,
 * and by next_row more after a row's end; g by the number of channels of a panel. `depthwise`: each
 * channel has an x of its own, x[offset[row] + channel]. */
typedef struct cpu_conv_pixels {
    int rows, vectors; /* vectors of channels: 1 or conv_vectors; depthwise: 1 */
    bool depthwise;
    const float *x;
    const int64_t *offset;
    int64_t step, next_row, column, columns, terms;
    const float *g;
    float *sum;
    bool fresh; /* from +0 */
} cpu_conv_pixels;

/* A function by number over runs of elements; runs that it does not use are any of n elements. */
typedef struct cpu_point {
    ea_point_function function;
    bool gradient; /* for input `which`, else the value */
    int which;
    const float *x[REF_POINT_INPUTS], *f[REF_POINT_FUNCTIONS], *grad;
    const float *parameter;
} cpu_point;

/* A run of a row that is normalised. */
typedef struct cpu_norm_run {
    const float *x;
    float mean, rstd;
    const float *weight, *bias; /* NULL: none */
    bool each;                  /* they have an element for each of x, else one */
} cpu_norm_run;

typedef void (*cpu_columns)(const float *x, int64_t stride, int64_t rows, int64_t columns,
                            float *y);

typedef struct cpu_kernels {
    const char *name;
    /* y[i] = f(x[i]), i < n; y may be x. By function: kernels->math[MATH_EXP](x, y, n). */
    void (*math[MATH_FUNCTION_COUNT])(const float *x, float *y, int64_t n);
    /* y[i] = f(a[i], b[i]); y may be one of them. kernels->pair[MATH_POW](a, b, y, n) */
    void (*pair[MATH_PAIR_COUNT])(const float *a, const float *b, float *y, int64_t n);
    int gemm_rows;    /* rows of a register tile */
    int gemm_columns; /* columns of a register tile, the width of a panel */
    void (*gemm_panel)(const cpu_gemm_panel *panel);
    /* Panels of `width` lines: to[p·panel + k·width + i] = from[k·stride + p·width + i], or
     * from[(p·width + i)·stride + k], for p·width + i < lines; else +0. k < terms */
    void (*gemm_pack_copy)(const float *from, int64_t stride, int64_t lines, int width,
                           int64_t terms, int64_t panel, float *to);
    void (*gemm_pack_transpose)(const float *from, int64_t stride, int64_t lines, int width,
                                int64_t terms, int64_t panel, float *to);
    /* The same from lines of F32, F16 or BF16, terms k … k+terms−1. */
    void (*gemm_pack_lines)(const ref_lines *from, int64_t k, int64_t lines, int width,
                            int64_t terms, int64_t panel, float *to);
    /* One chain for each column from +0, b read in place: columns neighbours … */
    void (*gemm_row)(const float *a, int64_t a_k, const float *b, int64_t b_k, int64_t terms,
                     int64_t columns, float *out);
    /* … or terms neighbours, from k on, which a begins with. */
    int gemm_dots_columns; /* most columns of one gemm_dots */
    void (*gemm_dots)(const float *a, const ref_lines *b, int64_t k, int64_t terms, int columns,
                      float *out);
    int panel_most_rows; /* of one panel_rows */
    void (*panel_rows)(const cpu_panel_rows *p);
    /* to[t·to_row + c] = term t of column `column` + c, c < columns, a multiple of lanes; whole
     * blocks */
    void (*panel_widen)(ref_quant format, const unsigned char *panel, int column, int columns,
                        int64_t terms, int64_t to_row, float *to);
    int lanes;          /* of a vector */
    int conv_vectors;   /* of a conv_window, all used (some with lanes 0); most of a conv_pixels */
    int conv_wide_rows; /* most rows of a conv_pixels with one vector; else gemm_rows */
    void (*conv_window)(const cpu_conv_window *window);
    void (*conv_lines)(const cpu_conv_lines *lines);
    void (*conv_pixels)(const cpu_conv_pixels *pixels);
    /* Smallest magnitude but zero, infinity if none; false when one is infinite or NaN */
    bool (*conv_range)(const float *x, int64_t n, float *smallest);
    /* out[h·out_row + i] = the chain of q[h·dim + d]·keys[d·stride + i] over d < dim; i < count, h
     * < heads ≤ CPU_ATTENTION_LINES */
    void (*attention_scores)(const float *q, int heads, int dim, const float *keys, int64_t stride,
                             int count, float *out, int64_t out_row);
    /* continues chain[h·chain_row + d] with weight[h·weight_row + i]·values[i·dim + d] over i <
     * count; d < dim */
    void (*attention_values)(const float *weight, int64_t weight_row, int heads, int count,
                             const float *values, int dim, float *chain, int64_t chain_row);

    /* kernels_elementwise.h: n elements; y may be an operand. */
    void (*add)(const float *a, const float *b, float *y, int64_t n);
    void (*sub)(const float *a, const float *b, float *y, int64_t n);
    void (*mul)(const float *a, const float *b, float *y, int64_t n);
    void (*div)(const float *a, const float *b, float *y, int64_t n);
    void (*sub_scalar)(const float *a, float b, float *y, int64_t n);
    void (*mul_scalar)(const float *a, float b, float *y, int64_t n);
    void (*div_scalar)(const float *a, float b, float *y, int64_t n);
    void (*relu)(const float *x, float *y, int64_t n);
    void (*relu_backward)(const float *grad, const float *x, float *y, int64_t n);
    void (*reciprocal)(const float *x, float *y, int64_t n);

    /* kernels_point.h: y may be one of the runs. What correctly rounded function number `which` is
     * taken of, where ref_point_has_argument(); and the value or gradient, of their values f. */
    void (*point_argument)(const cpu_point *call, float *y, int64_t n);
    void (*point)(const cpu_point *call, float *y, int64_t n);

    /* kernels_reduce.h: one chunk of the sum rule (n ≤ 1024); the largest of n ≥ 1 elements, NaN
     * when there is one; y[j] = the sum, … down column j in order. */
    float (*sum_chunk)(const float *x, int64_t n);
    float (*maximum)(const float *x, int64_t n);
    float (*minimum)(const float *x, int64_t n);
    float (*product_chunk)(const float *x, int64_t n); /* the sum rule's chunk with products */
    cpu_columns sum_columns, maximum_columns, minimum_columns;
    cpu_columns sum_chunk_columns, product_chunk_columns; /* by the sum's rule, rows ≤ 1024 */
    int rows_together;                                    /* at most REF_LANES */
    /* sum[r] continues with row[r][0 … n−1] in order, for rows_together rows */
    void (*add_rows)(const float *const *row, int64_t n, float *sum);
    /* to[j] continues with row[0][j] … row[3][j] in order; the rows `next` are asked for */
    void (*add_four)(const float *const row[4], const float *const next[4], int64_t n, float *to);

    /* kernels_row_norm.h: y = (x − mean)·rstd·weight + bias; (x − mean)/std·weight + bias; the sum
     * of (x − mean)² over a chunk (n ≤ 1024); the lanes of two sums over a chunk, of q =
     * grad·weight and q·normal, continued from a multiple of 16 on, with products[i] = grad·normal
     * unless NULL; y = rstd·((q − mean_grad) − normal·slope). */
    void (*norm_apply)(const cpu_norm_run *run, float *y, int64_t n);
    void (*norm_divide)(const cpu_norm_run *run, float std, float *y, int64_t n);
    float (*norm_squares)(const float *x, float mean, int64_t n);
    void (*norm_sums)(const cpu_norm_run *run, const float *grad, float *products, int64_t n,
                      float *sums);
    void (*norm_gradient)(const cpu_norm_run *run, const float *grad, float mean_grad, float slope,
                          float *y, int64_t n);

    /* kernels_pool.h: one output row of 2 × 2 windows side by side. */
    void (*max_pool_2x2)(const float *x, int64_t width, int64_t n, float *y, int64_t *positions,
                         int64_t base);

    /* kernels_resample.h: y[j] = Σ weight[k]·x[index[k]·stride + j], j < n, taps ≥ 1; and the
     * outputs of one line of neighbours. */
    void (*axis_rows)(const float *x, int64_t stride, const int64_t *index, const float *weight,
                      int64_t taps, int64_t n, float *y);
    void (*axis_line)(const ref_axis *axis, float fill, const float *x, float *y);

    /* kernels_optim.h: one step on n parameters. */
    void (*sgd)(const ref_sgd_scalars *s, const float *grad, float *param, float *buffer,
                int64_t n);
    void (*adam)(const ref_adam_scalars *s, bool repdl, const float *grad, float *param,
                 float *exp_avg, float *exp_avg_sq, float *max_exp_avg_sq, int64_t n);
    /* kernels_update.h; states that the rule has not are NULL. */
    void (*update)(const ref_update_scalars *s, const float *grad, float *param,
                   float *const *state, int64_t n);
} cpu_kernels;

extern const cpu_kernels cpu_kernels_generic;
extern const cpu_kernels cpu_kernels_avx2;
extern const cpu_kernels cpu_kernels_avx512;
extern const cpu_kernels cpu_kernels_neon;

const cpu_kernels *cpu_kernels_of(const ea_context *ctx);

#endif
