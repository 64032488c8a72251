/* transformer.h: the steps of a language model on the CPU. Same arguments and bits as
 * ref/transformer.h. */
#ifndef CPU_TRANSFORMER_H
#define CPU_TRANSFORMER_H

#include "ref/transformer.h"

void cpu_rms_norm(ea_context *ctx, int64_t rows, int64_t n, const float *x, const float *weight,
                  float eps, float *out);
void cpu_layer_norm(ea_context *ctx, int64_t rows, int64_t n, const float *x, const float *weight,
                    const float *bias, float eps, float *out);
void cpu_silu_mul(ea_context *ctx, int64_t n, float *gate, const float *up);
void cpu_gelu(ea_context *ctx, int64_t n, float *x);
void cpu_gelu_tanh(ea_context *ctx, int64_t n, float *x);
void cpu_accumulate(ea_context *ctx, int64_t n, float *x, const float *y);
void cpu_attend(ea_context *ctx, const ref_attention *attention);
float cpu_row_exp_sum(ea_context *ctx, int64_t n, const float *x, float *maximum);

#endif
