/* index.h: checks that doors with indices share. */
#ifndef OP_INDEX_H
#define OP_INDEX_H

#include "core/view.h"

/* Error unless every element is low … size − 1. */
ea_status op_check_index(ea_context *ctx, const char *function, const char *name,
                         const ea_view *index, int64_t low, int64_t size);
/* Makes a negative dim count from the end; error unless it is one of ndim. */
ea_status op_dim(ea_context *ctx, const char *function, int ndim, int *dim);
/* A scalar becomes a line of one element. */
void op_one_dimension(ea_view *view);

#endif
