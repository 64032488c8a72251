/* choose.c: drawing categories by their weights. */
#include "core/fp.h"
#include "core/memory.h"
#include "random/random.h"

#include <stdlib.h>

/* --- With replacement ---------------------------------------------------------------------------
 */

/* Cumulative weights in binary64, in order. Philox draws a point below the total. */
static void choose_philox(ea_philox *stream, const ea_view *weights, int64_t n, int64_t *out,
                          double *cumulative)
{
    int64_t k = weights->shape[0];
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        cumulative[j] = sum += core_load(weights, j * weights->stride[0]);
    for (int64_t i = 0; i < n; i++) {
        double point = (double)(random_philox64(stream) >> 11) * 0x1p-53 * sum;
        int64_t low = 0, high = k - 1; /* the first whose cumulative weight is above the point */
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (cumulative[middle] > point)
                high = middle;
            else
                low = middle + 1;
        }
        out[i] = low;
    }
}

/* As torch.multinomial: cumulative weights in float32, divided by their sum. */
static void choose_mt19937(ea_mt19937 *mt, const ea_view *weights, int64_t n, int64_t *out,
                           float *cumulative)
{
    int64_t k = weights->shape[0];
    float sum = 0;
    for (int64_t j = 0; j < k; j++)
        cumulative[j] = sum += core_load(weights, j * weights->stride[0]);
    for (int64_t j = 0; j < k; j++)
        cumulative[j] /= sum;
    cumulative[k - 1] = 1;
    for (int64_t i = 0; i < n; i++) {
        double point = random_unit53(mt);
        int64_t low = 0, high = k;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (cumulative[middle] < point)
                low = middle + 1;
            else
                high = middle;
        }
        out[i] = low;
    }
}

/* --- Without replacement: the largest of weight / exponential, in descending order
 * (Efraimidis and Spirakis 2006) -----------------------------------------------------------------
 */

typedef struct candidate {
    float key;
    int64_t index;
} candidate;

static int by_key(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static ea_status choose_distinct(ea_context *ctx, ea_generator *generator, const ea_view *weights,
                                 int64_t n, int64_t *out)
{
    int64_t k = weights->shape[0];
    candidate *all = core_arena_alloc(ctx->arena, (size_t)k * sizeof *all);
    float *waits = core_arena_alloc(ctx->arena, (size_t)k * sizeof *waits);
    if (!all || !waits)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_multinomial: no memory for %lld categories",
                         (long long)k);
    DLTensor exponential = {
        .data = waits, .device = { kDLCPU, 0 }, .ndim = 1, .dtype = EA_FLOAT32, .shape = &k
    };
    EA_TRY(ea_exponential(ctx, generator, 1, &exponential));
    for (int64_t j = 0; j < k; j++)
        all[j] = (candidate){ core_load(weights, j * weights->stride[0]) / waits[j], j };
    qsort(all, (size_t)k, sizeof *all, by_key);
    for (int64_t i = 0; i < n; i++)
        out[i] = all[i].index;
    return EA_OK;
}

/* --- Door ---------------------------------------------------------------------------------------
 */

static ea_status check_weights(ea_context *ctx, const ea_view *weights, int64_t distinct)
{
    int64_t positive = 0;
    double sum = 0;
    for (int64_t j = 0; j < weights->shape[0]; j++) {
        float w = core_load(weights, j * weights->stride[0]);
        if (!(w >= 0) || isinf(w))
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "ea_multinomial: weight %lld is %g: give finite ones, 0 or more",
                             (long long)j, (double)w);
        positive += w > 0;
        sum += w;
    }
    if (positive == 0 || positive < distinct || isinf((float)sum))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_multinomial: %lld weights are above 0, their sum is %g: at least %lld "
                         "are needed, and a finite sum",
                         (long long)positive, sum, (long long)(distinct ? distinct : 1));
    return EA_OK;
}

static ea_status choose(ea_context *ctx, ea_generator *generator, const ea_view *weights,
                        bool replacement, int64_t n, int64_t *out)
{
    bool mt19937 = generator->kind == EA_GENERATOR_MT19937;
    if (!replacement || (mt19937 && n == 1)) /* one draw: PyTorch takes this way always */
        return choose_distinct(ctx, generator, weights, n, out);
    void *scratch = core_arena_alloc(ctx->arena, (size_t)weights->shape[0] * sizeof(double));
    if (!scratch)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_multinomial: no memory for %lld categories",
                         (long long)weights->shape[0]);
    if (mt19937)
        choose_mt19937(&generator->u.mt19937, weights, n, out, scratch);
    else
        choose_philox(&generator->u.philox, weights, n, out, scratch);
    return EA_OK;
}

ea_status ea_multinomial(ea_context *ctx, ea_generator *generator, const DLTensor *weights,
                         bool replacement, DLTensor *out)
{
    ea_view w, o;
    EA_TRY(core_view_of(ctx, "ea_multinomial", "weights", weights, CORE_FLOATS, &w));
    EA_TRY(core_view_of(ctx, "ea_multinomial", "out", out, CORE_BIT(CORE_I64), &o));
    if (w.ndim != 1 || o.ndim != 1 || !core_is_contiguous(&o))
        return core_fail(
            ctx, EA_ERR_SHAPE,
            "ea_multinomial: weights have %d and out %d dimensions: give one each, out "
            "contiguous",
            w.ndim, o.ndim);
    EA_TRY(check_weights(ctx, &w, replacement ? 0 : o.shape[0]));
    core_mark mark = core_arena_mark(ctx->arena);
    core_fp saved = core_fp_enter();
    ea_status status = choose(ctx, generator, &w, replacement, o.shape[0], o.data);
    core_fp_leave(saved);
    core_arena_release(ctx->arena, mark);
    return status;
}
