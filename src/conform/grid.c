/* grid.c: cases of sampling at given places: forward and both gradients. */
#include "conform/families.h"
#include "eadem/op.h"

static void run(conform *c, int dims, const DLTensor *x, ea_grid_options options, bool special)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    int64_t shape[5] = { x->shape[0], 7, 9, 5, dims };
    shape[dims + 1] = dims;
    int64_t to[5] = { x->shape[0], x->shape[1], 7, 9, 5 };
    DLTensor *grid = (special ? conform_bits : conform_floats)(c, 2, dims + 2, shape);
    DLTensor *third = conform_zeros(c, EA_FLOAT32, dims + 2, shape);
    DLTensor *half = conform_zeros(c, EA_FLOAT32, 0, NULL);
    if (!half)
        return;
    *(float *)half->data = 0.3f; /* places inside and outside the plane */
    conform_check(c, ea_mul(ctx, grid, half, third));
    DLTensor *out = conform_zeros(c, EA_FLOAT32, dims + 2, to);
    DLTensor *grad = conform_floats(c, 3, dims + 2, to);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
    DLTensor *grad_grid = conform_zeros(c, EA_FLOAT32, dims + 2, shape);
    conform_check(c, ea_grid_sample(ctx, x, third, &options, out));
    conform_check(c, ea_grid_sample_backward(ctx, grad, x, third, &options, grad_x, grad_grid));
    conform_emit(c, out);
    conform_emit(c, grad_x);
    conform_emit(c, grad_grid);
}

static void every_option(conform *c)
{
    DLTensor *flat = conform_floats(c, 1, 4, (int64_t[]){ 2, 3, 6, 11 });
    DLTensor *deep = conform_floats(c, 1, 5, (int64_t[]){ 2, 3, 4, 6, 5 });
    for (int mode = 0; mode < 3; mode++)
        for (int padding = 0; padding < 3; padding++)
            for (int align = 0; align < 2; align++) {
                ea_grid_options o = { (ea_grid_mode)mode, (ea_grid_padding)padding, align };
                run(c, 2, flat, o, false);
                if (mode != EA_GRID_BICUBIC)
                    run(c, 3, deep, o, false);
            }
}

static void specials(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 2, 20, 6, 11 });
    for (int padding = 0; padding < 3; padding++)
        run(c, 2, x, (ea_grid_options){ EA_GRID_BILINEAR, (ea_grid_padding)padding, 0 }, true);
}

static const conform_case cases[] = {
    { "every-option", every_option },
    { "specials", specials },
};

const conform_family conform_grid = { "grid", cases, sizeof cases / sizeof cases[0] };
