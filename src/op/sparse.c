/* sparse.c: doors of sparse × dense. */
#include "cpu/sparse.h"
#include "op/op.h"

/* A matrix's elements: their lines and dense rows, counted through all batches. */
typedef struct elements {
    int64_t batch, rows, columns, nnz;
    int64_t *line, *other;
} elements;

static ea_status contiguous(ea_context *ctx, const char *name, const DLTensor *tensor,
                            unsigned types, ea_view *view)
{
    EA_TRY(core_view_of(ctx, "ea_sparse_mm", name, tensor, types, view));
    if (core_is_contiguous(view))
        return EA_OK;
    return core_fail(ctx, EA_ERR_ARGUMENT, "ea_sparse_mm: %s is not contiguous: give it so", name);
}

static ea_status outside(ea_context *ctx, int64_t k)
{
    return core_fail(ctx, EA_ERR_ARGUMENT, "ea_sparse_mm: the place of element %lld is outside",
                     (long long)k);
}

static ea_status read_coo(ea_context *ctx, const ea_view *indices, elements *e)
{
    const int64_t *at = indices->data;
    bool batched = indices->shape[0] == 3;
    for (int64_t k = 0; k < e->nnz; k++) {
        int64_t b = batched ? at[k] : 0, r = at[k + (batched ? e->nnz : 0)];
        int64_t c = at[k + (batched ? 2 : 1) * e->nnz];
        if (b < 0 || b >= e->batch || r < 0 || r >= e->rows || c < 0 || c >= e->columns)
            return outside(ctx, k);
        e->line[k] = b * e->rows + r;
        e->other[k] = b * e->columns + c;
    }
    return EA_OK;
}

static ea_status read_csr(ea_context *ctx, const int64_t *start, const int64_t *column, elements *e)
{
    if (start[0] != 0 || start[e->rows] != e->nnz)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_sparse_mm: row_start begins with %lld and ends with %lld: 0 and %lld",
                         (long long)start[0], (long long)start[e->rows], (long long)e->nnz);
    for (int64_t r = 0; r < e->rows; r++) {
        if (start[r + 1] < start[r] || start[r + 1] > e->nnz)
            return core_fail(ctx, EA_ERR_ARGUMENT, "ea_sparse_mm: row_start falls at row %lld",
                             (long long)r);
        for (int64_t k = start[r]; k < start[r + 1]; k++) {
            if (column[k] < 0 || column[k] >= e->columns)
                return outside(ctx, k);
            e->line[k] = r;
            e->other[k] = column[k];
        }
    }
    return EA_OK;
}

static ea_status make_room(ea_context *ctx, elements *e)
{
    size_t bytes = sizeof(int64_t) * (size_t)e->nnz;
    e->line = core_arena_alloc(ctx->arena, bytes);
    e->other = core_arena_alloc(ctx->arena, bytes);
    return e->line && e->other
               ? EA_OK
               : core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld elements", (long long)e->nnz);
}

static ea_status read_elements(ea_context *ctx, const ea_sparse *m, elements *e)
{
    ea_view start, places;
    unsigned int64 = CORE_BIT(CORE_I64);
    *e = (elements){ .batch = m->batch ? m->batch : 1, .rows = m->rows, .columns = m->columns };
    if (e->batch < 1 || e->rows < 0 || e->columns < 0 || !m->indices == !m->column)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_sparse_mm: give sizes, and either indices or row_start and column");
    if (m->indices) {
        EA_TRY(contiguous(ctx, "indices", m->indices, int64, &places));
        if (places.ndim != 2 || places.shape[0] < 2 || places.shape[0] > 3)
            return core_fail(ctx, EA_ERR_SHAPE, "ea_sparse_mm: give indices [2, nnz] or [3, nnz]");
        e->nnz = places.shape[1];
        EA_TRY(make_room(ctx, e));
        return read_coo(ctx, &places, e);
    }
    EA_TRY(contiguous(ctx, "row_start", m->row_start, int64, &start));
    EA_TRY(contiguous(ctx, "column", m->column, int64, &places));
    EA_TRY(op_expect_shape(ctx, "ea_sparse_mm", "row_start", &start, 1, &(int64_t){ e->rows + 1 }));
    if (places.ndim != 1 || e->batch != 1)
        return core_fail(ctx, EA_ERR_SHAPE, "ea_sparse_mm: give column [nnz], and one batch");
    e->nnz = places.shape[0];
    EA_TRY(make_room(ctx, e));
    return read_csr(ctx, start.data, places.data, e);
}

/* A dense factor or result: [size, n] or [batch, size, n]; n < 0: any, and set. */
static ea_status dense_view(ea_context *ctx, const elements *e, const char *name,
                            const DLTensor *tensor, int64_t size, int64_t *n, float **out)
{
    ea_view view;
    EA_TRY(contiguous(ctx, name, tensor, CORE_BIT(CORE_F32), &view));
    int64_t shape[3] = { e->batch, size, 0 };
    int skipped = view.ndim == 2 && e->batch == 1;
    if (*n < 0 && view.ndim > 0)
        *n = view.shape[view.ndim - 1];
    shape[2] = *n;
    EA_TRY(op_expect_shape(ctx, "ea_sparse_mm", name, &view, 3 - skipped, shape + skipped));
    *out = view.data;
    return EA_OK;
}

static ea_status values_view(ea_context *ctx, const elements *e, const char *name,
                             const DLTensor *tensor, float **out)
{
    ea_view view;
    EA_TRY(contiguous(ctx, name, tensor, CORE_BIT(CORE_F32), &view));
    EA_TRY(op_expect_shape(ctx, "ea_sparse_mm", name, &view, 1, &e->nnz));
    *out = view.data;
    return EA_OK;
}

static ea_status forward(ea_context *ctx, const ea_sparse *matrix, const DLTensor *values,
                         const DLTensor *dense, DLTensor *out)
{
    elements e;
    float *v, *d, *o;
    int64_t n = -1;
    ref_sparse_lines lines;
    EA_TRY(read_elements(ctx, matrix, &e));
    EA_TRY(values_view(ctx, &e, "values", values, &v));
    EA_TRY(dense_view(ctx, &e, "dense", dense, e.columns, &n, &d));
    EA_TRY(dense_view(ctx, &e, "out", out, e.rows, &n, &o));
    EA_TRY(ref_sparse_group(ctx, e.batch * e.rows, e.nnz, e.line, e.other, &lines));
    return OP_BACKEND(ctx, sparse_product)(ctx, &lines, v, d, n, o);
}

ea_status ea_sparse_mm(ea_context *ctx, const ea_sparse *matrix, const DLTensor *values,
                       const DLTensor *dense, DLTensor *out)
{
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, forward(ctx, matrix, values, dense, out));
}

static ea_status backward(ea_context *ctx, const ea_sparse *matrix, const DLTensor *grad_out,
                          const DLTensor *values, const DLTensor *dense, DLTensor *grad_values,
                          DLTensor *grad_dense)
{
    elements e;
    float *v, *d, *g, *gv, *gd;
    int64_t n = -1;
    EA_TRY(read_elements(ctx, matrix, &e));
    EA_TRY(values_view(ctx, &e, "values", values, &v));
    EA_TRY(dense_view(ctx, &e, "dense", dense, e.columns, &n, &d));
    EA_TRY(dense_view(ctx, &e, "grad_out", grad_out, e.rows, &n, &g));
    if (grad_values) {
        EA_TRY(values_view(ctx, &e, "grad_values", grad_values, &gv));
        EA_TRY(OP_BACKEND(ctx, sparse_dots)(ctx, e.nnz, e.line, e.other, g, d, n, gv));
    }
    if (!grad_dense)
        return EA_OK;
    ref_sparse_lines by_row, lines;
    EA_TRY(dense_view(ctx, &e, "grad_dense", grad_dense, e.columns, &n, &gd));
    EA_TRY(ref_sparse_group(ctx, e.batch * e.rows, e.nnz, e.line, e.other, &by_row));
    for (int64_t i = 0; i < by_row.count; i++) /* elements in ascending order of row … */
        for (int64_t k = by_row.begin[i]; k < by_row.begin[i + 1]; k++)
            e.line[k] = i;
    EA_TRY(ref_sparse_group(ctx, e.batch * e.columns, e.nnz, by_row.other, e.line, &lines));
    for (int64_t k = 0; k < e.nnz; k++) /* … whose numbers are places in by_row */
        lines.value[k] = by_row.value[lines.value[k]];
    return OP_BACKEND(ctx, sparse_product)(ctx, &lines, v, g, n, gd);
}

ea_status ea_sparse_mm_backward(ea_context *ctx, const ea_sparse *matrix, const DLTensor *grad_out,
                                const DLTensor *values, const DLTensor *dense,
                                DLTensor *grad_values, DLTensor *grad_dense)
{
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope,
                    backward(ctx, matrix, grad_out, values, dense, grad_values, grad_dense));
}
