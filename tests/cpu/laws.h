/* laws.h: random tensors a, b, bias of any strides and type, and the law that every instruction set
 * and thread count gives the definition's bits. Included by the tests of the fast operations. */
#include "core/view.h"
#include "eadem/op.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

/* Numbers whose sums round; in `awkward` cases also zeros of both signs, subnormals and specials.
 */
static float random_number(bool awkward)
{
    float x = ((float)random_below(1 << 24) - 0x1p23f) * 0x1p-22f;
    if (!awkward)
        return x;
    switch (random_below(40)) {
    case 0:
        return 0.0f;
    case 1:
        return -0.0f;
    case 2:
        return x * 0x1p-130f;
    case 3:
        return x * 0x1p-75f;
    case 4:
        return x * 0x1p+100f;
    case 5:
        return random_below(20) ? x : INFINITY;
    case 6:
        return random_below(20) ? x : NAN;
    default:
        return x;
    }
}

enum {
    SPACE = 10 << 18, /* the strides of the largest operand reach four times its elements */
    MARGIN = 64,      /* elements behind a result that must stay as they are */
};

/* A tensor over `memory` with randomly permuted, padded or negative strides; filled when `awkward`
 * ≥ 0. */
typedef struct tensor {
    DLTensor dl;
    int64_t shape[8], stride[8];
    int64_t used; /* elements of memory that the strides reach, or a few more */
    float memory[SPACE];
} tensor;

static void make(tensor *t, DLDataType dtype, int ndim, const int64_t *shape, bool plain)
{
    int order[8];
    for (int d = 0; d < ndim; d++)
        order[d] = d;
    for (int d = ndim - 1; d > 0 && !plain; d--) {
        int other = (int)random_below((uint32_t)d + 1), keep = order[d];
        order[d] = order[other];
        order[other] = keep;
    }
    int64_t step = plain ? 1 : 1 + random_below(8) / 7;
    for (int i = ndim - 1; i >= 0; i--) {
        t->shape[order[i]] = shape[order[i]];
        t->stride[order[i]] = step;
        step *= shape[order[i]];
        if (!plain)
            step += random_below(3);
    }
    assert_true(step + MARGIN < SPACE);
    t->used = step;
    t->dl = (DLTensor){ .data = t->memory,
                        .device = { kDLCPU, 0 },
                        .ndim = ndim,
                        .dtype = dtype,
                        .shape = t->shape,
                        .strides = t->stride };
}

static void fill(tensor *t, bool awkward)
{
    ea_view view;
    assert_int_equal(core_view_of(NULL, "fill", "t", &t->dl, CORE_FLOATS, &view), EA_OK);
    for (int64_t i = 0; i < core_numel(&view); i++)
        core_store(&view, core_offset(&view, i), random_number(awkward));
}

static void same_bits(const tensor *got, const tensor *want, const char *what)
{
    ea_view g, w;
    core_view_of(NULL, "same", "got", &got->dl, CORE_FLOATS, &g);
    core_view_of(NULL, "same", "want", &want->dl, CORE_FLOATS, &w);
    for (int64_t i = 0; i < core_numel(&w); i++) {
        float x = core_load(&g, core_offset(&g, i)), y = core_load(&w, core_offset(&w, i));
        if (core_float_bits(x) != core_float_bits(y) && !(isnan(x) && isnan(y)))
            fail_msg("%s: element %lld is %a, the definition says %a", what, (long long)i,
                     (double)x, (double)y);
    }
}

static const int thread_counts[] = { 1, 2, 3, 7 };
__attribute__((unused)) static tensor a, b, bias, got, want; /* not every test needs all */

typedef ea_status (*operation)(ea_context *ctx, DLTensor *out, bool with_bias);

/* The definition's result, in `want`. */
static void define(operation run, bool with_bias, ea_contract contract, const char *what)
{
    ea_context *ref;
    assert_int_equal(
        ea_context_create(&(ea_context_options){ .isa = "ref", .threads = 1, .contract = contract },
                          &ref),
        EA_OK);
    if (run(ref, &want.dl, with_bias) != EA_OK)
        fail_msg("%s: %s", what, ea_error_text(ref));
    ea_context_destroy(ref);
}

static void compare(operation run, bool with_bias, ea_contract contract, const char *isa,
                    int threads, const char *what)
{
    ea_context_options options = { .isa = isa, .threads = threads, .contract = contract };
    ea_context *ctx;
    assert_int_equal(ea_context_create(&options, &ctx), EA_OK);
    memset(got.memory, 0xff, sizeof *got.memory * (size_t)(got.used + MARGIN));
    if (run(ctx, &got.dl, with_bias) != EA_OK)
        fail_msg("%s: %s", what, ea_error_text(ctx));
    char text[320];
    snprintf(text, sizeof text, "%s, %s, %d threads, %s", what, isa, threads,
             ea_contract_name(contract));
    same_bits(&got, &want, text);
    const unsigned char *behind = (const unsigned char *)(got.memory + got.used);
    for (size_t i = 0; i < sizeof *got.memory * MARGIN; i++)
        if (behind[i] != 0xff)
            fail_msg("%s: byte %zu behind the result was written", text, i);
    ea_context_destroy(ctx);
}

/* Compares all instruction sets at one random thread count each with ref. */
static void check(operation run, bool with_bias, const char *what)
{
    ea_contract contract = (ea_contract)random_below(2);
    define(run, with_bias, contract, what);
    for (int i = 1; ea_isa_available(i); i++)
        compare(run, with_bias, contract, ea_isa_available(i), thread_counts[random_below(4)],
                what);
}

static DLDataType random_type(void)
{
    uint32_t r = random_below(8);
    return r == 0 ? EA_FLOAT16 : r == 1 ? EA_BFLOAT16 : EA_FLOAT32;
}
