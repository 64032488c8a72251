/* row_norm.c: layer, RMS and group norm on the CPU: threads take different rows, and go through a
 * row in blocks that fit the first-level cache. The weight's gradient is the reduction of
 * grad·normal, which is written out. */
#include "cpu/row_norm.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/isa/isa.h"
#include "cpu/stream.h"

#include <math.h>

enum { GRAIN = 8192 }; /* elements in a piece of work */

typedef struct job {
    const cpu_kernels *kernels;
    ea_contract contract;
    bool centred;
    float eps;
    int64_t rows, n;
    int64_t group_rows, inner, rest; /* row r's weights start at r % group_rows · inner; each stands
                                        for `rest` elements */
    const float *weight, *bias;      /* NULL: none */
    float *mean, *rstd;              /* of each row */
    cpu_rows x, out, grad_out, grad_x;
    float *products; /* grad·normal in logical order; NULL: not wanted */
} job;

typedef struct block {
    int64_t row, begin, n;
} block;

static bool next_block(const job *j, block *b)
{
    b->begin += b->n;
    b->n = j->n - b->begin < CPU_BLOCK ? j->n - b->begin : CPU_BLOCK;
    return b->n > 0;
}

/* Continues a sum whose values come in blocks of CPU_BLOCK, the chunks of contract chain. */
static void add_block(const job *j, ref_sum *sum, const float *x, int64_t n)
{
    _Static_assert((int)CPU_BLOCK == (int)REF_CHUNK, "a block is a chunk of the sum rule");
    if (j->contract == EA_CONTRACT_REPDL)
        for (int64_t i = 0; i < n; i++)
            ref_sum_add(sum, x[i]);
    else
        ref_sum_add(sum, j->kernels->sum_chunk(x, n));
}

/* Under chain the sum is of chunks' sums; one chunk's sum plus zeros is itself. */
static float mean_of(const job *j, ref_sum *sum)
{
    return ref_mean(j->contract, ref_sum_end(sum), j->n);
}

/* y = x · weight for a block's elements. */
static void scale_block(const job *j, const block *b, const float *x, float *y)
{
    const float *weight = j->weight + b->row % j->group_rows * j->inner;
    if (j->rest == 1) {
        j->kernels->mul(x, weight + b->begin, y, b->n);
        return;
    }
    for (int64_t i = 0, run; i < b->n; i += run) {
        int64_t at = b->begin + i;
        run = j->rest - at % j->rest < b->n - i ? j->rest - at % j->rest : b->n - i;
        j->kernels->mul_scalar(x + i, weight[at / j->rest], y + i, run);
    }
}

static void shift_block(const job *j, const block *b, float *y)
{
    const float *bias = j->bias + b->row % j->group_rows * j->inner;
    if (j->rest == 1) {
        j->kernels->add(y, bias + b->begin, y, b->n);
        return;
    }
    for (int64_t i = 0, run; i < b->n; i += run) {
        int64_t at = b->begin + i;
        run = j->rest - at % j->rest < b->n - i ? j->rest - at % j->rest : b->n - i;
        j->kernels->sub_scalar(y + i, -bias[at / j->rest], y + i, run);
    }
}

/* --- Forward ---------------------------------------------------------------------------------- */

static const float *centred_block(const job *j, const block *b, float mean, float *buffer)
{
    const float *x = cpu_read_row(&j->x, b->row, b->begin, b->n, buffer);
    if (!j->centred)
        return x;
    j->kernels->sub_scalar(x, mean, buffer, b->n);
    return buffer;
}

static void row_statistics(const job *j, int64_t row, float *mean, float *rstd)
{
    float buffer[CPU_BLOCK];
    ref_sum sum;
    *mean = 0;
    if (j->centred) {
        ref_sum_begin(&sum, j->contract);
        for (block b = { .row = row }; next_block(j, &b);)
            add_block(j, &sum, cpu_read_row(&j->x, row, b.begin, b.n, buffer), b.n);
        *mean = mean_of(j, &sum);
    }
    ref_sum_begin(&sum, j->contract);
    for (block b = { .row = row }; next_block(j, &b);) {
        const float *d = centred_block(j, &b, *mean, buffer);
        j->kernels->mul(d, d, buffer, b.n);
        add_block(j, &sum, buffer, b.n);
    }
    *rstd = 1 / sqrtf(mean_of(j, &sum) + j->eps);
}

static void forward_rows(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    float buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    for (int64_t row = first; row < last; row++) {
        row_statistics(j, row, &j->mean[row], &j->rstd[row]);
        for (block b = { .row = row }; next_block(j, &b);) {
            float *y = cpu_target_row(&j->out, row, b.begin, b.n, y_buffer);
            const float *d = centred_block(j, &b, j->mean[row], buffer);
            j->kernels->mul_scalar(d, j->rstd[row], y, b.n);
            if (j->weight)
                scale_block(j, &b, y, y);
            if (j->bias)
                shift_block(j, &b, y);
            cpu_put_row(&j->out, row, b.begin, b.n, y);
        }
    }
}

/* --- Backward --------------------------------------------------------------------------------- */

/* A block of the backward: grad·weight, the normalised input, and room for their product. */
typedef struct backward_block {
    float grad[CPU_BLOCK], normal[CPU_BLOCK], product[CPU_BLOCK];
} backward_block;

static void fill_terms(const job *j, const block *b, backward_block *t, bool keep_products)
{
    const float *g = cpu_read_row(&j->grad_out, b->row, b->begin, b->n, t->product);
    const float *d = centred_block(j, b, j->mean[b->row], t->normal);
    j->kernels->mul_scalar(d, j->rstd[b->row], t->normal, b->n);
    if (keep_products)
        j->kernels->mul(g, t->normal, j->products + b->row * j->n + b->begin, b->n);
    if (j->weight)
        scale_block(j, b, g, t->grad);
    else
        memcpy(t->grad, g, sizeof *g * (size_t)b->n);
}

static void put_grad_x(const job *j, const block *b, backward_block *t, float mean, float slope)
{
    float *y = cpu_target_row(&j->grad_x, b->row, b->begin, b->n, t->product);
    j->kernels->mul_scalar(t->normal, slope, t->normal, b->n);
    if (j->centred)
        j->kernels->sub_scalar(t->grad, mean, t->grad, b->n);
    j->kernels->sub(t->grad, t->normal, t->grad, b->n);
    j->kernels->mul_scalar(t->grad, j->rstd[b->row], y, b->n);
    cpu_put_row(&j->grad_x, b->row, b->begin, b->n, y);
}

static void backward_rows(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    backward_block t;
    for (int64_t row = first; row < last; row++) {
        ref_sum sum, product;
        ref_sum_begin(&sum, j->contract);
        ref_sum_begin(&product, j->contract);
        for (block b = { .row = row }; next_block(j, &b);) {
            fill_terms(j, &b, &t, j->products != NULL);
            j->kernels->mul(t.grad, t.normal, t.product, b.n);
            add_block(j, &sum, t.grad, b.n);
            add_block(j, &product, t.product, b.n);
        }
        float mean = mean_of(j, &sum), slope = mean_of(j, &product);
        if (j->grad_x.row.data == NULL)
            continue;
        for (block b = { .row = row }; next_block(j, &b);) {
            if (j->n > CPU_BLOCK)
                fill_terms(j, &b, &t, false);
            put_grad_x(j, &b, &t, mean, slope);
        }
    }
}

/* --- Both ------------------------------------------------------------------------------------- */

static ea_status float_array(ea_context *ctx, int64_t count, float **out)
{
    *out = core_arena_alloc(ctx->arena, sizeof **out * (size_t)count);
    return *out ? EA_OK
                : core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld numbers", (long long)count);
}

/* A view's elements as consecutive floats; NULL for NULL. */
static ea_status floats_of(ea_context *ctx, const ea_view *view, float **out)
{
    *out = NULL;
    if (!view)
        return EA_OK;
    EA_TRY(float_array(ctx, core_numel(view), out));
    ea_view to = core_view_make(*out, CORE_F32, view->ndim, view->shape);
    core_copy(NULL, view, &to);
    return EA_OK;
}

static ea_status prepare(ea_context *ctx, const ref_row_norm *norm, job *j)
{
    const ea_view *x = norm->x;
    int split = norm->batch + norm->weighted;
    *j = (job){ .kernels = cpu_kernels_of(ctx),
                .contract = ctx->contract,
                .centred = norm->centred,
                .eps = norm->eps,
                .rows = ref_row_norm_count(x, 0, norm->kept),
                .n = ref_row_norm_count(x, norm->kept, x->ndim),
                .group_rows = ref_row_norm_count(x, norm->batch, norm->kept),
                .inner = ref_row_norm_count(x, norm->kept, split),
                .rest = ref_row_norm_count(x, split, x->ndim),
                .x = cpu_rows_of(x, norm->kept) };
    float *weight, *bias;
    EA_TRY(floats_of(ctx, norm->weight, &weight));
    EA_TRY(floats_of(ctx, norm->bias, &bias));
    j->weight = weight;
    j->bias = bias;
    return EA_OK;
}

static void run_rows(ea_context *ctx, job *j, core_task task)
{
    core_parallel(ctx, j->rows, GRAIN / (j->n + 1) + 1, task, j);
}

static void put_floats(const ea_view *view, const float *values)
{
    if (!view)
        return;
    ea_view from = core_view_make((void *)values, CORE_F32, view->ndim, view->shape);
    core_copy(NULL, &from, view);
}

ea_status cpu_normalise_rows(ea_context *ctx, const ref_row_norm *norm)
{
    job j;
    EA_TRY(prepare(ctx, norm, &j));
    EA_TRY(float_array(ctx, j.rows, &j.mean));
    EA_TRY(float_array(ctx, j.rows, &j.rstd));
    j.out = cpu_rows_of(norm->out, norm->kept);
    run_rows(ctx, &j, forward_rows);
    put_floats(norm->mean, j.mean);
    put_floats(norm->rstd, j.rstd);
    return EA_OK;
}

/* The sum over the batch and the rest, for each weight. */
static ea_status weight_sums(ea_context *ctx, const ref_row_norm *norm, const ea_view *terms,
                             const ea_view *out)
{
    ea_view by_weight = ref_row_norm_by_weight(norm, terms);
    return cpu_reduce(ctx, &by_weight, norm->weighted, false, out);
}

ea_status cpu_normalise_rows_backward(ea_context *ctx, const ref_row_norm_backward *b)
{
    const ref_row_norm *norm = &b->norm;
    job j;
    EA_TRY(prepare(ctx, norm, &j));
    EA_TRY(floats_of(ctx, norm->rstd, &j.rstd));
    if (norm->mean)
        EA_TRY(floats_of(ctx, norm->mean, &j.mean));
    else
        EA_TRY(float_array(ctx, j.rows, &j.mean)); /* never read */
    if (b->grad_weight)
        EA_TRY(float_array(ctx, j.rows * j.n, &j.products));
    j.grad_out = cpu_rows_of(b->grad_out, norm->kept);
    if (b->grad_x)
        j.grad_x = cpu_rows_of(b->grad_x, norm->kept);
    if (b->grad_x || b->grad_weight)
        run_rows(ctx, &j, backward_rows);
    if (b->grad_weight) {
        ea_view products = core_view_make(j.products, CORE_F32, norm->x->ndim, norm->x->shape);
        EA_TRY(weight_sums(ctx, norm, &products, b->grad_weight));
    }
    return b->grad_bias ? weight_sums(ctx, norm, b->grad_out, b->grad_bias) : EA_OK;
}
