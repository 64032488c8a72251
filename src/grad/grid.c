/* grid.c: backward rule of sampling at given places. */
#include "grad/tape.h"

static ea_status grid_rule(ea_var *out)
{
    ea_var *x = out->inputs[0], *grid = out->inputs[1];
    grad_place to_x, to_grid;
    EA_TRY(grad_open(x, &to_x));
    EA_TRY(grad_open(grid, &to_grid));
    EA_TRY(ea_grid_sample_backward(out->tape->ctx, &out->grad, &x->value, &grid->value, out->saved,
                                   to_x.tensor, to_grid.tensor));
    EA_TRY(grad_close(&to_x));
    return grad_close(&to_grid);
}

ea_var *ea_var_grid_sample(ea_var *x, ea_var *grid, const ea_grid_options *options)
{
    if (!x || !grid || !(x = grad_contiguous(x)) || !(grid = grad_contiguous(grid)))
        return NULL;
    int64_t shape[EA_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    for (int d = 2; d < x->value.ndim && d - 1 < grid->value.ndim; d++)
        shape[d] = grid->shape[d - 1];
    ea_var *out = grad_var(x->tape, x->value.ndim, shape, grid_rule, x, grid, NULL);
    ea_grid_options *saved = out ? grad_alloc(x->tape, sizeof *saved) : NULL;
    if (!saved)
        return NULL;
    *saved = options ? *options : (ea_grid_options){ EA_GRID_BILINEAR, EA_GRID_ZEROS, 0 };
    out->saved = saved;
    return grad_done(out,
                     ea_grid_sample(x->tape->ctx, &x->value, &grid->value, saved, &out->value));
}
