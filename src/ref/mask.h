/* mask.h: definition of choosing by a mask; all views have one shape, a, b and out one type. */
#ifndef REF_MASK_H
#define REF_MASK_H

#include "core/view.h"

ea_status ref_where(ea_context *ctx, const ea_view *mask, const ea_view *a, const ea_view *b,
                    const ea_view *out);

#endif
