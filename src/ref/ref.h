/* ref.h: the definitions. One naive scalar function an operation, in the file of its family; each
 * spells out every rounding and its order, for each contract. No threads, no intrinsics, no
 * blocking. Arguments are already checked (src/op), shapes agree, inputs are broadcast.
 */
#ifndef REF_REF_H
#define REF_REF_H

#include "core/view.h"
#include "eadem/op/loss.h"
#include "eadem/op/optim.h"
#include "math/math.h"

/* matmul.c: a [..., m, k], b [..., k, n], out [..., m, n] with equal leading dimensions; bias is
 * NULL or expanded to out's shape. */
ea_status ref_matmul(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                     const ea_view *out);

/* --- elementwise.c ---------------------------------------------------------------------------- */

typedef enum ref_binary_kind {
    REF_ADD,
    REF_SUB,
    REF_MUL,
    REF_DIV,
    REF_BINARY_COUNT
} ref_binary_kind;

typedef enum ref_unary_kind {
    REF_EXP,
    REF_LOG,
    REF_SQRT,
    REF_TANH,
    REF_SIGMOID,
    REF_RELU,
    REF_UNARY_COUNT
} ref_unary_kind;

/* All views have one shape; out may be the very same view as an input. */
ea_status ref_binary(ea_context *ctx, ref_binary_kind kind, const ea_view *a, const ea_view *b,
                     const ea_view *out);
ea_status ref_function(ea_context *ctx, math_function function, const ea_view *x,
                       const ea_view *out);
ea_status ref_function_scaled(ea_context *ctx, math_function function, const ea_view *a,
                              const ea_view *x, const ea_view *out);
ea_status ref_unary(ea_context *ctx, ref_unary_kind kind, const ea_view *x, const ea_view *out);
ea_status ref_unary_backward(ea_context *ctx, ref_unary_kind kind, const ea_view *grad_out,
                             const ea_view *x, const ea_view *grad_x);

/* --- reduce.c --------------------------------------------------------------------------------- */

/* Sums x over all dimensions but its first `kept`; out has those. */
ea_status ref_reduce(ea_context *ctx, const ea_view *x, int kept, bool mean, const ea_view *out);

/* --- softmax.c: along the last dimension ------------------------------------------------------ */

ea_status ref_softmax(ea_context *ctx, const ea_view *x, const ea_view *out);
ea_status ref_log_softmax(ea_context *ctx, const ea_view *x, const ea_view *out);
ea_status ref_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                               const ea_view *grad_x);
ea_status ref_log_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                                   const ea_view *grad_x);

/* The row's maximum (NaN if it has one) and the sum of exp(x − maximum). */
float ref_exp_sum(ea_contract contract, const ea_view *row, float *maximum);

/* --- loss.c: x [n, classes], target [n] holds 0 … classes−1 ----------------------------------- */

ea_status ref_cross_entropy(ea_context *ctx, const ea_view *x, const ea_view *target,
                            ea_reduction reduction, const ea_view *out);
ea_status ref_cross_entropy_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *x,
                                     const ea_view *target, ea_reduction reduction,
                                     const ea_view *grad_x);

/* --- norm.c: x, out and their gradients are [channels, …]; NULL where the caller gave none ---- */

typedef struct ref_norm {
    const ea_view *x, *weight, *bias, *running_mean, *running_var, *out, *save_mean, *save_std;
    bool training;
    float eps;
    float momentum;           /* fl of the share of the new statistics */
    float one_minus_momentum; /* fl of 1 − it, computed in binary64 */
} ref_norm;

typedef struct ref_norm_backward {
    const ea_view *grad_out, *x, *weight, *save_mean, *save_std, *grad_x, *grad_weight, *grad_bias;
    bool training;
} ref_norm_backward;

ea_status ref_batch_norm(ea_context *ctx, const ref_norm *norm);
ea_status ref_batch_norm_backward(ea_context *ctx, const ref_norm_backward *norm);

/* --- optim.c: contiguous float32 of one shape; NULL for a state that is not used -------------- */

/* The step's scalars: computed in binary64, each rounded once to binary32. */
typedef struct ref_sgd_scalars {
    float minus_lr, momentum, one_minus_dampening, weight_decay;
    bool decay, use_momentum, first_step, nesterov, maximize;
} ref_sgd_scalars;

typedef struct ref_adam_scalars {
    float beta1, one_minus_beta1; /* of the first moment */
    float beta2, one_minus_beta2; /* of the second */
    float root_correction2;       /* sqrt(1 − beta2^step) */
    float minus_step_size;        /* −lr / (1 − beta1^step) */
    float eps, weight_decay;
    float keep; /* 1 − lr·weight_decay, for the decoupled decay */
    bool decay, decoupled, amsgrad, maximize;
} ref_adam_scalars;

ref_sgd_scalars ref_sgd_prepare(const ea_sgd_options *options, int64_t step);
ref_adam_scalars ref_adam_prepare(const ea_adam_options *options, int64_t step);

ea_status ref_sgd(ea_context *ctx, const ref_sgd_scalars *s, const ea_view *grad,
                  const ea_view *param, const ea_view *buffer);
ea_status ref_adam(ea_context *ctx, const ref_adam_scalars *s, const ea_view *grad,
                   const ea_view *param, const ea_view *exp_avg, const ea_view *exp_avg_sq,
                   const ea_view *max_exp_avg_sq);

/* --- sum.c: one sum, the rule of docs/contract.md --------------------------------------------- */

enum { REF_LANES = 16, REF_CHUNK = 1024, REF_LEVELS = 7 };

/* The caller feeds the values in order and takes the result once. Level 0 adds up the values, level
 * l + 1 the chunk sums of level l. */
typedef struct ref_sum {
    ea_contract contract;
    bool product;
    struct {
        float lane[REF_LANES];
        int count;
    } level[REF_LEVELS];
} ref_sum;

void ref_sum_begin(ref_sum *sum, ea_contract contract);
/* The product of the values, by `chain`'s order: 1 for +0, · for +. */
void ref_product_begin(ref_sum *sum);
void ref_sum_add(ref_sum *sum, float x);
float ref_sum_end(ref_sum *sum);
/* The mean of n values whose sum is given. */
float ref_mean(ea_contract contract, float sum, int64_t n);

/* --- chain.c
 * --------------------------------------------------------------------------------------
 */

/* One contraction, the rule of docs/contract.md: chain of fused multiply-adds over k = 0 … n−1. The
 * caller feeds terms in order and takes the result once. */
typedef struct ref_chain {
    float total;
    float block;
    int64_t terms;  /* in the current block */
    int64_t length; /* terms a block has */
    bool first;     /* no block has been added to total yet */
} ref_chain;

void ref_chain_begin(ref_chain *chain, ea_contract contract);
/* The same with blocks of `length` terms. */
void ref_chain_begin_blocks(ref_chain *chain, int64_t length);
void ref_chain_add(ref_chain *chain, float x, float y);
float ref_chain_end(ref_chain *chain);

#endif
