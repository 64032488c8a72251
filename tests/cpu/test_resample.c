/* Law: pooling, padding, patches and interpolation have the definition's bits on every instruction
 * set and thread count, for any shape, options, strides and storage type, under both contracts. */
#include "laws.h"

static int dims;
static ea_pool_options pool;
static ea_pad_options pad;
static ea_unfold_options patch;
static ea_interpolate_options mode;

static ea_status max_pool(ea_context *ctx, DLTensor *out, bool unused)
{
    (void)unused;
    return ea_max_pool(ctx, dims, &a.dl, &pool, out, NULL);
}

static ea_status avg_pool(ea_context *ctx, DLTensor *out, bool backward)
{
    return backward ? ea_avg_pool_backward(ctx, dims, &a.dl, &pool, out)
                    : ea_avg_pool(ctx, dims, &a.dl, &pool, out);
}

static ea_status adaptive(ea_context *ctx, DLTensor *out, bool backward)
{
    return backward ? ea_adaptive_avg_pool_backward(ctx, dims, &a.dl, out)
                    : ea_adaptive_avg_pool(ctx, dims, &a.dl, out);
}

static ea_status padding(ea_context *ctx, DLTensor *out, bool backward)
{
    return backward ? ea_pad_backward(ctx, dims, &a.dl, &pad, out)
                    : ea_pad(ctx, dims, &a.dl, &pad, out);
}

static ea_status patches(ea_context *ctx, DLTensor *out, bool backward)
{
    return backward ? ea_fold(ctx, &a.dl, &patch, out) : ea_unfold(ctx, &a.dl, &patch, out);
}

static ea_status interpolate(ea_context *ctx, DLTensor *out, bool backward)
{
    return backward ? ea_interpolate_backward(ctx, dims, &a.dl, &mode, out)
                    : ea_interpolate(ctx, dims, &a.dl, &mode, out);
}

/* From shape x to shape y, or, backward, the other way. */
static void law(operation run, bool backward, int x_ndim, const int64_t *x, int y_ndim,
                const int64_t *y, const char *what)
{
    bool plain = random_below(2);
    DLDataType type = random_type();
    make(&a, random_type(), backward ? y_ndim : x_ndim, backward ? y : x, plain);
    make(&want, type, backward ? x_ndim : y_ndim, backward ? x : y, true);
    make(&got, type, backward ? x_ndim : y_ndim, backward ? x : y, plain);
    fill(&a, random_below(3) == 0);
    check(run, backward, what);
}

/* Spatial sizes of x up to `largest`; the first two dimensions are images and channels. */
static void random_planes(int64_t x[5], int64_t largest)
{
    dims = 1 + (int)random_below(3);
    for (int d = 0; d < 5; d++)
        x[d] = 1 + random_below(d < 2 ? 4 : dims == 3 ? 9 : (uint32_t)largest);
}

static void test_windows(void **state)
{
    (void)state;
    for (int i = 0; i < 120; i++) {
        int64_t x[5], y[5];
        random_planes(x, 40);
        pool = (ea_pool_options){ .exclude_padding = (int)random_below(2),
                                  .divisor_override = random_below(4) ? 0 : 3 };
        memcpy(y, x, sizeof y);
        for (int d = 0; d < dims; d++) {
            pool.kernel[d] = 1 + random_below(x[2 + d] < 4 ? (uint32_t)x[2 + d] : 4);
            pool.stride[d] = 1 + random_below(4);
            pool.padding[d] = random_below((uint32_t)pool.kernel[d] / 2 + 1);
            y[2 + d] = (x[2 + d] + 2 * pool.padding[d] - pool.kernel[d]) / pool.stride[d] + 1;
        }
        law(avg_pool, random_below(2), 2 + dims, x, 2 + dims, y, "avg_pool");
        law(max_pool, false, 2 + dims, x, 2 + dims, y, "max_pool");
        for (int d = 0; d < dims; d++)
            y[2 + d] = 1 + random_below(12);
        law(adaptive, random_below(2), 2 + dims, x, 2 + dims, y, "adaptive_avg_pool");
    }
}

static void test_padding(void **state)
{
    (void)state;
    for (int i = 0; i < 120; i++) {
        int64_t x[5], y[5];
        random_planes(x, 40);
        pad = (ea_pad_options){ .mode = (ea_pad_mode)random_below(4), .value = 0.1 };
        memcpy(y, x, sizeof y);
        for (int d = 0; d < dims; d++) {
            pad.before[d] = random_below((uint32_t)x[2 + d]);
            pad.after[d] = random_below((uint32_t)x[2 + d]);
            y[2 + d] += pad.before[d] + pad.after[d];
        }
        law(padding, random_below(2), 2 + dims, x, 2 + dims, y, "pad");
    }
}

static void test_patches(void **state)
{
    (void)state;
    for (int i = 0; i < 80; i++) {
        int64_t x[5], y[3];
        random_planes(x, 30);
        y[0] = x[0];
        y[1] = x[1];
        y[2] = 1;
        for (int d = 0; d < 2; d++) {
            patch.kernel[d] = 1 + random_below(x[2 + d] < 4 ? (uint32_t)x[2 + d] : 4);
            patch.stride[d] = 1 + random_below(3);
            patch.padding[d] = random_below(3);
            patch.dilation[d] = 1;
            y[1] *= patch.kernel[d];
            y[2] *= (x[2 + d] + 2 * patch.padding[d] - patch.kernel[d]) / patch.stride[d] + 1;
        }
        law(patches, random_below(2), 4, x, 3, y, "unfold and fold");
    }
}

static void test_interpolation(void **state)
{
    (void)state;
    for (int i = 0; i < 120; i++) {
        int64_t x[5], y[5];
        random_planes(x, 40);
        memcpy(y, x, sizeof y);
        for (int d = 0; d < dims; d++)
            y[2 + d] = 1 + random_below(dims == 3 ? 9 : 40);
        mode = (ea_interpolate_options){ .mode = (ea_interpolation)random_below(5) };
        bool smooth = mode.mode == EA_INTERPOLATE_LINEAR || mode.mode == EA_INTERPOLATE_CUBIC;
        if (mode.mode == EA_INTERPOLATE_CUBIC && dims != 2)
            continue;
        mode.align_corners = smooth && random_below(2);
        mode.antialias = smooth && dims == 2 && random_below(2);
        law(interpolate, random_below(2), 2 + dims, x, 2 + dims, y, "interpolate");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_patches),
        cmocka_unit_test(test_interpolation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
