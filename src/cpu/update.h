/* update.h: the optimisers by number on the CPU (src/ref/update.h). */
#ifndef CPU_UPDATE_H
#define CPU_UPDATE_H

#include "ref/update.h"

ea_status cpu_update(ea_context *ctx, const ref_update_scalars *s, const ea_view *grad,
                     const ea_view *param, const ea_view *const *states);

#endif
