/* Law: convolution and its gradients have the definition's bits on every instruction set and thread
 * count, for any shape, options, strides and storage type, under both contracts. */
#include "laws.h"

static ea_conv_options options;

/* a and b are the two operands, in the order of the door's arguments. */
static ea_status run_forward(ea_context *ctx, DLTensor *out, bool with_bias)
{
    return ea_conv2d(ctx, &a.dl, &b.dl, with_bias ? &bias.dl : NULL, &options, out);
}

static ea_status run_input(ea_context *ctx, DLTensor *out, bool with_bias)
{
    (void)with_bias;
    return ea_conv2d_backward_input(ctx, &a.dl, &b.dl, &options, out);
}

static ea_status run_weight(ea_context *ctx, DLTensor *out, bool with_bias)
{
    (void)with_bias;
    return ea_conv2d_backward_weight(ctx, &a.dl, &b.dl, &options, out);
}

typedef struct sizes {
    int64_t images, groups, in, out, h, w, kh, kw;
} sizes;

/* 0 when the kernel does not fit. */
static int64_t result_size(int64_t size, int64_t kernel, int d)
{
    int64_t room = size + 2 * options.padding[d] - options.dilation[d] * (kernel - 1) - 1;
    return room < 0 ? 0 : room / options.stride[d] + 1;
}

/* `tiny` numbers make sums underflow to −0, where the contracts differ. */
static void fill_as(tensor *t, bool awkward, bool tiny)
{
    fill(t, awkward);
    for (int i = 0; tiny && t->dl.dtype.code == kDLFloat && t->dl.dtype.bits == 32 && i < SPACE;
         i++)
        t->memory[i] *= random_below(2) ? 0x1p-74f : 0.0f;
}

static void conv_case(sizes s)
{
    bool plain = random_below(2), awkward = random_below(3) == 0, tiny = random_below(4) == 0;
    int64_t oh = result_size(s.h, s.kh, 0), ow = result_size(s.w, s.kw, 1);
    if (oh < 1 || ow < 1)
        return;
    options.groups = s.groups;
    int64_t x[4] = { s.images, s.groups * s.in, s.h, s.w };
    int64_t weight[4] = { s.groups * s.out, s.in, s.kh, s.kw };
    int64_t out[4] = { s.images, s.groups * s.out, oh, ow };
    static const struct {
        const char *name;
        operation run;
    } operations[] = { { "forward", run_forward },
                       { "input gradient", run_input },
                       { "weight gradient", run_weight } };
    for (int i = 0; i < 3; i++) {
        const int64_t *first = i == 0 ? x : out, *second = i == 2 ? x : weight;
        const int64_t *result = i == 0 ? out : i == 1 ? x : weight;
        make(&a, random_type(), 4, first, plain);
        make(&b, random_type(), 4, second, plain);
        make(&bias, random_type(), 1, weight, plain);
        DLDataType type = random_type();
        make(&want, type, 4, result, true);
        make(&got, type, 4, result, plain);
        fill_as(&a, awkward, tiny);
        fill_as(&b, awkward, tiny);
        fill(&bias, awkward);
        char what[200];
        snprintf(
            what, sizeof what,
            "%s: %lld images, %lld groups, %lld to %lld channels, %lldx%lld, kernel %lldx%lld, "
            "stride %lld %lld, padding %lld %lld, dilation %lld %lld",
            operations[i].name, (long long)s.images, (long long)s.groups, (long long)s.in,
            (long long)s.out, (long long)s.h, (long long)s.w, (long long)s.kh, (long long)s.kw,
            (long long)options.stride[0], (long long)options.stride[1],
            (long long)options.padding[0], (long long)options.padding[1],
            (long long)options.dilation[0], (long long)options.dilation[1]);
        check(operations[i].run, random_below(2), what);
    }
}

static void random_options(void)
{
    options = (ea_conv_options){ 0 };
    for (int d = 0; d < 2; d++) {
        options.stride[d] = 1 + random_below(3);
        options.padding[d] = random_below(4);
        options.dilation[d] = 1 + random_below(2);
    }
}

static void test_random(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        random_options();
        conv_case((sizes){ 1 + random_below(3), 1 + random_below(3), 1 + random_below(4),
                           1 + random_below(9), 1 + random_below(12), 1 + random_below(20),
                           1 + random_below(4), 1 + random_below(4) });
    }
}

/* More than 1024 terms in every direction, and channels around the register tiles. */
static void test_long_chains(void **state)
{
    (void)state;
    options = (ea_conv_options){ .stride = { 1, 1 }, .padding = { 1, 1 }, .dilation = { 1, 1 } };
    conv_case((sizes){ 1, 1, 130, 5, 5, 6, 3, 3 });
    conv_case((sizes){ 1, 1, 5, 130, 6, 5, 3, 3 });
    conv_case((sizes){ 9, 1, 2, 17, 12, 11, 3, 3 });
    options.stride[0] = options.stride[1] = 2;
    conv_case((sizes){ 1, 1, 7, 270, 8, 9, 3, 3 });
    conv_case((sizes){ 3, 1, 3, 7, 41, 39, 5, 5 });
}

/* Three dimensions, and the transposed convolution of any number. */

static int dims;

static ea_status run_any(ea_context *ctx, DLTensor *out, bool with_bias)
{
    return ea_conv(ctx, dims, &a.dl, &b.dl, with_bias ? &bias.dl : NULL, &options, out);
}

static ea_status run_any_input(ea_context *ctx, DLTensor *out, bool with_bias)
{
    (void)with_bias;
    return ea_conv_backward_input(ctx, dims, &a.dl, &b.dl, &options, out);
}

static ea_status run_any_weight(ea_context *ctx, DLTensor *out, bool with_bias)
{
    (void)with_bias;
    return ea_conv_backward_weight(ctx, dims, &a.dl, &b.dl, &options, out);
}

static ea_status run_transposed(ea_context *ctx, DLTensor *out, bool with_bias)
{
    return ea_conv_transpose(ctx, dims, &a.dl, &b.dl, with_bias ? &bias.dl : NULL, &options, out);
}

static void test_dimensions(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        dims = random_below(4) ? 3 : 1;
        options = (ea_conv_options){ .groups = 1 + random_below(2) };
        int64_t x[5] = { 1 + random_below(3), options.groups * (1 + random_below(20)) };
        int64_t weight[5] = { options.groups * (1 + random_below(9)), x[1] / options.groups };
        int64_t out[5] = { x[0], weight[0] };
        for (int d = 0; d < dims; d++) {
            x[2 + d] = 5 + random_below(6);
            weight[2 + d] = 1 + random_below(3);
            options.stride[d] = 1 + random_below(3);
            options.padding[d] = random_below(3);
            options.dilation[d] = 1 + random_below(2);
            if (d < 2)
                out[2 + d] = result_size(x[2 + d], weight[2 + d], d);
            else
                out[4] =
                    (x[4] + 2 * options.padding[2] - options.dilation[2] * (weight[4] - 1) - 1) /
                        options.stride[2] +
                    1;
        }
        static const operation all[] = { run_any, run_any_input, run_any_weight, run_transposed };
        int which = (int)random_below(4);
        const int64_t *first = which == 0 ? x : out, *second = which == 2 ? x : weight;
        const int64_t *result = which == 0 ? out : which == 2 ? weight : x;
        bool plain = random_below(2);
        DLDataType type = random_type();
        make(&a, random_type(), 2 + dims, first, plain);
        make(&b, random_type(), 2 + dims, second, plain);
        make(&bias, random_type(), 1, result + 1, plain);
        make(&want, type, 2 + dims, result, true);
        make(&got, type, 2 + dims, result, plain);
        fill(&a, random_below(3) == 0);
        fill(&b, false);
        fill(&bias, false);
        check(all[which], random_below(2) && which % 3 == 0, "three dimensions or one");
    }
}

static void test_lenet(void **state)
{
    (void)state;
    options = (ea_conv_options){ .stride = { 1, 1 }, .padding = { 2, 2 }, .dilation = { 1, 1 } };
    conv_case((sizes){ 10, 1, 1, 6, 28, 28, 5, 5 });
    options.padding[0] = options.padding[1] = 0;
    conv_case((sizes){ 10, 1, 6, 16, 14, 14, 5, 5 });
}

static void test_bad_arguments(void **state)
{
    (void)state;
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    make(&a, EA_FLOAT32, 4, (int64_t[]){ 1, 4, 5, 5 }, true);
    make(&b, EA_FLOAT32, 4, (int64_t[]){ 2, 4, 3, 3 }, true);
    make(&got, EA_FLOAT32, 4, (int64_t[]){ 1, 2, 3, 3 }, true);
    options = (ea_conv_options){ 0 };
    assert_int_equal(run_forward(ctx, &got.dl, false), EA_OK);
    options.groups = 2;
    assert_int_equal(run_forward(ctx, &got.dl, false), EA_ERR_SHAPE);
    assert_non_null(strstr(ea_error_text(ctx), "2 groups"));
    options.groups = 0;
    options.stride[1] = -1;
    assert_int_equal(run_forward(ctx, &got.dl, false), EA_ERR_ARGUMENT);
    options.stride[1] = 0;
    options.dilation[0] = 3;
    assert_int_equal(run_forward(ctx, &got.dl, false), EA_ERR_SHAPE);
    assert_non_null(strstr(ea_error_text(ctx), "height"));
    ea_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_dimensions),    cmocka_unit_test(test_lenet),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
