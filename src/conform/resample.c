/* resample.c: cases of padding, patches and interpolation. */
#include "conform/families.h"
#include "eadem/op.h"

/* --- Padding ---------------------------------------------------------------------------------- */

static void run_pad(conform *c, int dims, const DLTensor *x, ea_pad_options o)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) {
        int from = d - (x->ndim - dims);
        shape[d] = x->shape[d] + (from < 0 ? 0 : o.before[from] + o.after[from]);
    }
    DLTensor *out = conform_zeros(c, EA_FLOAT32, x->ndim, shape);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
    conform_check(c, ea_pad(ctx, dims, x, &o, out));
    conform_check(c, ea_pad_backward(ctx, dims, conform_floats(c, 77, x->ndim, shape), &o, grad_x));
    conform_emit(c, out);
    conform_emit(c, grad_x);
}

static void pad(conform *c)
{
    DLTensor *x = conform_bits(c, 1, 4, (int64_t[]){ 2, 2, 7, 9 });
    for (int mode = EA_PAD_CONSTANT; mode <= EA_PAD_CIRCULAR; mode++)
        run_pad(
            c, 2, x,
            (ea_pad_options){
                .mode = (ea_pad_mode)mode, .before = { 6, 3 }, .after = { 0, 8 }, .value = 0.1 });
    run_pad(c, 2, x, (ea_pad_options){ .before = { -2, 1 }, .after = { 1, -3 }, .value = -7 });
    run_pad(c, 1, conform_floats(c, 2, 3, (int64_t[]){ 2, 2, 17 }),
            (ea_pad_options){ .mode = EA_PAD_REFLECT, .before = { 16 }, .after = { 1 } });
    run_pad(
        c, 3, conform_floats(c, 3, 5, (int64_t[]){ 1, 2, 3, 4, 5 }),
        (ea_pad_options){ .mode = EA_PAD_REPLICATE, .before = { 1, 2, 3 }, .after = { 4, 0, 1 } });
}

/* --- Patches ---------------------------------------------------------------------------------- */

static void patches(conform *c)
{
    ea_context *ctx = conform_context(c);
    int64_t image[] = { 2, 3, 9, 10 }, columns[] = { 2, 18, 35 };
    ea_unfold_options o = {
        .kernel = { 3, 2 }, .stride = { 2, 1 }, .padding = { 1, 0 }, .dilation = { 1, 3 }
    };
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, columns);
    DLTensor *folded = conform_zeros(c, EA_FLOAT32, 4, image);
    conform_check(c, ea_unfold(ctx, conform_bits(c, 4, 4, image), &o, out));
    conform_check(c, ea_fold(ctx, conform_floats(c, 5, 3, columns), &o, folded));
    conform_emit(c, out);
    conform_emit(c, folded);
}

static void pixels(conform *c)
{
    ea_context *ctx = conform_context(c);
    int64_t apart[] = { 2, 18, 4, 5 }, joined[] = { 2, 2, 12, 15 };
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 4, joined);
    DLTensor *back = conform_zeros(c, EA_FLOAT32, 4, apart);
    conform_check(c, ea_pixel_shuffle(ctx, conform_bits(c, 6, 4, apart), 3, out));
    conform_check(c, ea_pixel_unshuffle(ctx, out, 3, back));
    conform_emit(c, out);
    conform_emit(c, back);
}

/* --- Interpolation ---------------------------------------------------------------------------- */

static void run_interpolate(conform *c, int dims, const DLTensor *x, ea_interpolate_options o,
                            const int64_t *shape)
{
    if (!x)
        return;
    ea_context *ctx = conform_context(c);
    DLTensor *out = conform_zeros(c, EA_FLOAT32, x->ndim, shape);
    DLTensor *grad_x = conform_zeros(c, EA_FLOAT32, x->ndim, x->shape);
    conform_check(c, ea_interpolate(ctx, dims, x, &o, out));
    conform_check(
        c, ea_interpolate_backward(ctx, dims, conform_floats(c, 88, x->ndim, shape), &o, grad_x));
    conform_emit(c, out);
    conform_emit(c, grad_x);
}

static void interpolate(conform *c)
{
    DLTensor *plane = conform_floats(c, 7, 4, (int64_t[]){ 2, 2, 9, 13 });
    for (int mode = EA_INTERPOLATE_NEAREST; mode <= EA_INTERPOLATE_AREA; mode++)
        run_interpolate(c, 2, plane, (ea_interpolate_options){ .mode = (ea_interpolation)mode },
                        (int64_t[]){ 2, 2, 17, 6 });
    for (int mode = EA_INTERPOLATE_LINEAR; mode <= EA_INTERPOLATE_CUBIC; mode++) {
        ea_interpolate_options o = { .mode = (ea_interpolation)mode, .align_corners = 1 };
        run_interpolate(c, 2, plane, o, (int64_t[]){ 2, 2, 5, 31 });
        o = (ea_interpolate_options){ .mode = (ea_interpolation)mode, .antialias = 1 };
        run_interpolate(c, 2, plane, o, (int64_t[]){ 2, 2, 4, 29 });
        o = (ea_interpolate_options){ .mode = (ea_interpolation)mode, .scale = { 1.7, 0.3 } };
        run_interpolate(c, 2, conform_transposed(c, plane, 2, 3), o, (int64_t[]){ 2, 2, 22, 2 });
    }
    run_interpolate(c, 1, conform_bits(c, 8, 3, (int64_t[]){ 1, 2, 33 }),
                    (ea_interpolate_options){ .mode = EA_INTERPOLATE_LINEAR },
                    (int64_t[]){ 1, 2, 50 });
    run_interpolate(c, 3, conform_floats(c, 9, 5, (int64_t[]){ 1, 2, 3, 4, 5 }),
                    (ea_interpolate_options){ .mode = EA_INTERPOLATE_LINEAR },
                    (int64_t[]){ 1, 2, 5, 7, 3 });
}

static const conform_case cases[] = {
    { "pad", pad },
    { "patches", patches },
    { "pixels", pixels },
    { "interpolate", interpolate },
};

const conform_family conform_resample = { "resample", cases, sizeof cases / sizeof cases[0] };
