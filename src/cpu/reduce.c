/* reduce.c: sums on the CPU. Threads and lanes take different outputs, or different chunks of one,
 * never a different order. */
#include "cpu/reduce.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/cpu.h"
#include "cpu/sizes.h"
#include "cpu/stream.h"

enum { GRAIN = 16384 }; /* terms in a piece of work */

static int64_t grain_for(int64_t terms_an_item)
{
    return terms_an_item >= GRAIN ? 1 : GRAIN / (terms_an_item ? terms_an_item : 1);
}

/* --- Sums of rows ----------------------------------------------------------------------------- */

float cpu_sum(const cpu_kernels *kernels, ea_contract contract, const float *x, int64_t n)
{
    if (contract == EA_CONTRACT_REPDL) {
        float sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += x[i];
        return sum;
    }
    if (n <= REF_CHUNK)
        return kernels->sum_chunk(x, n);
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t i = 0; i < n; i += REF_CHUNK)
        ref_sum_add(&sum, kernels->sum_chunk(x + i, smaller(n - i, REF_CHUNK)));
    return ref_sum_end(&sum);
}

typedef struct row_sums {
    const cpu_kernels *kernels;
    cpu_chunk chunk;
    cpu_terms terms;
    const void *argument;
    int64_t outputs, n, run;
    int64_t chunks; /* of one output */
    float *partial; /* a sum for each chunk */
    float *sums;
} row_sums;

/* Chunks of the chunks' results, and so on; overwrites them. */
static float fold_chunks(cpu_chunk chunk, float *partial, int64_t count)
{
    while (count > 1) {
        int64_t folded = (count + REF_CHUNK - 1) / REF_CHUNK;
        for (int64_t i = 0; i < folded; i++)
            partial[i] = chunk(partial + i * REF_CHUNK, smaller(count - i * REF_CHUNK, REF_CHUNK));
        count = folded;
    }
    return partial[0];
}

/* Items are chunks: of output item / chunks, number item % chunks. */
static void sum_chunks(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const row_sums *r = argument;
    float buffer[REF_CHUNK];
    for (int64_t item = first; item < last; item++) {
        int64_t begin = item % r->chunks * REF_CHUNK, n = smaller(r->n - begin, REF_CHUNK);
        const float *x = r->terms(r->argument, item / r->chunks, begin, n, buffer);
        r->partial[item] = r->chunk(x, n);
    }
}

/* A sequential sum waits for each addition; several outputs at a time fill the wait. */
enum { MOST_TOGETHER = 16, STRETCH = 256, SHORT_RUN = 16 };

/* Items are groups of outputs; the last group repeats its first output in empty places. */
static void sum_sequentially(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const row_sums *r = argument;
    int64_t together = r->kernels->rows_together;
    float buffer[MOST_TOGETHER][STRETCH];
    for (int64_t item = first; item < last; item++) {
        float sum[MOST_TOGETHER] = { 0 };
        int64_t output = item * together, count = smaller(r->outputs - output, together);
        for (int64_t begin = 0, n; begin < r->n; begin += n) {
            n = smaller(r->run - begin % r->run, smaller(r->n - begin, STRETCH));
            const float *x[MOST_TOGETHER];
            for (int64_t j = 0; j < together; j++)
                x[j] = j < count ? r->terms(r->argument, output + j, begin, n, buffer[j]) : x[0];
            r->kernels->add_rows(x, n, sum);
        }
        memcpy(r->sums + output, sum, sizeof *sum * (size_t)count);
    }
}

ea_status cpu_sum_terms(ea_context *ctx, int64_t outputs, int64_t n, int64_t run, cpu_terms terms,
                        const void *argument, float *sums)
{
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    if (ctx->contract != EA_CONTRACT_REPDL)
        return cpu_fold_terms(ctx, outputs, n, terms, argument, kernels->sum_chunk, sums);
    row_sums r = { .kernels = kernels,
                   .terms = terms,
                   .argument = argument,
                   .outputs = outputs,
                   .n = n,
                   .run = run < SHORT_RUN ? STRETCH : run,
                   .sums = sums };
    int64_t together = kernels->rows_together;
    core_parallel(ctx, (outputs + together - 1) / together, grain_for(n * together),
                  sum_sequentially, &r);
    return EA_OK;
}

ea_status cpu_fold_terms(ea_context *ctx, int64_t outputs, int64_t n, cpu_terms terms,
                         const void *argument, cpu_chunk chunk, float *results)
{
    row_sums r = { .chunk = chunk, .terms = terms, .argument = argument, .n = n };
    r.chunks = n > REF_CHUNK ? (n + REF_CHUNK - 1) / REF_CHUNK : 1;
    r.partial = results;
    if (r.chunks > 1)
        r.partial = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(outputs * r.chunks));
    if (!r.partial)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld partial results",
                         (long long)(outputs * r.chunks));
    core_parallel(ctx, outputs * r.chunks, grain_for(smaller(n, REF_CHUNK)), sum_chunks, &r);
    for (int64_t i = 0; r.chunks > 1 && i < outputs; i++)
        results[i] = fold_chunks(chunk, r.partial + i * r.chunks, r.chunks);
    return EA_OK;
}

/* --- Columns: neighbours in memory are different outputs -------------------------------------- */

enum { COLUMNS = 64 }; /* taken at a time */

bool cpu_column_view_of(const ea_view *x, int kept, cpu_column_view *c)
{
    if (x->dtype != CORE_F32 || kept == 0 || x->stride[kept - 1] != 1 || x->shape[kept - 1] < 4 ||
        core_numel(x) == 0)
        return false;
    ea_view reduced = core_row(x, kept, 0);
    cpu_merge(&reduced);
    int64_t stride = reduced.stride[0];
    if (reduced.ndim > 1 || stride == 0 || stride == 1)
        return false;
    *c = (cpu_column_view){
        .view = *x, .width = x->shape[kept - 1], .rows = reduced.shape[0], .row_stride = stride
    };
    c->view.ndim = kept + 1;
    c->view.shape[kept] = c->rows;
    c->view.stride[kept] = stride;
    return true;
}

int64_t cpu_column_blocks(const cpu_column_view *c, int64_t most)
{
    return core_numel(&c->view) / (c->width * c->rows) * ((c->width + most - 1) / most);
}

cpu_column_block cpu_column_block_at(const cpu_column_view *c, int64_t block, int64_t most)
{
    int64_t blocks = (c->width + most - 1) / most, outer = block / blocks;
    int64_t column = block % blocks * most;
    ea_view row = core_row(&c->view, c->view.ndim - 2, outer);
    return (cpu_column_block){ .data = (float *)row.data + column,
                               .output = outer * c->width + column,
                               .columns = smaller(c->width - column, most) };
}

typedef struct column_folds {
    const cpu_kernels *kernels;
    ea_contract contract; /* by whose rule sums and products are made */
    cpu_fold fold;
    cpu_column_view x;
    float *results;
} column_folds;

static void chain_columns(const column_folds *c, const float *x, int64_t columns, float *results)
{
    cpu_columns chunk =
        c->fold == CPU_SUM ? c->kernels->sum_chunk_columns : c->kernels->product_chunk_columns;
    if (c->x.rows <= REF_CHUNK) {
        chunk(x, c->x.row_stride, c->x.rows, columns, results);
        return;
    }
    ref_sum sum[COLUMNS];
    for (int64_t j = 0; j < columns; j++)
        if (c->fold == CPU_SUM)
            ref_sum_begin(&sum[j], c->contract);
        else
            ref_product_begin(&sum[j]);
    for (int64_t row = 0; row < c->x.rows; row += REF_CHUNK) {
        chunk(x + row * c->x.row_stride, c->x.row_stride, smaller(c->x.rows - row, REF_CHUNK),
              columns, results);
        for (int64_t j = 0; j < columns; j++)
            ref_sum_add(&sum[j], results[j]);
    }
    for (int64_t j = 0; j < columns; j++)
        results[j] = ref_sum_end(&sum[j]);
}

/* Items are blocks of columns, of all outer kept positions. */
static void fold_column_blocks(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const column_folds *c = argument;
    const cpu_kernels *k = c->kernels;
    for (int64_t item = first; item < last; item++) {
        cpu_column_block b = cpu_column_block_at(&c->x, item, COLUMNS);
        float *results = c->results + b.output;
        if (c->fold == CPU_LARGEST || c->fold == CPU_SMALLEST)
            (c->fold == CPU_LARGEST ? k->maximum_columns : k->minimum_columns)(
                b.data, c->x.row_stride, c->x.rows, b.columns, results);
        else if (c->contract == EA_CONTRACT_REPDL)
            k->sum_columns(b.data, c->x.row_stride, c->x.rows, b.columns, results);
        else
            chain_columns(c, b.data, b.columns, results);
    }
}

/* --- Reduction of a view ---------------------------------------------------------------------- */

static const float *read_row(const void *argument, int64_t output, int64_t begin, int64_t n,
                             float *buffer)
{
    return cpu_read_row(argument, output, begin, n, buffer);
}

ea_status cpu_fold_rows(ea_context *ctx, cpu_fold fold, const ea_view *x, int kept, float *results)
{
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    cpu_rows rows = cpu_rows_of(x, kept);
    int64_t outputs = core_numel(&rows.kept), n = core_numel(&rows.row);
    column_folds c = { .kernels = kernels,
                       .contract = fold == CPU_SUM ? ctx->contract : EA_CONTRACT_CHAIN,
                       .fold = fold,
                       .results = results };
    if (cpu_column_view_of(x, kept, &c.x)) {
        core_parallel(ctx, cpu_column_blocks(&c.x, COLUMNS),
                      grain_for(n * smaller(c.x.width, COLUMNS)), fold_column_blocks, &c);
        return EA_OK;
    }
    switch (fold) {
    case CPU_SUM:
        return cpu_sum_terms(ctx, outputs, n, rows.row.shape[rows.row.ndim - 1], read_row, &rows,
                             results);
    case CPU_PRODUCT:
        return cpu_fold_terms(ctx, outputs, n, read_row, &rows, kernels->product_chunk, results);
    default:
        return cpu_fold_terms(ctx, outputs, n, read_row, &rows,
                              fold == CPU_LARGEST ? kernels->maximum : kernels->minimum, results);
    }
}

/* ref_mean() of each. */
static void sums_to_means(const ea_context *ctx, int64_t n, float *sums, int64_t outputs)
{
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    if (ctx->contract == EA_CONTRACT_REPDL)
        kernels->mul_scalar(sums, (float)(1.0 / (double)n), sums, outputs);
    else
        kernels->div_scalar(sums, (float)n, sums, outputs);
}

ea_status cpu_reduce(ea_context *ctx, const ea_view *x, int kept, bool mean, const ea_view *out)
{
    int64_t outputs = core_numel(out);
    if (outputs == 0)
        return EA_OK;
    float *sums = core_arena_alloc(ctx->arena, sizeof *sums * (size_t)outputs);
    if (!sums)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld sums", (long long)outputs);
    EA_TRY(cpu_fold_rows(ctx, CPU_SUM, x, kept, sums));
    if (mean)
        sums_to_means(ctx, core_numel(x) / outputs, sums, outputs);
    ea_view merged = *out;
    cpu_merge(&merged);
    cpu_put(&merged, 0, outputs, sums);
    return EA_OK;
}
