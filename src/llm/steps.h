/* steps.h: the steps of a model on the context's backend: the definitions for instruction set
 * "ref", else the fast ones. */
#ifndef LLM_STEPS_H
#define LLM_STEPS_H

#include "cpu/cpu.h"
#include "cpu/transformer.h"
#include "ref/ref.h"

static inline bool llm_by_definition(const ea_context *ctx)
{
    return ctx->isa == CORE_ISA_REF;
}

static inline void llm_rms_norm(ea_context *ctx, int64_t rows, int64_t n, const float *x,
                                const float *weight, float eps, float *out)
{
    if (llm_by_definition(ctx))
        ref_rms_norm(rows, n, x, weight, eps, out);
    else
        cpu_rms_norm(ctx, rows, n, x, weight, eps, out);
}

static inline void llm_layer_norm(ea_context *ctx, int64_t rows, int64_t n, const float *x,
                                  const float *weight, const float *bias, float eps, float *out)
{
    if (llm_by_definition(ctx))
        ref_layer_norm(rows, n, x, weight, bias, eps, out);
    else
        cpu_layer_norm(ctx, rows, n, x, weight, bias, eps, out);
}

static inline void llm_silu_mul(ea_context *ctx, int64_t n, float *gate, const float *up)
{
    if (llm_by_definition(ctx))
        ref_silu_mul(n, gate, up);
    else
        cpu_silu_mul(ctx, n, gate, up);
}

static inline void llm_gelu_tanh(ea_context *ctx, int64_t n, float *x)
{
    if (llm_by_definition(ctx))
        ref_gelu_tanh(n, x);
    else
        cpu_gelu_tanh(ctx, n, x);
}

static inline void llm_gelu(ea_context *ctx, int64_t n, float *x)
{
    if (llm_by_definition(ctx))
        ref_gelu(n, x);
    else
        cpu_gelu(ctx, n, x);
}

static inline void llm_accumulate(ea_context *ctx, int64_t n, float *x, const float *y)
{
    if (llm_by_definition(ctx))
        ref_accumulate(n, x, y);
    else
        cpu_accumulate(ctx, n, x, y);
}

static inline void llm_attend(ea_context *ctx, const ref_attention *attention)
{
    if (llm_by_definition(ctx))
        ref_attend(attention);
    else
        cpu_attend(ctx, attention);
}

static inline float llm_row_exp_sum(ea_context *ctx, int64_t n, const float *x, float *maximum)
{
    return llm_by_definition(ctx) ? ref_row_exp_sum(n, x, maximum)
                                  : cpu_row_exp_sum(ctx, n, x, maximum);
}

#endif
