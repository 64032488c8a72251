/* scan.c: definitions of running sums, products and extremes. The running value is a double,
 * rounded once for each element. */
#include "ref/scan.h"
#include "core/memory.h"

static void running_sum(const float *x, int64_t n, int64_t from, int64_t step, float *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = from + i * step;
        sum += (double)x[at];
        y[at] = (float)sum;
    }
}

static void running_product(const float *x, int64_t n, float *y)
{
    double product = 1;
    for (int64_t i = 0; i < n; i++) {
        product *= (double)x[i];
        y[i] = (float)product;
    }
}

/* grad_x[j] = Σ_{i ≥ j} g[i]·Π_{k ≤ i, k ≠ j} x[k] = before[j]·tail[j], before being the product of
 * what stands before j, tail[j] = g[j] + x[j + 1]·tail[j + 1]: no division, so zeros are no
 * exception. */
static void product_gradient(const float *grad, const float *x, int64_t n, float *y, double *before)
{
    double product = 1, tail = 0;
    for (int64_t i = 0; i < n; i++) {
        before[i] = product;
        product *= (double)x[i];
    }
    for (int64_t j = n - 1; j >= 0; j--) {
        tail = (double)grad[j] + (j + 1 < n ? (double)x[j + 1] * tail : 0);
        y[j] = (float)(before[j] * tail);
    }
}

void ref_extreme_piece(const float *x, int64_t begin, int64_t end, bool smallest,
                       ref_extreme *extreme, float *y, int64_t *places)
{
    ref_extreme best = *extreme;
    for (int64_t i = begin; i < end; i++) {
        float a = x[i];
        if (best.value == best.value && (a != a || (smallest ? a < best.value : a > best.value)))
            best = (ref_extreme){ a, i };
        y[i] = best.value;
        places[i] = best.place;
    }
    *extreme = best;
}

static void running_extreme(const float *x, int64_t n, bool smallest, float *y, int64_t *places)
{
    if (n > 0)
        ref_extreme_piece(x, 0, n, smallest, &(ref_extreme){ x[0], 0 }, y, places);
}

void ref_scan_line(ref_scan_kind kind, const float *x, const float *second, int64_t n, float *y,
                   int64_t *places, double *scratch)
{
    switch (kind) {
    case REF_CUMSUM:
        running_sum(x, n, 0, 1, y);
        return;
    case REF_CUMSUM_BACKWARD:
        running_sum(x, n, n - 1, -1, y);
        return;
    case REF_CUMPROD:
        running_product(x, n, y);
        return;
    case REF_CUMPROD_BACKWARD:
        product_gradient(x, second, n, y, scratch);
        return;
    default:
        running_extreme(x, n, kind == REF_CUMMIN, y, places);
    }
}

void ref_scan_integers(ref_scan_kind kind, const ea_view *x, const ea_view *out)
{
    uint64_t running = kind == REF_CUMPROD;
    for (int64_t i = 0; i < core_numel(x); i++) {
        uint64_t a = (uint64_t)core_load_index(x, core_offset(x, i));
        running = kind == REF_CUMPROD ? running * a : running + a;
        core_store_index(out, core_offset(out, i), (int64_t)running);
    }
}

static void load(const ea_view *line, int64_t n, float *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = core_load(line, core_offset(line, i));
}

ea_status ref_scan(ea_context *ctx, const ref_scan_call *c)
{
    int kept = c->x->ndim - 1;
    int64_t n = c->x->shape[kept], lines = n ? core_numel(c->x) / n : 0;
    float *x = core_arena_alloc(ctx->arena, sizeof *x * (size_t)n * 2), *second = x + n;
    int64_t *places = core_arena_alloc(ctx->arena, sizeof *places * (size_t)n);
    double *scratch = core_arena_alloc(ctx->arena, sizeof *scratch * (size_t)n);
    if (!x || !places || !scratch)
        return core_fail(ctx, EA_ERR_MEMORY, "scan: no memory for a line of %lld elements",
                         (long long)n);
    for (int64_t line = 0; line < lines; line++) {
        ea_view from = core_row(c->x, kept, line), to, index;
        if (c->out)
            to = core_row(c->out, kept, line);
        if (CORE_INTEGERS & CORE_BIT(c->x->dtype)) {
            ref_scan_integers(c->kind, &from, &to);
            continue;
        }
        load(&from, n, x);
        if (c->second) {
            ea_view other = core_row(c->second, kept, line);
            load(&other, n, second);
        }
        ref_scan_line(c->kind, x, second, n, x, places, scratch);
        for (int64_t i = 0; c->out && i < n; i++)
            core_store(&to, core_offset(&to, i), x[i]);
        if (c->indices)
            index = core_row(c->indices, kept, line);
        for (int64_t i = 0; c->indices && i < n; i++)
            core_store_index(&index, core_offset(&index, i), places[i]);
    }
    return EA_OK;
}
