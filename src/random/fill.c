/* fill.c: filling tensors; uniform numbers, integers, permutations. */
#include "random/fill.h"
#include "core/fp.h"
#include "core/memory.h"
#include "core/pool.h"

/* Elements of a Philox stream, from its position on. */
typedef struct piece {
    const ea_generator *generator;
    fill_function make;
    const fill_parameters *p;
    float *out;
} piece;

static void make_piece(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const piece *all = argument;
    ea_generator own = { .kind = EA_GENERATOR_PHILOX, .u.philox = all->generator->u.philox };
    own.u.philox.position += (uint64_t)begin;
    all->make(&own, all->p, end - begin, all->out + begin);
}

static void make_all(ea_context *ctx, ea_generator *generator, fill_function make,
                     const fill_parameters *p, bool by_word, int64_t n, float *x)
{
    enum { GRAIN = 16384 }; /* elements in a piece of work */
    if (!by_word || generator->kind != EA_GENERATOR_PHILOX) {
        make(generator, p, n, x);
        return;
    }
    core_parallel(ctx, n, GRAIN, make_piece, &(piece){ generator, make, p, x });
    generator->u.philox.position += (uint64_t)n;
}

static ea_status fill(ea_context *ctx, const char *function, DLTensor *out, ea_generator *generator,
                      fill_function make, const fill_parameters *p, bool by_word)
{
    ea_view view;
    EA_TRY(core_view_of(ctx, function, "out", out, CORE_FLOATS, &view));
    int64_t n = core_numel(&view);
    bool direct = view.dtype == CORE_F32 && core_is_contiguous(&view);
    core_mark mark = core_arena_mark(ctx->arena);
    float *x = direct ? view.data : core_arena_alloc(ctx->arena, (size_t)n * sizeof *x);
    if (!x && n > 0)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %lld numbers", function,
                         (long long)n);
    core_fp saved = core_fp_enter();
    make_all(ctx, generator, make, p, by_word, n, x);
    for (int64_t i = 0; !direct && i < n; i++)
        core_store(&view, core_offset(&view, i), x[i]);
    core_fp_leave(saved);
    core_arena_release(ctx->arena, mark);
    return EA_OK;
}

ea_status random_fill(ea_context *ctx, const char *function, DLTensor *out, ea_generator *generator,
                      fill_function make, const fill_parameters *p)
{
    return fill(ctx, function, out, generator, make, p, false);
}

ea_status random_fill_by_word(ea_context *ctx, const char *function, DLTensor *out,
                              ea_generator *generator, fill_function make, const fill_parameters *p)
{
    return fill(ctx, function, out, generator, make, p, true);
}

static void fill_uniform(ea_generator *generator, const fill_parameters *p, int64_t n, float *out)
{
    enum { WORDS = 1024 }; /* at a time */
    uint32_t words[WORDS];
    float low = (float)p->a, high = (float)p->b, width = high - low;
    for (int64_t i = 0, count; i < n; i += count) {
        count = n - i < WORDS ? n - i : WORDS;
        if (generator->kind == EA_GENERATOR_PHILOX)
            random_philox_words(&generator->u.philox, count, words);
        for (int64_t j = 0; j < count; j++) {
            uint32_t bits24 = generator->kind == EA_GENERATOR_PHILOX
                                  ? words[j] >> 8
                                  : ea_mt19937_next(&generator->u.mt19937) & 0xffffff;
            float x = fmaf(random_unit(bits24), width, low);
            out[i + j] = x == high ? low : x; /* rounding may reach `high` */
        }
    }
}

ea_status ea_uniform(ea_context *ctx, ea_generator *generator, double low, double high,
                     DLTensor *out)
{
    if (!(low <= high) || !isfinite((float)low) || !isfinite((float)high))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_uniform: low is %g, high is %g: give finite float32, low ≤ high", low,
                         high);
    return random_fill_by_word(ctx, "ea_uniform", out, generator, fill_uniform,
                               &(fill_parameters){ .a = low, .b = high });
}

/* --- Integers ----------------------------------------------------------------------------------
 */

/* 0 … range−1 (range ≥ 1). Philox: the high half of a 64×64-bit product, whose bias is below
 * range / 2^64. MT19937: as PyTorch, which takes a remainder, of 64 bits from 2^28 on. */
static uint64_t next_below(ea_generator *generator, uint64_t range)
{
    if (generator->kind == EA_GENERATOR_PHILOX) {
        uint64_t bits = random_philox64(&generator->u.philox);
        return (uint64_t)((unsigned __int128)bits * range >> 64);
    }
    if (range >= (uint64_t)1 << 28)
        return ea_mt19937_next64(&generator->u.mt19937) % range;
    return ea_mt19937_next(&generator->u.mt19937) % range;
}

static void store_integer(const ea_view *view, int64_t offset, int64_t value)
{
    if (view->dtype == CORE_I32)
        ((int32_t *)view->data)[offset] = (int32_t)value;
    else
        ((int64_t *)view->data)[offset] = value;
}

ea_status ea_random_integers(ea_context *ctx, ea_generator *generator, int64_t low, int64_t high,
                             DLTensor *out)
{
    ea_view view;
    EA_TRY(core_view_of(ctx, "ea_random_integers", "out", out, CORE_INDICES, &view));
    bool narrow = view.dtype == CORE_I32 && (low < INT32_MIN || high > (int64_t)INT32_MAX + 1);
    if (low >= high || narrow)
        return core_fail(
            ctx, EA_ERR_ARGUMENT,
            "ea_random_integers: low is %lld, high is %lld: give low < high, inside %s",
            (long long)low, (long long)high, core_dtype_name(view.dtype));
    uint64_t range = (uint64_t)high - (uint64_t)low;
    int64_t n = core_numel(&view);
    for (int64_t i = 0; i < n; i++)
        store_integer(&view, core_offset(&view, i),
                      (int64_t)((uint64_t)low + next_below(generator, range)));
    return EA_OK;
}

/* --- Permutations ------------------------------------------------------------------------------
 */

/* From this length on PyTorch builds the permutation from the inside out, from 64 bits each. */
static const int64_t long_permutation = UINT32_MAX / 20;

static void permute_inside_out(ea_mt19937 *mt, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t z = (int64_t)(ea_mt19937_next64(mt) % (uint64_t)(i + 1));
        out[i] = out[z];
        out[z] = i;
    }
}

/* Fisher and Yates, from the front. */
static void permute(ea_generator *generator, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = i;
    for (int64_t i = 0; i < n - 1; i++) {
        uint64_t left = (uint64_t)(n - i);
        int64_t z = i + (int64_t)(generator->kind == EA_GENERATOR_MT19937
                                      ? ea_mt19937_next(&generator->u.mt19937) % left
                                      : next_below(generator, left));
        int64_t swap = out[i];
        out[i] = out[z];
        out[z] = swap;
    }
}

ea_status ea_permutation(ea_context *ctx, ea_generator *generator, DLTensor *out)
{
    ea_view view;
    EA_TRY(core_view_of(ctx, "ea_permutation", "out", out, CORE_BIT(CORE_I64), &view));
    if (view.ndim != 1 || !core_is_contiguous(&view))
        return core_fail(ctx, EA_ERR_SHAPE,
                         "ea_permutation: out has %d dimensions: give a contiguous one-dimensional "
                         "tensor",
                         view.ndim);
    if (generator->kind == EA_GENERATOR_MT19937 && view.shape[0] >= long_permutation)
        permute_inside_out(&generator->u.mt19937, view.shape[0], view.data);
    else
        permute(generator, view.shape[0], view.data);
    return EA_OK;
}
