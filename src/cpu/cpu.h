/* cpu.h: the fast CPU operations. Same signatures and same bits as ref.h; blocking, packing,
 * threads and the vector kernels of cpu/isa/ are the only differences. Scratch memory comes from
 * ctx->arena. */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include "core/view.h"

ea_status cpu_matmul(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                     const ea_view *out);

#endif
