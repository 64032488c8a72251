/* aggregate.h: reductions beside sum and mean on the CPU; arguments as in ref/aggregate.h. */
#ifndef CPU_AGGREGATE_H
#define CPU_AGGREGATE_H

#include "ref/aggregate.h"

ea_status cpu_aggregate(ea_context *ctx, const ref_aggregate_call *call);
ea_status cpu_aggregate_backward(ea_context *ctx, const ref_aggregate_call *call);
ea_status cpu_extreme(ea_context *ctx, const ea_view *x, int kept, bool smallest,
                      const ea_view *values, const ea_view *indices);

#endif
