/* mask.h: fast version of ref/mask.h. */
#ifndef CPU_MASK_H
#define CPU_MASK_H

#include "core/view.h"

ea_status cpu_where(ea_context *ctx, const ea_view *mask, const ea_view *a, const ea_view *b,
                    const ea_view *out);

#endif
