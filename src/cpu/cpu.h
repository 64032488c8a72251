/* cpu.h: the fast CPU operations. Same signatures and same bits as ref.h; blocking, packing,
 * threads and the vector kernels of cpu/isa/ are the only differences. Scratch memory comes from
 * ctx->arena. */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include "core/view.h"
#include "ref/ref.h"

ea_status cpu_matmul(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                     const ea_view *out);

ea_status cpu_binary(ea_context *ctx, ref_binary_kind kind, const ea_view *a, const ea_view *b,
                     const ea_view *out);
ea_status cpu_function(ea_context *ctx, math_function function, const ea_view *x,
                       const ea_view *out);
ea_status cpu_function_scaled(ea_context *ctx, math_function function, const ea_view *a,
                              const ea_view *x, const ea_view *out);
ea_status cpu_unary(ea_context *ctx, ref_unary_kind kind, const ea_view *x, const ea_view *out);
ea_status cpu_unary_backward(ea_context *ctx, ref_unary_kind kind, const ea_view *grad_out,
                             const ea_view *x, const ea_view *grad_x);
ea_status cpu_reduce(ea_context *ctx, const ea_view *x, int kept, bool mean, const ea_view *out);
ea_status cpu_softmax(ea_context *ctx, const ea_view *x, const ea_view *out);
ea_status cpu_log_softmax(ea_context *ctx, const ea_view *x, const ea_view *out);
ea_status cpu_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                               const ea_view *grad_x);
ea_status cpu_log_softmax_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *out,
                                   const ea_view *grad_x);
ea_status cpu_cross_entropy(ea_context *ctx, const ea_view *x, const ea_view *target,
                            ea_reduction reduction, const ea_view *out);
ea_status cpu_cross_entropy_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *x,
                                     const ea_view *target, ea_reduction reduction,
                                     const ea_view *grad_x);
ea_status cpu_batch_norm(ea_context *ctx, const ref_norm *norm);
ea_status cpu_batch_norm_backward(ea_context *ctx, const ref_norm_backward *norm);
ea_status cpu_sgd(ea_context *ctx, const ref_sgd_scalars *s, const ea_view *grad,
                  const ea_view *param, const ea_view *buffer);
ea_status cpu_adam(ea_context *ctx, const ref_adam_scalars *s, const ea_view *grad,
                   const ea_view *param, const ea_view *exp_avg, const ea_view *exp_avg_sq,
                   const ea_view *max_exp_avg_sq);

#endif
