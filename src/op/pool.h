/* pool.h: what doors of pooling and their backward rules share. */
#ifndef OP_POOL_H
#define OP_POOL_H

#include "core/view.h"
#include "eadem/op/pool.h"

/* Options for depth, height, width: zeros replaced by what they stand for, missing dimensions by
 * windows of 1; checked. */
ea_status op_pool_options(ea_context *ctx, const char *function, int dims,
                          const ea_pool_options *options, ea_pool_options *out);

#endif
