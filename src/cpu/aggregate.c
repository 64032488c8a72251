/* aggregate.c: reductions beside sum and mean. Each is the fold of a row's terms in chunks
 * (reduce.h); threads take chunks. */
#include "cpu/aggregate.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/reduce.h"
#include "cpu/stream.h"

enum { GRAIN = 16384 }; /* elements in a piece of work */

typedef struct job {
    const cpu_kernels *kernels;
    const ref_aggregate_call *call;
    const ea_view *x;
    int kept;
    cpu_rows rows;
    int64_t outputs, n;
    float *about; /* for each row what its terms are taken about: a mean, a largest element */
    float *result;
    ref_row *facts;
    cpu_rows grad_rows;
    double *scratch; /* a row for each worker */
} job;

static int64_t rows_in_piece(const job *j)
{
    return j->n >= GRAIN ? 1 : GRAIN / (j->n ? j->n : 1);
}

/* --- Terms ------------------------------------------------------------------------------------ */

static const float *elements(const void *argument, int64_t row, int64_t begin, int64_t n,
                             float *buffer)
{
    const job *j = argument;
    return cpu_read_row(&j->rows, row, begin, n, buffer);
}

static const float *squares(const void *argument, int64_t row, int64_t begin, int64_t n,
                            float *buffer)
{
    const job *j = argument;
    const float *x = cpu_read_row(&j->rows, row, begin, n, buffer);
    j->kernels->sub_scalar(x, j->about[row], buffer, n);
    j->kernels->mul(buffer, buffer, buffer, n);
    return buffer;
}

static const float *exponentials(const void *argument, int64_t row, int64_t begin, int64_t n,
                                 float *buffer)
{
    const job *j = argument;
    const float *x = cpu_read_row(&j->rows, row, begin, n, buffer);
    j->kernels->sub_scalar(x, j->about[row], buffer, n);
    j->kernels->math[MATH_EXP](buffer, buffer, n);
    return buffer;
}

static const float *norm_terms(const void *argument, int64_t row, int64_t begin, int64_t n,
                               float *buffer)
{
    const job *j = argument;
    const float *x = cpu_read_row(&j->rows, row, begin, n, buffer);
    float p = j->call->parameter, power[CPU_BLOCK];
    if (p == 2) {
        j->kernels->mul(x, x, buffer, n);
        return buffer;
    }
    for (int64_t i = 0; i < n; i++)
        buffer[i] = p == 0 ? x[i] != 0 : fabsf(x[i]);
    if (p == 0 || p == 1 || isinf(p))
        return buffer;
    for (int64_t i = 0; i < n; i++)
        power[i] = p;
    j->kernels->pair[MATH_POW](buffer, power, buffer, n);
    return buffer;
}

/* --- Chunks ----------------------------------------------------------------------------------- */

static float any_chunk(const float *x, int64_t n)
{
    int found = 0;
    for (int64_t i = 0; i < n; i++)
        found |= x[i] != 0;
    return (float)found;
}

static float all_chunk(const float *x, int64_t n)
{
    int missing = 0;
    for (int64_t i = 0; i < n; i++)
        missing |= x[i] == 0;
    return (float)!missing;
}

/* --- Values ----------------------------------------------------------------------------------- */

static ea_status fold(ea_context *ctx, const job *j, cpu_terms terms, cpu_chunk chunk, float *to)
{
    return cpu_fold_terms(ctx, j->outputs, j->n, terms, j, chunk, to);
}

static ea_status fold_elements(ea_context *ctx, const job *j, cpu_fold how, float *to)
{
    return cpu_fold_rows(ctx, how, j->x, j->kept, to);
}

static ea_status sum(ea_context *ctx, const job *j, cpu_terms terms, float *to)
{
    int64_t run = j->rows.row.shape[j->rows.row.ndim - 1];
    return cpu_sum_terms(ctx, j->outputs, j->n, run, terms, j, to);
}

static ea_status means(ea_context *ctx, const job *j)
{
    EA_TRY(fold_elements(ctx, j, CPU_SUM, j->about));
    for (int64_t i = 0; i < j->outputs; i++)
        j->about[i] = ref_mean(ctx->contract, j->about[i], j->n);
    return EA_OK;
}

static ea_status variances(ea_context *ctx, const job *j)
{
    float divisor = ref_divisor(j->n, j->call->parameter);
    EA_TRY(means(ctx, j));
    EA_TRY(sum(ctx, j, squares, j->result));
    for (int64_t i = 0; i < j->outputs; i++)
        j->result[i] /= divisor;
    if (j->call->aggregate == EA_AGG_STD)
        j->kernels->math[MATH_SQRT](j->result, j->result, j->outputs);
    return EA_OK;
}

static ea_status norms(ea_context *ctx, const job *j)
{
    float p = j->call->parameter;
    if (isinf(p))
        return fold(ctx, j, norm_terms, p < 0 ? j->kernels->minimum : j->kernels->maximum,
                    j->result);
    EA_TRY(sum(ctx, j, norm_terms, j->result));
    for (int64_t i = 0; i < j->outputs; i++)
        j->result[i] = ref_norm_end(j->result[i], p);
    return EA_OK;
}

static ea_status logsumexps(ea_context *ctx, const job *j)
{
    EA_TRY(fold_elements(ctx, j, CPU_LARGEST, j->about));
    for (int64_t i = 0; i < j->outputs; i++)
        j->about[i] = ref_shift(j->about[i]);
    EA_TRY(sum(ctx, j, exponentials, j->result));
    j->kernels->math[MATH_LOG](j->result, j->result, j->outputs);
    j->kernels->add(j->result, j->about, j->result, j->outputs);
    return EA_OK;
}

static ea_status values(ea_context *ctx, const job *j)
{
    switch (j->call->aggregate) {
    case EA_AGG_PROD:
        return fold_elements(ctx, j, CPU_PRODUCT, j->result);
    case EA_AGG_VAR:
    case EA_AGG_STD:
        return variances(ctx, j);
    case EA_AGG_NORM:
        return norms(ctx, j);
    case EA_AGG_LOGSUMEXP:
        return logsumexps(ctx, j);
    case EA_AGG_AMAX:
        return fold_elements(ctx, j, CPU_LARGEST, j->result);
    case EA_AGG_AMIN:
        return fold_elements(ctx, j, CPU_SMALLEST, j->result);
    case EA_AGG_ANY:
        return fold(ctx, j, elements, any_chunk, j->result);
    default: /* ALL */
        return fold(ctx, j, elements, all_chunk, j->result);
    }
}

static ea_status allocate(ea_context *ctx, size_t bytes, void **to)
{
    *to = core_arena_alloc(ctx->arena, bytes);
    return *to ? EA_OK : core_fail(ctx, EA_ERR_MEMORY, "reduction: no memory for %zu bytes", bytes);
}

static ea_status prepare(ea_context *ctx, const ea_view *x, int kept, job *j)
{
    j->kernels = cpu_kernels_of(ctx);
    j->x = x;
    j->kept = kept;
    j->rows = cpu_rows_of(x, kept);
    j->n = core_numel(&j->rows.row);
    j->outputs = core_numel(&j->rows.kept);
    size_t bytes = sizeof(float) * (size_t)j->outputs;
    EA_TRY(allocate(ctx, bytes, (void **)&j->about));
    return allocate(ctx, bytes, (void **)&j->result);
}

static void put(const ea_view *view, int64_t n, const float *from)
{
    ea_view merged = *view;
    cpu_merge(&merged);
    cpu_put(&merged, 0, n, from);
}

ea_status cpu_aggregate(ea_context *ctx, const ref_aggregate_call *call)
{
    job j = { .call = call };
    if (core_numel(call->x) == 0)
        return ref_aggregate(ctx, call);
    EA_TRY(prepare(ctx, call->x, call->kept, &j));
    EA_TRY(values(ctx, &j));
    put(call->out, j.outputs, j.result);
    return EA_OK;
}

/* --- Where the extreme stands ----------------------------------------------------------------- */

typedef struct search {
    const job *job;
    float *values;
    int64_t *places;
} search;

/* The first element of x that is the extreme `value`; n when none is. */
static int64_t first_place(const float *x, int64_t n, float value)
{
    int64_t i = 0;
    if (value != value)
        while (i < n && x[i] == x[i])
            i++;
    else
        while (i < n && x[i] != value)
            i++;
    return i;
}

static void find_places(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const search *s = argument;
    const job *j = s->job;
    float buffer[CPU_BLOCK];
    for (int64_t row = first; row < last; row++)
        for (int64_t begin = 0; begin < j->n; begin += CPU_BLOCK) {
            int64_t n = j->n - begin < CPU_BLOCK ? j->n - begin : CPU_BLOCK;
            const float *x = cpu_read_row(&j->rows, row, begin, n, buffer);
            int64_t place = first_place(x, n, j->result[row]);
            if (place == n)
                continue;
            s->values[row] = x[place];
            s->places[row] = begin + place;
            break;
        }
}

/* The same where neighbours in memory are different outputs: blocks of columns, from the last row
 * up, so that the first place stays. */
enum { COLUMNS = 64 };

typedef struct column_search {
    const search *s;
    cpu_column_view x;
} column_search;

static void find_column_places(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const column_search *c = argument;
    for (int64_t item = first; item < last; item++) {
        cpu_column_block b = cpu_column_block_at(&c->x, item, COLUMNS);
        const float *best = c->s->job->result + b.output;
        int32_t place[COLUMNS] = { 0 };
        for (int64_t i = c->x.rows - 1; i >= 0; i--) {
            const float *x = b.data + i * c->x.row_stride;
            for (int64_t k = 0; k < b.columns; k++)
                place[k] = ((x[k] == best[k]) | (x[k] != x[k])) ? (int32_t)i : place[k];
        }
        for (int64_t k = 0; k < b.columns; k++) {
            c->s->places[b.output + k] = place[k];
            c->s->values[b.output + k] = b.data[place[k] * c->x.row_stride + k];
        }
    }
}

ea_status cpu_extreme(ea_context *ctx, const ea_view *x, int kept, bool smallest,
                      const ea_view *values, const ea_view *indices)
{
    job j = { .n = 0 };
    EA_TRY(prepare(ctx, x, kept, &j));
    if (j.outputs == 0)
        return EA_OK;
    search s = { .job = &j, .values = j.about };
    EA_TRY(allocate(ctx, sizeof(int64_t) * (size_t)j.outputs, (void **)&s.places));
    EA_TRY(fold_elements(ctx, &j, smallest ? CPU_SMALLEST : CPU_LARGEST, j.result));
    column_search columns = { .s = &s };
    if (j.n <= INT32_MAX && cpu_column_view_of(x, kept, &columns.x))
        core_parallel(ctx, cpu_column_blocks(&columns.x, COLUMNS), GRAIN / (COLUMNS * j.n) + 1,
                      find_column_places, &columns);
    else
        core_parallel(ctx, j.outputs, rows_in_piece(&j), find_places, &s);
    if (values)
        put(values, j.outputs, s.values);
    for (int64_t i = 0; indices && i < j.outputs; i++)
        core_store_index(indices, core_offset(indices, i), s.places[i]);
    return EA_OK;
}

/* --- Gradients -------------------------------------------------------------------------------- */

static float ties(const job *j, int64_t row, float value, float *buffer)
{
    bool magnitude = j->call->aggregate == EA_AGG_NORM;
    int64_t count = 0;
    for (int64_t begin = 0; begin < j->n; begin += CPU_BLOCK) {
        int64_t n = j->n - begin < CPU_BLOCK ? j->n - begin : CPU_BLOCK;
        const float *x = cpu_read_row(&j->rows, row, begin, n, buffer);
        for (int64_t i = 0; i < n; i++)
            count += ref_is_extreme(magnitude ? fabsf(x[i]) : x[i], value);
    }
    return (float)count;
}

/* grad_x of a product: first the products of what stands before each element, then, backwards,
 * times those of what stands behind it. */
static void product_slopes(const job *j, int64_t row, double *before, float *x_buffer,
                           float *y_buffer)
{
    double product = 1;
    for (int64_t begin = 0; begin < j->n; begin += CPU_BLOCK) {
        int64_t n = j->n - begin < CPU_BLOCK ? j->n - begin : CPU_BLOCK;
        const float *x = cpu_read_row(&j->rows, row, begin, n, x_buffer);
        for (int64_t i = 0; i < n; i++) {
            before[begin + i] = product;
            product *= (double)x[i];
        }
    }
    product = 1;
    for (int64_t end = j->n, n; end > 0; end -= n) {
        n = (end - 1) % CPU_BLOCK + 1;
        const float *x = cpu_read_row(&j->rows, row, end - n, n, x_buffer);
        float *y = cpu_target_row(&j->grad_rows, row, end - n, n, y_buffer);
        for (int64_t i = n - 1; i >= 0; i--) {
            double factor = (double)x[i];
            y[i] = (float)((double)j->facts[row].grad * (before[end - n + i] * product));
            product *= factor;
        }
        cpu_put_row(&j->grad_rows, row, end - n, n, y);
    }
}

static void slopes(const job *j, ref_row *facts, const float *x, float *y, int64_t n)
{
    const ref_aggregate_call *c = j->call;
    float a;
    if (c->aggregate == EA_AGG_NORM && c->parameter == 2 && facts->value != 0) {
        j->kernels->mul_scalar(x, facts->grad / facts->value, y, n);
        return;
    }
    switch (c->aggregate) {
    case EA_AGG_LOGSUMEXP:
        j->kernels->sub_scalar(x, facts->value, y, n);
        j->kernels->math[MATH_EXP](y, y, n);
        j->kernels->mul_scalar(y, facts->grad, y, n);
        return;
    case EA_AGG_VAR:
        a = facts->grad * (2 / facts->n);
        j->kernels->sub_scalar(x, facts->mean, y, n);
        j->kernels->mul_scalar(y, a, y, n);
        return;
    default:
        for (int64_t i = 0; i < n; i++)
            y[i] = ref_aggregate_slope(c->aggregate, c->parameter, x[i], facts);
    }
}

static void give_rows(void *argument, int64_t first, int64_t last, int worker)
{
    const job *j = argument;
    float x_buffer[CPU_BLOCK], y_buffer[CPU_BLOCK];
    bool counts = j->call->aggregate == EA_AGG_AMAX || j->call->aggregate == EA_AGG_AMIN ||
                  (j->call->aggregate == EA_AGG_NORM && isinf(j->call->parameter));
    for (int64_t row = first; row < last; row++) {
        ref_row *facts = &j->facts[row];
        if (j->call->aggregate == EA_AGG_PROD) {
            product_slopes(j, row, j->scratch + worker * j->n, x_buffer, y_buffer);
            continue;
        }
        if (counts)
            facts->ties = ties(j, row, facts->value, x_buffer);
        for (int64_t begin = 0; begin < j->n; begin += CPU_BLOCK) {
            int64_t n = j->n - begin < CPU_BLOCK ? j->n - begin : CPU_BLOCK;
            const float *x = cpu_read_row(&j->rows, row, begin, n, x_buffer);
            float *y = cpu_target_row(&j->grad_rows, row, begin, n, y_buffer);
            slopes(j, facts, x, y, n);
            cpu_put_row(&j->grad_rows, row, begin, n, y);
        }
    }
}

static bool is_extreme(ea_aggregate aggregate)
{
    return aggregate == EA_AGG_AMAX || aggregate == EA_AGG_AMIN;
}

/* Gradients where neighbours in memory are different rows. */
typedef struct column_slopes {
    const job *job;
    cpu_column_view x, grad_x;
} column_slopes;

/* The gradients of amax and amin: first how many of a column are the extreme one. */
static void give_extremes(const column_slopes *c, int64_t item)
{
    cpu_column_block from = cpu_column_block_at(&c->x, item, COLUMNS);
    cpu_column_block to = cpu_column_block_at(&c->grad_x, item, COLUMNS);
    const ref_row *facts = c->job->facts + from.output;
    float value[COLUMNS], share[COLUMNS];
    int32_t ties[COLUMNS] = { 0 };
    for (int64_t k = 0; k < from.columns; k++)
        value[k] = facts[k].value;
    for (int64_t i = 0; i < c->x.rows; i++)
        for (int64_t k = 0; k < from.columns; k++)
            ties[k] += ref_is_extreme(from.data[i * c->x.row_stride + k], value[k]);
    for (int64_t k = 0; k < from.columns; k++)
        share[k] = facts[k].grad / (float)ties[k];
    for (int64_t i = 0; i < c->x.rows; i++)
        for (int64_t k = 0; k < from.columns; k++) {
            bool extreme = ref_is_extreme(from.data[i * c->x.row_stride + k], value[k]);
            to.data[i * c->grad_x.row_stride + k] = extreme ? share[k] : 0;
        }
}

/* The gradient of prod, as product_slopes() of a row, for neighbouring columns: `before` has room
 * for COLUMNS products of each of their elements. */
static void give_products(const column_slopes *c, int64_t item, double *before)
{
    cpu_column_block from = cpu_column_block_at(&c->x, item, COLUMNS);
    cpu_column_block to = cpu_column_block_at(&c->grad_x, item, COLUMNS);
    const ref_row *facts = c->job->facts + from.output;
    double product[COLUMNS], grad[COLUMNS];
    for (int64_t k = 0; k < from.columns; k++) {
        product[k] = 1;
        grad[k] = (double)facts[k].grad;
    }
    for (int64_t i = 0; i < c->x.rows; i++)
        for (int64_t k = 0; k < from.columns; k++) {
            before[i * COLUMNS + k] = product[k];
            product[k] *= (double)from.data[i * c->x.row_stride + k];
        }
    for (int64_t k = 0; k < from.columns; k++)
        product[k] = 1;
    for (int64_t i = c->x.rows - 1; i >= 0; i--)
        for (int64_t k = 0; k < from.columns; k++) {
            double factor = (double)from.data[i * c->x.row_stride + k];
            to.data[i * c->grad_x.row_stride + k] =
                (float)(grad[k] * (before[i * COLUMNS + k] * product[k]));
            product[k] *= factor;
        }
}

/* Of var, norm and logsumexp: (x − shift)·factor, x·factor or e^(x − shift)·factor. */
static void give_slopes(const column_slopes *c, int64_t item)
{
    const job *j = c->job;
    ea_aggregate aggregate = j->call->aggregate;
    cpu_column_block from = cpu_column_block_at(&c->x, item, COLUMNS);
    cpu_column_block to = cpu_column_block_at(&c->grad_x, item, COLUMNS);
    float shift[COLUMNS], factor[COLUMNS];
    for (int64_t k = 0; k < from.columns; k++) {
        const ref_row *facts = &j->facts[from.output + k];
        shift[k] = aggregate == EA_AGG_VAR ? facts->mean : facts->value;
        factor[k] = aggregate == EA_AGG_LOGSUMEXP ? facts->grad
                    : aggregate == EA_AGG_VAR     ? facts->grad * (2 / facts->n)
                                                  : facts->grad / facts->value;
    }
    for (int64_t i = 0; i < c->x.rows; i++) {
        const float *x = from.data + i * c->x.row_stride;
        float *y = to.data + i * c->grad_x.row_stride;
        if (aggregate != EA_AGG_NORM) {
            j->kernels->sub(x, shift, y, from.columns);
            x = y;
        }
        if (aggregate == EA_AGG_LOGSUMEXP)
            j->kernels->math[MATH_EXP](y, y, from.columns);
        j->kernels->mul(x, factor, y, from.columns);
    }
}

static void give_columns(void *argument, int64_t first, int64_t last, int worker)
{
    const column_slopes *c = argument;
    const job *j = c->job;
    for (int64_t item = first; item < last; item++)
        if (is_extreme(j->call->aggregate))
            give_extremes(c, item);
        else if (j->call->aggregate == EA_AGG_PROD)
            give_products(c, item, j->scratch + worker * j->n * COLUMNS);
        else
            give_slopes(c, item);
}

/* False where the call is none of give_columns(); a row whose norm is 0 has a slope of its own. */
static bool takes_columns(const ref_aggregate_call *call, column_slopes *c)
{
    bool takes = call->aggregate == EA_AGG_VAR || call->aggregate == EA_AGG_LOGSUMEXP ||
                 (call->aggregate == EA_AGG_PROD && c->job->n <= CPU_BLOCK) ||
                 (is_extreme(call->aggregate) && c->job->n <= INT32_MAX);
    if (call->aggregate == EA_AGG_NORM && call->parameter == 2) {
        takes = true;
        for (int64_t i = 0; takes && i < c->job->outputs; i++)
            takes = c->job->facts[i].value != 0;
    }
    return takes && cpu_column_view_of(call->x, call->kept, &c->x) &&
           cpu_column_view_of(call->grad_x, call->kept, &c->grad_x);
}

ea_status cpu_aggregate_backward(ea_context *ctx, const ref_aggregate_call *call)
{
    job j = { .call = call };
    EA_TRY(prepare(ctx, call->x, call->kept, &j));
    if (j.outputs == 0 || j.n == 0)
        return EA_OK;
    j.grad_rows = cpu_rows_of(call->grad_x, call->kept);
    EA_TRY(allocate(ctx, sizeof(ref_row) * (size_t)j.outputs, (void **)&j.facts));
    column_slopes columns = { .job = &j };
    bool centred = call->aggregate == EA_AGG_VAR || call->aggregate == EA_AGG_STD;
    if (centred)
        EA_TRY(means(ctx, &j));
    for (int64_t i = 0; i < j.outputs; i++)
        j.facts[i] = (ref_row){ .grad = core_load(call->grad_out, core_offset(call->grad_out, i)),
                                .value = core_load(call->out, core_offset(call->out, i)),
                                .mean = centred ? j.about[i] : 0,
                                .n = ref_divisor(j.n, call->parameter) };
    bool by_columns = takes_columns(call, &columns);
    int64_t together = by_columns ? COLUMNS : 1;
    if (call->aggregate == EA_AGG_PROD)
        EA_TRY(allocate(ctx, sizeof(double) * (size_t)(j.n * together * ctx->threads),
                        (void **)&j.scratch));
    if (by_columns)
        core_parallel(ctx, cpu_column_blocks(&columns.x, COLUMNS), GRAIN / (COLUMNS * j.n) + 1,
                      give_columns, &columns);
    else
        core_parallel(ctx, j.outputs, rows_in_piece(&j), give_rows, &j);
    return EA_OK;
}
