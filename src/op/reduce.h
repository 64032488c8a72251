/* reduce.h: dimensions to reduce, for the doors that take them. */
#ifndef OP_REDUCE_H
#define OP_REDUCE_H

#include "core/view.h"

typedef struct op_reduction {
    bool reduced[EA_MAX_DIMS]; /* by dimension of x */
    ea_view rows;              /* x with the kept dimensions first, each group in its order */
    int kept;                  /* how many those are */
} op_reduction;

/* dims[0 … ndims−1] count from the end when negative; none means all. */
ea_status op_reduction_of(ea_context *ctx, const char *function, const ea_view *x, const int *dims,
                          int ndims, op_reduction *r);
/* Error unless `view` has the shape that is left, with or without 1 for what was reduced; then
 * these are dropped. */
ea_status op_reduced_shape(ea_context *ctx, const char *function, const char *name,
                           const ea_view *x, const op_reduction *r, ea_view *view);

#endif
