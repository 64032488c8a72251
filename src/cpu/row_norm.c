/* row_norm.c: layer, RMS and group norm on the CPU: threads take different rows, and go through a
 * row in blocks that fit the first-level cache. The gradient of a weight that stands for one
 * element of each row is the reduction of grad·normal, which is written out; that of a channel
 * continues its sums while a row of it is in the cache. */
#include "cpu/row_norm.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/isa/isa.h"
#include "cpu/reduce.h"
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
    float *mean, *rstd;              /* of each row; the mean of a row that has none is 0 */
    cpu_rows x, out, grad_out, grad_x;
    bool want_grad_x;
    float *products;                /* grad·normal in logical order; NULL: not wanted */
    float *weight_sums, *bias_sums; /* of each channel */
    struct two_sums *channel_sums;  /* of a group's channels, for each worker */
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

/* Continues a sum with the sum of a block, a chunk of contract chain. Under repdl, whose sums have
 * no chunks, with the block's terms. */
static void add_block(const job *j, ref_sum *sum, const float *x, int64_t n)
{
    _Static_assert((int)CPU_BLOCK == (int)REF_CHUNK, "a block is a chunk of the sum rule");
    for (int64_t i = 0; j->contract == EA_CONTRACT_REPDL && i < n; i++)
        ref_sum_add(sum, x[i]);
    if (j->contract == EA_CONTRACT_CHAIN)
        ref_sum_add(sum, j->kernels->sum_chunk(x, n));
}

static float mean_of(const job *j, ref_sum *sum)
{
    return ref_mean(j->contract, ref_sum_end(sum), j->n);
}

/* What the kernels take for n elements of row `row` from element `begin` on, without weights. */
static cpu_norm_run run_of(const job *j, int64_t row, const float *x)
{
    return (cpu_norm_run){ .x = x, .mean = j->mean[row], .rstd = j->rstd[row] };
}

/* Lanes of the sum rule keep their places from one channel to the next. */
static bool lanes_fit(const job *j)
{
    return j->contract == EA_CONTRACT_CHAIN && j->rest % REF_LANES == 0;
}

/* The elements until the channel of element `at` of a row ends, at most `left`. */
static int64_t channel_run(const job *j, int64_t at, int64_t left)
{
    int64_t run = j->rest - at % j->rest;
    return run < left ? run : left;
}

/* --- Forward ---------------------------------------------------------------------------------- */

static void square_block(const job *j, const block *b, float mean, ref_sum *sum)
{
    float buffer[CPU_BLOCK];
    const float *x = cpu_read_row(&j->x, b->row, b->begin, b->n, buffer);
    if (j->contract == EA_CONTRACT_CHAIN) {
        ref_sum_add(sum, j->kernels->norm_squares(x, mean, b->n));
        return;
    }
    j->kernels->sub_scalar(x, mean, buffer, b->n);
    j->kernels->mul(buffer, buffer, buffer, b->n);
    add_block(j, sum, buffer, b->n);
}

/* Of a row that is one chunk, whose sum is the chunk's. */
static void short_statistics(const job *j, int64_t row)
{
    float buffer[CPU_BLOCK];
    const float *x = cpu_read_row(&j->x, row, 0, j->n, buffer);
    j->mean[row] = j->centred ? ref_mean(j->contract, j->kernels->sum_chunk(x, j->n), j->n) : 0;
    float squares = j->kernels->norm_squares(x, j->mean[row], j->n);
    j->rstd[row] = 1 / sqrtf(ref_mean(j->contract, squares, j->n) + j->eps);
}

static void row_statistics(const job *j, int64_t row)
{
    float buffer[CPU_BLOCK];
    ref_sum sum;
    if (j->contract == EA_CONTRACT_CHAIN && j->n > 0 && j->n <= CPU_BLOCK) {
        short_statistics(j, row);
        return;
    }
    j->mean[row] = 0;
    if (j->centred) {
        ref_sum_begin(&sum, j->contract);
        for (block b = { .row = row }; next_block(j, &b);)
            add_block(j, &sum, cpu_read_row(&j->x, row, b.begin, b.n, buffer), b.n);
        j->mean[row] = mean_of(j, &sum);
    }
    ref_sum_begin(&sum, j->contract);
    for (block b = { .row = row }; next_block(j, &b);)
        square_block(j, &b, j->mean[row], &sum);
    j->rstd[row] = 1 / sqrtf(mean_of(j, &sum) + j->eps);
}

static void apply_block(const job *j, const block *b, const float *x, float *y)
{
    int64_t first = b->row % j->group_rows * j->inner;
    cpu_norm_run run = run_of(j, b->row, x);
    run.each = j->rest == 1;
    for (int64_t i = 0, n; i < b->n; i += n) {
        int64_t at = b->begin + i, channel = first + at / j->rest;
        n = run.each ? b->n : channel_run(j, at, b->n - i);
        run.x = x + i;
        run.weight = j->weight ? j->weight + channel : NULL;
        run.bias = j->bias ? j->bias + channel : NULL;
        j->kernels->norm_apply(&run, y + i, n);
    }
}

static void forward_rows(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    float x_buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    for (int64_t row = first; row < last; row++) {
        row_statistics(j, row);
        for (block b = { .row = row }; next_block(j, &b);) {
            const float *x = cpu_read_row(&j->x, row, b.begin, b.n, x_buffer);
            float *y = cpu_target_row(&j->out, row, b.begin, b.n, y_buffer);
            apply_block(j, &b, x, y);
            cpu_put_row(&j->out, row, b.begin, b.n, y);
        }
    }
}

/* --- Backward --------------------------------------------------------------------------------- */

/* Two sums of grad and grad·normal, or of their products with the weight: of a row or a channel. */
typedef struct two_sums {
    ref_sum sum, product;
    float lanes[2 * REF_LANES]; /* of the chunk that is open */
    int64_t count;              /* of its terms */
} two_sums;

static void begin_sums(const job *j, two_sums *s)
{
    ref_sum_begin(&s->sum, j->contract);
    ref_sum_begin(&s->product, j->contract);
    memset(s->lanes, 0, sizeof s->lanes);
    s->count = 0;
}

static void close_chunk(two_sums *s)
{
    for (int half = REF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) {
            s->lanes[i] += s->lanes[i + half];
            s->lanes[REF_LANES + i] += s->lanes[REF_LANES + i + half];
        }
    ref_sum_add(&s->sum, s->lanes[0]);
    ref_sum_add(&s->product, s->lanes[REF_LANES]);
    memset(s->lanes, 0, sizeof s->lanes);
    s->count = 0;
}

/* Sets the weight of element `at` of the row; returns for how many of the n next elements. */
static int64_t set_weight(const job *j, int64_t row, int64_t at, int64_t n, cpu_norm_run *run)
{
    run->each = j->rest == 1;
    if (!j->weight)
        return n;
    run->weight = j->weight + row % j->group_rows * j->inner + at / j->rest;
    return run->each ? n : channel_run(j, at, n);
}

/* A block's grad times the weight, where a weight's elements end inside of a vector. */
static const float *weighted_grad(const job *j, const block *b, const float *g, float *buffer)
{
    const float *weight = j->weight + b->row % j->group_rows * j->inner;
    for (int64_t i = 0, n; i < b->n; i += n) {
        int64_t at = b->begin + i;
        n = channel_run(j, at, b->n - i);
        j->kernels->mul_scalar(g + i, weight[at / j->rest], buffer + i, n);
    }
    return buffer;
}

/* The block's share of the two sums of the row; products where they are wanted. */
static void sum_block(const job *j, const block *b, two_sums *s)
{
    float x_buffer[CPU_BLOCK], g_buffer[CPU_BLOCK];
    cpu_norm_run run = run_of(j, b->row, cpu_read_row(&j->x, b->row, b->begin, b->n, x_buffer));
    const float *x = run.x, *g = cpu_read_row(&j->grad_out, b->row, b->begin, b->n, g_buffer);
    float *products = j->products ? j->products + b->row * j->n + b->begin : NULL;
    if (j->weight && j->rest > 1 && !lanes_fit(j)) {
        g = weighted_grad(j, b, g, g_buffer);
        j->kernels->norm_sums(&run, g, NULL, b->n, s->lanes);
    } else {
        for (int64_t i = 0, n; i < b->n; i += n) {
            n = set_weight(j, b->row, b->begin + i, b->n - i, &run);
            run.x = x + i;
            j->kernels->norm_sums(&run, g + i, products, n, s->lanes);
        }
    }
    close_chunk(s);
}

/* The same under contract repdl, whose sums are sequential. */
static void sum_block_in_order(const job *j, const block *b, two_sums *s)
{
    float x_buffer[CPU_BLOCK], g_buffer[CPU_BLOCK], ignored[2 * REF_LANES] = { 0 };
    cpu_norm_run run = run_of(j, b->row, cpu_read_row(&j->x, b->row, b->begin, b->n, x_buffer));
    const float *g = cpu_read_row(&j->grad_out, b->row, b->begin, b->n, g_buffer);
    if (j->products)
        j->kernels->norm_sums(&run, g, j->products + b->row * j->n + b->begin, b->n, ignored);
    j->kernels->norm_apply(&run, x_buffer, b->n);
    if (j->weight && j->rest == 1)
        j->kernels->mul(g, j->weight + b->row % j->group_rows * j->inner + b->begin, g_buffer,
                        b->n);
    else if (j->weight)
        weighted_grad(j, b, g, g_buffer);
    else if (g != g_buffer)
        memcpy(g_buffer, g, sizeof *g * (size_t)b->n);
    add_block(j, &s->sum, g_buffer, b->n);
    j->kernels->mul(g_buffer, x_buffer, x_buffer, b->n);
    add_block(j, &s->product, x_buffer, b->n);
}

static void gradient_block(const job *j, const block *b, float mean, float slope)
{
    float x_buffer[CPU_BLOCK], g_buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    cpu_norm_run run = run_of(j, b->row, cpu_read_row(&j->x, b->row, b->begin, b->n, x_buffer));
    const float *x = run.x, *g = cpu_read_row(&j->grad_out, b->row, b->begin, b->n, g_buffer);
    float *y = cpu_target_row(&j->grad_x, b->row, b->begin, b->n, y_buffer);
    for (int64_t i = 0, n; i < b->n; i += n) {
        n = set_weight(j, b->row, b->begin + i, b->n - i, &run);
        run.x = x + i;
        j->kernels->norm_gradient(&run, g + i, j->centred ? mean : 0, slope, y + i, n);
    }
    cpu_put_row(&j->grad_x, b->row, b->begin, b->n, y);
}

static void backward_row(const job *j, int64_t row)
{
    two_sums s;
    begin_sums(j, &s);
    for (block b = { .row = row }; next_block(j, &b);)
        (j->contract == EA_CONTRACT_CHAIN ? sum_block : sum_block_in_order)(j, &b, &s);
    float mean = mean_of(j, &s.sum), slope = mean_of(j, &s.product);
    for (block b = { .row = row }; j->want_grad_x && next_block(j, &b);)
        gradient_block(j, &b, mean, slope);
}

static void backward_rows(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    for (int64_t row = first; row < last; row++)
        backward_row(argument, row);
}

/* grad·normal of a channel, whose elements are those of all images in order. */
static const float *channel_terms(const void *argument, int64_t channel, int64_t begin, int64_t n,
                                  float *buffer)
{
    const job *j = argument;
    float x_buffer[CPU_BLOCK], g_buffer[CPU_BLOCK];
    for (int64_t i = 0, part; i < n; i += part) {
        int64_t image = (begin + i) / j->rest, position = (begin + i) % j->rest;
        int64_t row = image * j->group_rows + channel / j->inner;
        int64_t at = channel % j->inner * j->rest + position;
        part = j->rest - position < n - i ? j->rest - position : n - i;
        cpu_norm_run run = run_of(j, row, cpu_read_row(&j->x, row, at, part, x_buffer));
        const float *g = cpu_read_row(&j->grad_out, row, at, part, g_buffer);
        j->kernels->norm_apply(&run, buffer + i, part);
        j->kernels->mul(g, buffer + i, buffer + i, part);
    }
    return buffer;
}

/* A channel's share, in one row, of the sums of grad and grad·normal over all images. */
static void add_channel(const job *j, int64_t row, int64_t channel, two_sums *s)
{
    float x_buffer[CPU_BLOCK], g_buffer[CPU_BLOCK];
    for (int64_t i = 0, n; i < j->rest; i += n) {
        int64_t at = channel % j->inner * j->rest + i, room = REF_CHUNK - s->count;
        n = j->rest - i < room ? j->rest - i : room;
        cpu_norm_run run = run_of(j, row, cpu_read_row(&j->x, row, at, n, x_buffer));
        const float *g = cpu_read_row(&j->grad_out, row, at, n, g_buffer);
        j->kernels->norm_sums(&run, g, NULL, n, s->lanes);
        s->count += n;
        if (s->count == REF_CHUNK)
            close_chunk(s);
    }
}

static void put_channel(const job *j, int64_t channel, two_sums *s)
{
    if (s->count > 0)
        close_chunk(s);
    j->weight_sums[channel] = ref_sum_end(&s->product);
    j->bias_sums[channel] = ref_sum_end(&s->sum);
}

static void sum_channels(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t channel = first; channel < last; channel++) {
        two_sums s;
        begin_sums(j, &s);
        for (int64_t row = channel / j->inner; row < j->rows; row += j->group_rows)
            add_channel(j, row, channel, &s);
        put_channel(j, channel, &s);
    }
}

/* Rows and channels in one go, while a row is in the cache: a group of all images by one thread. */
static void backward_groups(void *argument, int64_t first, int64_t last, int worker)
{
    const job *j = argument;
    two_sums *sums = j->channel_sums + worker * j->inner;
    for (int64_t group = first; group < last; group++) {
        int64_t channel = group * j->inner;
        for (int64_t c = 0; c < j->inner; c++)
            begin_sums(j, &sums[c]);
        for (int64_t row = group; row < j->rows; row += j->group_rows) {
            backward_row(j, row);
            for (int64_t c = 0; c < j->inner; c++)
                add_channel(j, row, channel + c, &sums[c]);
        }
        for (int64_t c = 0; c < j->inner; c++)
            put_channel(j, channel + c, &sums[c]);
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

static ea_status weight_gradient(ea_context *ctx, const ref_row_norm *norm, const job *j,
                                 const ea_view *out)
{
    if (j->products) {
        ea_view products = core_view_make(j->products, CORE_F32, norm->x->ndim, norm->x->shape);
        return weight_sums(ctx, norm, &products, out);
    }
    float *sums;
    int64_t weights = j->group_rows * j->inner;
    int64_t terms = weights ? j->rows * j->n / weights : 0;
    EA_TRY(float_array(ctx, weights, &sums));
    EA_TRY(cpu_sum_terms(ctx, weights, terms, j->rest, channel_terms, j, sums));
    put_floats(out, sums);
    return EA_OK;
}

/* The gradients where lanes fit the channels: by groups when these occupy all threads, else rows
 * first and channels then. */
static ea_status with_channels(ea_context *ctx, const ref_row_norm_backward *b, job *j)
{
    int64_t channels = j->group_rows * j->inner;
    int64_t terms = j->group_rows ? j->rows / j->group_rows * j->rest : 0;
    EA_TRY(float_array(ctx, channels, &j->weight_sums));
    EA_TRY(float_array(ctx, channels, &j->bias_sums));
    if (j->want_grad_x && j->group_rows >= 2 * ctx->threads) {
        size_t bytes = sizeof *j->channel_sums * (size_t)(j->inner * ctx->threads);
        j->channel_sums = core_arena_alloc(ctx->arena, bytes);
        if (!j->channel_sums)
            return core_fail(ctx, EA_ERR_MEMORY, "no memory for the sums of %lld channels",
                             (long long)channels);
        core_parallel(ctx, j->group_rows, GRAIN / (terms * j->inner + 1) + 1, backward_groups, j);
    } else {
        if (j->want_grad_x)
            run_rows(ctx, j, backward_rows);
        core_parallel(ctx, channels, GRAIN / (terms + 1) + 1, sum_channels, j);
    }
    put_floats(b->grad_weight, j->weight_sums);
    put_floats(b->grad_bias, j->bias_sums);
    return EA_OK;
}

ea_status cpu_normalise_rows_backward(ea_context *ctx, const ref_row_norm_backward *b)
{
    const ref_row_norm *norm = &b->norm;
    job j;
    EA_TRY(prepare(ctx, norm, &j));
    EA_TRY(floats_of(ctx, norm->rstd, &j.rstd));
    if (norm->mean) {
        EA_TRY(floats_of(ctx, norm->mean, &j.mean));
    } else {
        EA_TRY(float_array(ctx, j.rows, &j.mean));
        memset(j.mean, 0, sizeof *j.mean * (size_t)j.rows);
    }
    j.grad_out = cpu_rows_of(b->grad_out, norm->kept);
    j.want_grad_x = b->grad_x != NULL;
    if (b->grad_x)
        j.grad_x = cpu_rows_of(b->grad_x, norm->kept);
    if ((b->grad_weight || b->grad_bias) && lanes_fit(&j))
        return with_channels(ctx, b, &j);
    bool write_products = b->grad_weight && j.rest == 1;
    if (write_products)
        EA_TRY(float_array(ctx, j.rows * j.n, &j.products));
    if (b->grad_x || write_products)
        run_rows(ctx, &j, backward_rows);
    if (b->grad_weight)
        EA_TRY(weight_gradient(ctx, norm, &j, b->grad_weight));
    return b->grad_bias ? weight_sums(ctx, norm, b->grad_out, b->grad_bias) : EA_OK;
}
