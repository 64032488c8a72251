/* resample.h: linear maps along axes on the CPU; signature and bits as in ref/resample.h. */
#ifndef CPU_RESAMPLE_H
#define CPU_RESAMPLE_H

#include "ref/resample.h"

ea_status cpu_resample(ea_context *ctx, const ref_maps *maps, const ea_view *x, const ea_view *out);

#endif
