/* grid.c: doors of sampling at given places. */
#include "cpu/grid.h"
#include "op/op.h"

static ea_status run_forward(ea_context *ctx, const ref_grid *g)
{
    OP_RUN(ctx, grid_forward, g);
}

static ea_status run_backward(ea_context *ctx, const ref_grid *g)
{
    OP_RUN(ctx, grid_backward, g);
}

static ea_status floats(ea_context *ctx, const char *name, const DLTensor *tensor, int ndim,
                        const int64_t *shape, ea_view *view)
{
    const char *function = "ea_grid_sample";
    EA_TRY(core_view_of(ctx, function, name, tensor, CORE_BIT(CORE_F32), view));
    if (shape)
        EA_TRY(op_expect_shape(ctx, function, name, view, ndim, shape));
    if (!core_is_contiguous(view))
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %s is not contiguous: give it so", function,
                         name);
    return EA_OK;
}

/* The sizes, options and inputs; `shape` becomes out's. */
static ea_status open_grid(ea_context *ctx, const DLTensor *x, const DLTensor *grid,
                           const ea_grid_options *options, int64_t shape[5], ref_grid *g)
{
    ea_view vx, vg;
    EA_TRY(floats(ctx, "x", x, 0, NULL, &vx));
    EA_TRY(floats(ctx, "grid", grid, 0, NULL, &vg));
    *g = (ref_grid){ .dims = vx.ndim - 2, .x = vx.data, .grid = vg.data };
    if (options)
        g->options = *options;
    if (vx.ndim < 4 || vx.ndim > 5 || vg.ndim != vx.ndim || vg.shape[0] != vx.shape[0] ||
        vg.shape[vg.ndim - 1] != g->dims || core_numel(&vx) == 0)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "ea_grid_sample: give x [n, c, h, w] with grid [n, oh, ow, 2], or with a "
                         "depth and 3, and no empty plane");
    if ((unsigned)g->options.mode > EA_GRID_BICUBIC ||
        (unsigned)g->options.padding > EA_GRID_REFLECTION ||
        (g->options.mode == EA_GRID_BICUBIC && g->dims == 3))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_grid_sample: mode %d, padding %d: they are none, or bicubic is asked "
                         "for in three dimensions",
                         (int)g->options.mode, (int)g->options.padding);
    shape[0] = g->n = vx.shape[0];
    shape[1] = g->channels = vx.shape[1];
    g->size[0] = 1;
    g->places = 1;
    for (int d = 0; d < g->dims; d++) {
        g->size[3 - g->dims + d] = vx.shape[2 + d];
        g->places *= shape[2 + d] = vg.shape[1 + d];
    }
    return EA_OK;
}

static ea_status check_disjoint(ea_context *ctx, const DLTensor *x, const DLTensor *grid,
                                const ea_view *out)
{
    ea_view vx, vg;
    EA_TRY(floats(ctx, "x", x, 0, NULL, &vx));
    EA_TRY(floats(ctx, "grid", grid, 0, NULL, &vg));
    EA_TRY(op_no_overlap(ctx, "ea_grid_sample", "x", &vx, out, false));
    return op_no_overlap(ctx, "ea_grid_sample", "grid", &vg, out, false);
}

ea_status ea_grid_sample(ea_context *ctx, const DLTensor *x, const DLTensor *grid,
                         const ea_grid_options *options, DLTensor *out)
{
    ref_grid g;
    ea_view vo;
    int64_t shape[5];
    EA_TRY(open_grid(ctx, x, grid, options, shape, &g));
    EA_TRY(floats(ctx, "out", out, g.dims + 2, shape, &vo));
    EA_TRY(check_disjoint(ctx, x, grid, &vo));
    g.out = vo.data;
    return run_forward(ctx, &g);
}

ea_status ea_grid_sample_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                  const DLTensor *grid, const ea_grid_options *options,
                                  DLTensor *grad_x, DLTensor *grad_grid)
{
    ref_grid g;
    ea_view vo, vx, vg;
    int64_t shape[5];
    EA_TRY(open_grid(ctx, x, grid, options, shape, &g));
    EA_TRY(floats(ctx, "grad_out", grad_out, g.dims + 2, shape, &vo));
    g.grad_out = vo.data;
    if (grad_x) {
        EA_TRY(floats(ctx, "grad_x", grad_x, x->ndim, x->shape, &vx));
        EA_TRY(check_disjoint(ctx, x, grid, &vx));
        g.grad_x = vx.data;
    }
    if (grad_grid) {
        EA_TRY(floats(ctx, "grad_grid", grad_grid, grid->ndim, grid->shape, &vg));
        EA_TRY(check_disjoint(ctx, x, grid, &vg));
        g.grad_grid = vg.data;
    }
    return run_backward(ctx, &g);
}
