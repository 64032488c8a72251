/* pool.h: pooling on the CPU; signatures and bits as in ref/pool.h. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include "ref/pool.h"

ea_status cpu_max_pool(ea_context *ctx, const ref_windows *windows, const ea_view *x,
                       const ea_view *out, const ea_view *indices);
ea_status cpu_max_pool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                const ea_view *grad_x);
ea_status cpu_max_unpool(ea_context *ctx, const ea_view *x, const ea_view *indices,
                         const ea_view *out);
ea_status cpu_max_unpool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                  const ea_view *grad_x);

#endif
