/* index.h: fast versions of ref/index.h. */
#ifndef CPU_INDEX_H
#define CPU_INDEX_H

#include "ref/index.h"

ea_status cpu_gather(ea_context *ctx, const ref_indexed *i);
ea_status cpu_scatter(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind, double alpha);
ea_status cpu_embedding_bag(ea_context *ctx, const ref_bags *bags);

#endif
