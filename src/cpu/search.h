/* search.h: finding and counting on the CPU. */
#ifndef CPU_SEARCH_H
#define CPU_SEARCH_H

#include "core/context.h"
#include "ref/search.h"

/* As ref_search() and so on. */
void cpu_search(const ref_search_call *call, int64_t begin, int64_t end);
ea_status cpu_bincount(ea_context *ctx, const ea_view *x, const ea_view *weights,
                       const ea_view *out);
ea_status cpu_histc(ea_context *ctx, const ea_view *x, float low, float high, const ea_view *out);

#endif
