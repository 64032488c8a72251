/* point.h: fast version of ref/point.h. */
#ifndef CPU_POINT_H
#define CPU_POINT_H

#include "ref/point.h"

ea_status cpu_point_run(ea_context *ctx, const ref_point_call *call);

#endif
