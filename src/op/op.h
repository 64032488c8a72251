/* op.h: what every door does: check, enter the floating-point environment, hand to the backend. */
#ifndef OP_OP_H
#define OP_OP_H

#include "core/fp.h"
#include "core/memory.h"
#include "core/view.h"
#include "cpu/cpu.h"
#include "eadem/op.h"
#include "ref/ref.h"

/* Runs ref_NAME or cpu_NAME in the contract's floating-point environment, gives scratch memory back
 * and returns the status from the calling function. */
#define OP_RUN(ctx, name, ...)                                                           \
    do {                                                                                 \
        core_fp op_saved = core_fp_enter();                                              \
        core_mark op_mark = core_arena_mark((ctx)->arena);                               \
        ea_status op_status = (ctx)->isa == CORE_ISA_REF ? ref_##name(ctx, __VA_ARGS__)  \
                                                         : cpu_##name(ctx, __VA_ARGS__); \
        core_arena_release((ctx)->arena, op_mark);                                       \
        core_fp_leave(op_saved);                                                         \
        return op_status;                                                                \
    } while (0)

/* The same in two steps, for doors that prepare something in scratch memory before the backend
 * runs:
 *
 *     op_scope scope = op_enter(ctx);
 *     ea_status status = prepare(…);
 *     if (status == EA_OK)
 *         status = OP_BACKEND(ctx, name)(ctx, …);
 *     return op_leave(ctx, &scope, status);
 */
typedef struct op_scope {
    core_fp fp;
    core_mark mark;
} op_scope;

#define OP_BACKEND(ctx, name) ((ctx)->isa == CORE_ISA_REF ? ref_##name : cpu_##name)

/* An option rounded to binary32, whatever rounding the caller has set. */
float op_round(double x);

op_scope op_enter(ea_context *ctx);
ea_status op_leave(ea_context *ctx, const op_scope *scope, ea_status status);

/* As core_view_of() for a tensor that is written: no element may stand for another (stride 0). */
ea_status op_view_of_out(ea_context *ctx, const char *function, const char *name,
                         const DLTensor *tensor, unsigned dtypes, ea_view *out);
/* The shape that a and b broadcast to, into out (strides left zero). */
ea_status op_broadcast_shape(ea_context *ctx, const char *function, const ea_view *a,
                             const ea_view *b, ea_view *out);
/* Makes `view` look like it has `shape`'s shape, by zero strides. It must broadcast to it. */
void op_expand(ea_view *view, const ea_view *shape);
/* Error unless `view` has exactly these sizes. */
ea_status op_expect_shape(ea_context *ctx, const char *function, const char *name,
                          const ea_view *view, int ndim, const int64_t *shape);
/* Makes a view [n, c, spatial…] or [c, spatial…] of `dims` spatial dimensions, 1 to 3, one of five,
 * [n, c, depth, height, width]; what is not there has size 1. */
ea_status op_spatial(ea_context *ctx, const char *function, const char *name, int dims,
                     ea_view *view);
/* Error unless two such views have the same n and c. */
ea_status op_same_planes(ea_context *ctx, const char *function, const ea_view *a, const ea_view *b);
/* Error when out overlaps in. Elementwise doors allow the very same view. */
ea_status op_no_overlap(ea_context *ctx, const char *function, const char *name, const ea_view *in,
                        const ea_view *out, bool allow_same);

#endif
