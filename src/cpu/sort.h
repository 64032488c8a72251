/* sort.h: order on the CPU; arguments as in ref/sort.h. */
#ifndef CPU_SORT_H
#define CPU_SORT_H

#include "ref/sort.h"

ea_status cpu_order(ea_context *ctx, const ref_order_call *call);
ea_status cpu_unique(ea_context *ctx, const ref_unique_call *call);

#endif
