/* embedding.c: doors of tables whose rows an index chooses. */
#include "cpu/index.h"
#include "op/index.h"
#include "op/op.h"

static ea_status run_gather(ea_context *ctx, const ref_indexed *i)
{
    OP_RUN(ctx, gather, i);
}

static ea_status run_scatter(ea_context *ctx, const ref_indexed *i, double alpha)
{
    OP_RUN(ctx, scatter, i, EA_SCATTER_SUM, alpha);
}

static ea_status run_embedding_bag(ea_context *ctx, const ref_bags *bags)
{
    OP_RUN(ctx, embedding_bag, bags);
}

/* The lines are columns of the table [rows, width]; `with` is [index's shape, width]. */
static ea_status table_lines(ea_context *ctx, const char *function, const ea_view *table,
                             const ea_view *index, const char *name, const ea_view *with,
                             ref_indexed *i)
{
    if (table->ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: weight has %d dimensions: give [rows, width]",
                         function, table->ndim);
    if (index->ndim + 1 > EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: index has %d dimensions: at most %d", function,
                         index->ndim, EA_MAX_DIMS - 1);
    ea_view expected = *index;
    expected.shape[expected.ndim++] = table->shape[1];
    EA_TRY(op_expect_shape(ctx, function, name, with, expected.ndim, expected.shape));
    EA_TRY(op_check_index(ctx, function, "index", index, 0, table->shape[0]));
    *i = (ref_indexed){ .lines = 1,
                        .at = core_move_dim(table, 1, 0),
                        .index = *index,
                        .with = core_move_dim(with, with->ndim - 1, 0) };
    i->index.ndim++;
    for (int d = index->ndim; d > 0; d--) {
        i->index.shape[d] = index->shape[d - 1];
        i->index.stride[d] = index->stride[d - 1];
    }
    i->index.shape[0] = table->shape[1];
    i->index.stride[0] = 0;
    return EA_OK;
}

ea_status ea_embedding(ea_context *ctx, const DLTensor *weight, const DLTensor *index,
                       DLTensor *out)
{
    const char *function = "ea_embedding";
    ea_view vw, vi, vo;
    ref_indexed i;
    EA_TRY(core_view_of(ctx, function, "weight", weight, CORE_FLOATS, &vw));
    EA_TRY(core_view_of(ctx, function, "index", index, CORE_INDICES, &vi));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vw.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "weight", &vw, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "index", &vi, &vo, false));
    EA_TRY(table_lines(ctx, function, &vw, &vi, "out", &vo, &i));
    return run_gather(ctx, &i);
}

/* Zeros in all elements, or in row `row` of them. */
static void clear(ea_context *ctx, const ea_view *view)
{
    float zero = 0;
    ea_view zeros = *view;
    zeros.data = &zero;
    zeros.dtype = CORE_F32;
    memset(zeros.stride, 0, sizeof zeros.stride);
    core_copy(ctx, &zeros, view);
}

static ea_status sum_rows(ea_context *ctx, const ref_indexed *i, int64_t padding,
                          const ea_view *table)
{
    clear(ctx, table);
    EA_TRY(run_scatter(ctx, i, 1));
    if (padding >= 0) {
        ea_view row = core_row(table, 1, padding);
        clear(ctx, &row);
    }
    return EA_OK;
}

ea_status ea_embedding_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *index,
                                int64_t padding_idx, DLTensor *grad_weight)
{
    const char *function = "ea_embedding_backward";
    ea_view vg, vi, vw;
    ref_indexed i;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_BIT(CORE_F32), &vg));
    EA_TRY(core_view_of(ctx, function, "index", index, CORE_INDICES, &vi));
    EA_TRY(op_view_of_out(ctx, function, "grad_weight", grad_weight, CORE_BIT(CORE_F32), &vw));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &vg, &vw, false));
    EA_TRY(op_no_overlap(ctx, function, "index", &vi, &vw, false));
    EA_TRY(table_lines(ctx, function, &vw, &vi, "grad_out", &vg, &i));
    if (padding_idx < -1 || padding_idx >= vw.shape[0])
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: padding_idx is %lld: give −1 to %lld", function,
                         (long long)padding_idx, (long long)vw.shape[0] - 1);
    core_fp saved = core_fp_enter();
    ea_status status = sum_rows(ctx, &i, padding_idx, &vw);
    core_fp_leave(saved);
    return status;
}

/* --- Bags ------------------------------------------------------------------------------------- */

/* Offsets ascend from 0 to at most the number of entries. */
static ea_status check_offsets(ea_context *ctx, const char *function, const ref_bags *b)
{
    int64_t before = 0;
    for (int64_t i = 0; i < b->offsets.shape[0]; i++) {
        int64_t offset = core_load_index(&b->offsets, core_offset(&b->offsets, i));
        if (offset < before || offset > b->index.shape[0] || (i == 0 && offset != 0))
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: offsets[%lld] is %lld: they ascend from 0 to at most %lld",
                             function, (long long)i, (long long)offset,
                             (long long)b->index.shape[0]);
        before = offset;
    }
    return EA_OK;
}

/* index, offsets and the weights of samples; `rows` is how many the table has. */
static ea_status read_bags(ea_context *ctx, const char *function, const DLTensor *index,
                           const DLTensor *offsets, const DLTensor *weights, int64_t rows,
                           ref_bags *b)
{
    EA_TRY(core_view_of(ctx, function, "index", index, CORE_INDICES, &b->index));
    EA_TRY(core_view_of(ctx, function, "offsets", offsets, CORE_INDICES, &b->offsets));
    if (b->index.ndim != 1 || b->offsets.ndim != 1)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: index has %d and offsets %d dimensions: give one each", function,
                         b->index.ndim, b->offsets.ndim);
    EA_TRY(op_check_index(ctx, function, "index", &b->index, 0, rows));
    EA_TRY(check_offsets(ctx, function, b));
    if ((unsigned)b->mode > EA_BAG_MAX || (weights && b->mode != EA_BAG_SUM))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: mode is %d%s: give 0 (sum), 1 (mean) or 2 (max)", function,
                         (int)b->mode, weights ? " with per_sample_weights, which need sum" : "");
    b->weighted = weights != NULL;
    if (!weights)
        return EA_OK;
    EA_TRY(core_view_of(ctx, function, "per_sample_weights", weights, CORE_FLOATS, &b->weights));
    return op_expect_shape(ctx, function, "per_sample_weights", &b->weights, 1, b->index.shape);
}

ea_status ea_embedding_bag(ea_context *ctx, const DLTensor *weight, const DLTensor *index,
                           const DLTensor *offsets, const DLTensor *per_sample_weights,
                           ea_bag_mode mode, int64_t padding_idx, DLTensor *out,
                           DLTensor *max_indices)
{
    const char *function = "ea_embedding_bag";
    ref_bags b = { .mode = mode, .padding = padding_idx, .wants_indices = max_indices != NULL };
    EA_TRY(core_view_of(ctx, function, "weight", weight, CORE_FLOATS, &b.weight));
    if (b.weight.ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: weight has %d dimensions: give [rows, width]",
                         function, b.weight.ndim);
    EA_TRY(read_bags(ctx, function, index, offsets, per_sample_weights, b.weight.shape[0], &b));
    int64_t shape[] = { b.offsets.shape[0], b.weight.shape[1] };
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &b.out));
    EA_TRY(op_expect_shape(ctx, function, "out", &b.out, 2, shape));
    EA_TRY(op_no_overlap(ctx, function, "weight", &b.weight, &b.out, false));
    if (max_indices) {
        unsigned type = CORE_BIT(CORE_I64);
        EA_TRY(op_view_of_out(ctx, function, "max_indices", max_indices, type, &b.max_indices));
        EA_TRY(op_expect_shape(ctx, function, "max_indices", &b.max_indices, 2, shape));
    }
    return core_numel(&b.out) == 0 ? EA_OK : run_embedding_bag(ctx, &b);
}

/* --- Backward of bags: rows of gradients, one for each entry that counts -------------------------
 */

typedef struct entries {
    int64_t count;
    int64_t *row, *bag; /* of the table; of grad_out */
    int64_t *entry;     /* its place in index */
    float *divisor;     /* how many entries its bag has; 1 unless the mode is MEAN */
    float *gradient;    /* [count, width] */
} entries;

static void *scratch(ea_context *ctx, int64_t count, size_t size)
{
    return core_arena_alloc(ctx->arena, (size_t)(count ? count : 1) * size);
}

static ea_status list_entries(ea_context *ctx, const ref_bags *b, int64_t width, entries *e)
{
    int64_t n = b->index.shape[0];
    *e = (entries){ .row = scratch(ctx, n, sizeof *e->row),
                    .bag = scratch(ctx, n, sizeof *e->bag),
                    .entry = scratch(ctx, n, sizeof *e->entry),
                    .divisor = scratch(ctx, n, sizeof *e->divisor),
                    .gradient = scratch(ctx, n * width, sizeof *e->gradient) };
    if (!e->row || !e->bag || !e->entry || !e->divisor || !e->gradient)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the gradients of %lld entries",
                         (long long)n);
    for (int64_t bag = 0; bag < b->offsets.shape[0]; bag++) {
        int64_t first, end, begin = e->count;
        ref_bag_range(b, bag, &first, &end);
        for (int64_t k = first; k < end; k++) {
            int64_t row = core_load_index(&b->index, core_offset(&b->index, k));
            if (row == b->padding)
                continue;
            e->row[e->count] = row;
            e->bag[e->count] = bag;
            e->entry[e->count++] = k;
        }
        for (int64_t k = begin; k < e->count; k++)
            e->divisor[k] = b->mode == EA_BAG_MEAN ? (float)(e->count - begin) : 1;
    }
    return EA_OK;
}

static ea_status run_binary(ea_context *ctx, ref_binary_kind kind, const ea_view *a,
                            const ea_view *b, const ea_view *out)
{
    OP_RUN(ctx, binary, kind, a, b, out);
}

static ea_status run_reduce(ea_context *ctx, const ea_view *x, const ea_view *out)
{
    OP_RUN(ctx, reduce, x, 1, false, out);
}

/* rows ← table[row[k], :] for each entry k. */
static ea_status take_rows(ea_context *ctx, const ea_view *table, int64_t *row, const ea_view *rows)
{
    ea_view index = core_view_make(row, CORE_I64, 1, rows->shape);
    ref_indexed i;
    EA_TRY(table_lines(ctx, "ea_embedding_bag_backward", table, &index, "rows", rows, &i));
    return run_gather(ctx, &i);
}

static ea_status backward_weight(ea_context *ctx, const ref_bags *b, const ea_view *grad,
                                 const entries *e, const ea_view *grad_weight)
{
    int64_t shape[] = { e->count, grad->shape[1] };
    ea_view rows = core_view_make(e->gradient, CORE_F32, 2, shape);
    EA_TRY(take_rows(ctx, grad, e->bag, &rows));
    ea_view factor = core_view_make(e->divisor, CORE_F32, 2, (int64_t[]){ e->count, 1 });
    for (int64_t k = 0; b->weighted && k < e->count; k++)
        e->divisor[k] = core_load(&b->weights, core_offset(&b->weights, e->entry[k]));
    op_expand(&factor, &rows);
    EA_TRY(run_binary(ctx, b->weighted ? REF_MUL : REF_DIV, &rows, &factor, &rows));
    ea_view index = core_view_make(e->row, CORE_I64, 1, shape);
    ref_indexed i;
    EA_TRY(table_lines(ctx, "ea_embedding_bag_backward", grad_weight, &index, "rows", &rows, &i));
    return sum_rows(ctx, &i, -1, grad_weight);
}

/* The Sum of gradient times weight over an entry's columns; 0 for one that is left out. */
static ea_status backward_samples(ea_context *ctx, const ref_bags *b, const ea_view *grad,
                                  const entries *e, const ea_view *grad_samples)
{
    int64_t shape[] = { e->count, grad->shape[1] };
    ea_view gradients = core_view_make(e->gradient, CORE_F32, 2, shape), rows = gradients;
    rows.data = scratch(ctx, core_numel(&rows), sizeof(float));
    ea_view sums = core_view_make(scratch(ctx, e->count, sizeof(float)), CORE_F32, 1, shape);
    if (!rows.data || !sums.data)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the gradients of %lld entries",
                         (long long)e->count);
    EA_TRY(take_rows(ctx, grad, e->bag, &gradients));
    EA_TRY(take_rows(ctx, &b->weight, e->row, &rows));
    EA_TRY(run_binary(ctx, REF_MUL, &gradients, &rows, &rows));
    EA_TRY(run_reduce(ctx, &rows, &sums));
    clear(ctx, grad_samples);
    for (int64_t k = 0; k < e->count; k++)
        core_store(grad_samples, core_offset(grad_samples, e->entry[k]), ((float *)sums.data)[k]);
    return EA_OK;
}

/* Each gradient goes to the row that was the largest of its column; an empty bag has none. */
static ea_status backward_max(ea_context *ctx, const ea_view *grad, const DLTensor *max_indices,
                              const ea_view *grad_weight)
{
    const char *function = "ea_embedding_bag_backward";
    ea_view index, gradients = *grad;
    EA_TRY(core_view_of(ctx, function, "max_indices", max_indices, CORE_BIT(CORE_I64), &index));
    EA_TRY(op_expect_shape(ctx, function, "max_indices", &index, 2, grad->shape));
    EA_TRY(op_check_index(ctx, function, "max_indices", &index, -1, grad_weight->shape[0]));
    int64_t n = core_numel(grad), *row = scratch(ctx, n, sizeof *row);
    float *value = scratch(ctx, n, sizeof *value);
    if (!row || !value)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld gradients", (long long)n);
    for (int64_t k = 0; k < n; k++) {
        row[k] = core_load_index(&index, core_offset(&index, k));
        value[k] = row[k] < 0 ? 0 : core_load(grad, core_offset(grad, k));
        row[k] = row[k] < 0 ? 0 : row[k];
    }
    index = core_view_make(row, CORE_I64, 2, grad->shape);
    gradients = core_view_make(value, CORE_F32, 2, grad->shape);
    ref_indexed i = { .lines = 1,
                      .at = core_move_dim(grad_weight, 1, 0),
                      .index = core_move_dim(&index, 1, 0),
                      .with = core_move_dim(&gradients, 1, 0) };
    return sum_rows(ctx, &i, -1, grad_weight);
}

static ea_status bag_backward(ea_context *ctx, ref_bags *b, const ea_view *grad,
                              const DLTensor *max_indices, const ea_view *grad_weight,
                              const ea_view *grad_samples)
{
    entries e;
    if (b->mode == EA_BAG_MAX)
        return grad_weight ? backward_max(ctx, grad, max_indices, grad_weight) : EA_OK;
    EA_TRY(list_entries(ctx, b, grad->shape[1], &e));
    if (grad_weight)
        EA_TRY(backward_weight(ctx, b, grad, &e, grad_weight));
    return grad_samples ? backward_samples(ctx, b, grad, &e, grad_samples) : EA_OK;
}

ea_status ea_embedding_bag_backward(ea_context *ctx, const DLTensor *grad_out,
                                    const DLTensor *weight, const DLTensor *index,
                                    const DLTensor *offsets, const DLTensor *per_sample_weights,
                                    ea_bag_mode mode, int64_t padding_idx,
                                    const DLTensor *max_indices, DLTensor *grad_weight,
                                    DLTensor *grad_per_sample_weights)
{
    const char *function = "ea_embedding_bag_backward";
    unsigned type = CORE_BIT(CORE_F32);
    ref_bags b = { .mode = mode, .padding = padding_idx };
    ea_view grad, table, samples;
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, type, &grad));
    EA_TRY(core_view_of(ctx, function, "weight", weight, type, &b.weight));
    if (b.weight.ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: weight has %d dimensions: give [rows, width]",
                         function, b.weight.ndim);
    EA_TRY(read_bags(ctx, function, index, offsets, per_sample_weights, b.weight.shape[0], &b));
    int64_t shape[] = { b.offsets.shape[0], b.weight.shape[1] };
    EA_TRY(op_expect_shape(ctx, function, "grad_out", &grad, 2, shape));
    if (grad_weight) {
        EA_TRY(op_view_of_out(ctx, function, "grad_weight", grad_weight, type, &table));
        EA_TRY(op_expect_shape(ctx, function, "grad_weight", &table, 2, b.weight.shape));
    }
    if (grad_per_sample_weights) {
        const char *name = "grad_per_sample_weights";
        EA_TRY(op_view_of_out(ctx, function, name, grad_per_sample_weights, type, &samples));
        EA_TRY(op_expect_shape(ctx, function, name, &samples, 1, b.index.shape));
    }
    core_mark mark = core_arena_mark(ctx->arena);
    core_fp saved = core_fp_enter();
    ea_status status = bag_backward(ctx, &b, &grad, max_indices, grad_weight ? &table : NULL,
                                    grad_per_sample_weights ? &samples : NULL);
    core_fp_leave(saved);
    core_arena_release(ctx->arena, mark);
    return status;
}

/* --- One hot ---------------------------------------------------------------------------------- */

ea_status ea_one_hot(ea_context *ctx, const DLTensor *index, DLTensor *out)
{
    const char *function = "ea_one_hot";
    ea_view vi, vo;
    EA_TRY(core_view_of(ctx, function, "index", index, CORE_INDICES, &vi));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(CORE_I64), &vo));
    EA_TRY(op_no_overlap(ctx, function, "index", &vi, &vo, false));
    if (vi.ndim == EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: index has %d dimensions: at most %d", function,
                         vi.ndim, EA_MAX_DIMS - 1);
    ea_view expected = vi;
    expected.ndim = vi.ndim + 1;
    int64_t classes = vo.ndim ? vo.shape[vo.ndim - 1] : 0, zero = 0, one = 1;
    expected.shape[expected.ndim - 1] = classes;
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, expected.ndim, expected.shape));
    EA_TRY(op_check_index(ctx, function, "index", &vi, 0, classes));
    ea_view zeros = core_view_make(&zero, CORE_I64, 0, NULL), ones = zeros;
    ones.data = &one;
    op_expand(&zeros, &vo);
    core_copy(ctx, &zeros, &vo);
    ref_indexed i = { .lines = vi.ndim, .at = vo, .index = vi };
    i.index.shape[i.index.ndim] = i.index.stride[i.index.ndim] = 1;
    i.index.ndim++;
    op_expand(&ones, &i.index);
    i.with = ones;
    return run_scatter(ctx, &i, 1);
}
