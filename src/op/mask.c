/* mask.c: doors of choosing by a mask. */
#include "cpu/mask.h"
#include "cpu/index.h"
#include "eadem/op/mask.h"
#include "op/op.h"
#include "ref/mask.h"

static ea_status run_where(ea_context *ctx, const ea_view *mask, const ea_view *a, const ea_view *b,
                           const ea_view *out)
{
    OP_RUN(ctx, where, mask, a, b, out);
}

static ea_status run_gather(ea_context *ctx, const ref_indexed *i)
{
    OP_RUN(ctx, gather, i);
}

static ea_status run_scatter(ea_context *ctx, const ref_indexed *i)
{
    OP_RUN(ctx, scatter, i, EA_SCATTER_COPY, 1);
}

ea_status ea_where(ea_context *ctx, const DLTensor *mask, const DLTensor *a, const DLTensor *b,
                   DLTensor *out)
{
    const char *function = "ea_where";
    ea_view vm, va, vb, vo, both, full;
    EA_TRY(core_view_of(ctx, function, "mask", mask, CORE_MASKS, &vm));
    EA_TRY(core_view_of(ctx, function, "a", a, CORE_ANY, &va));
    EA_TRY(core_view_of(ctx, function, "b", b, CORE_BIT(va.dtype), &vb));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(va.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "mask", &vm, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "a", &va, &vo, true));
    EA_TRY(op_no_overlap(ctx, function, "b", &vb, &vo, true));
    EA_TRY(op_broadcast_shape(ctx, function, &va, &vb, &both));
    EA_TRY(op_broadcast_shape(ctx, function, &both, &vm, &full));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, full.ndim, full.shape));
    op_expand(&vm, &full);
    op_expand(&va, &full);
    op_expand(&vb, &full);
    return run_where(ctx, &vm, &va, &vb, &vo);
}

/* --- Places of what is true ------------------------------------------------------------------- */

/* The mask's bytes where they lie in row-major order, else NULL. */
static const uint8_t *bytes_of(const ea_view *mask)
{
    return core_is_contiguous(mask) ? mask->data : NULL;
}

static int64_t count_true(const ea_view *mask)
{
    const uint8_t *bytes = bytes_of(mask);
    int64_t n = core_numel(mask), count = 0;
    if (bytes)
        for (int64_t i = 0; i < n; i++)
            count += bytes[i] != 0;
    else
        for (int64_t i = 0; i < n; i++)
            count += core_load_index(mask, core_offset(mask, i)) != 0;
    return count;
}

/* Where the mask is true, in row-major order. `places` has room for one more, which is written. */
static void list_true(const ea_view *mask, int64_t *places)
{
    const uint8_t *bytes = bytes_of(mask);
    int64_t n = core_numel(mask), found = 0;
    for (int64_t k = 0; k < n; k++) { /* without a branch, which random masks would mislead */
        places[found] = k;
        found += bytes ? bytes[k] != 0 : core_load_index(mask, core_offset(mask, k)) != 0;
    }
}

ea_status ea_count_nonzero(ea_context *ctx, const DLTensor *mask, int64_t *count)
{
    ea_view vm;
    EA_TRY(core_view_of(ctx, "ea_count_nonzero", "mask", mask, CORE_MASKS, &vm));
    *count = count_true(&vm);
    return EA_OK;
}

ea_status ea_nonzero(ea_context *ctx, const DLTensor *mask, DLTensor *out)
{
    const char *function = "ea_nonzero";
    ea_view vm, vo;
    EA_TRY(core_view_of(ctx, function, "mask", mask, CORE_MASKS, &vm));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(CORE_I64), &vo));
    EA_TRY(op_no_overlap(ctx, function, "mask", &vm, &vo, false));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, 2, (int64_t[]){ count_true(&vm), vm.ndim }));
    for (int64_t i = 0, found = 0; i < core_numel(&vm); i++) {
        if (!core_load_index(&vm, core_offset(&vm, i)))
            continue;
        int64_t rest = i;
        for (int d = vm.ndim - 1; d >= 0; d--) {
            core_store_index(&vo, found * vo.stride[0] + d * vo.stride[1], rest % vm.shape[d]);
            rest /= vm.shape[d];
        }
        found++;
    }
    return EA_OK;
}

/* One line over all of x (of the mask's shape) at the mask's true places; `with` is
 * one-dimensional. */
static ea_status true_places(ea_context *ctx, const ea_view *mask, const ea_view *x,
                             const ea_view *with, ref_indexed *i)
{
    int64_t count = count_true(mask);
    int64_t *places = core_arena_alloc(ctx->arena, sizeof *places * (size_t)(count + 1));
    if (!places)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld places", (long long)count);
    list_true(mask, places);
    ea_view index = core_view_make(places, CORE_I64, 1, &count);
    *i = (ref_indexed){ .at = *x, .index = index, .with = *with };
    return EA_OK;
}

static ea_status masked_select(ea_context *ctx, const DLTensor *x, const DLTensor *mask,
                               DLTensor *out)
{
    const char *function = "ea_masked_select";
    ea_view vx, vm, vo, full;
    ref_indexed i;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(core_view_of(ctx, function, "mask", mask, CORE_MASKS, &vm));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "mask", &vm, &vo, false));
    EA_TRY(op_broadcast_shape(ctx, function, &vx, &vm, &full));
    op_expand(&vx, &full);
    op_expand(&vm, &full);
    EA_TRY(true_places(ctx, &vm, &vx, &vo, &i));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, 1, i.index.shape));
    return run_gather(ctx, &i);
}

ea_status ea_masked_select(ea_context *ctx, const DLTensor *x, const DLTensor *mask, DLTensor *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = masked_select(ctx, x, mask, out);
    core_arena_release(ctx->arena, mark);
    return status;
}

/* The first `count` elements of src as one line: contiguous, by a copy where memory is not. */
static ea_status first_elements(ea_context *ctx, const ea_view *src, int64_t count, ea_view *line)
{
    ea_view whole = *src;
    if (!core_is_contiguous(src)) {
        size_t bytes = (size_t)core_numel(src) * core_dtype_size(src->dtype);
        void *memory = core_arena_alloc(ctx->arena, bytes);
        if (!memory)
            return core_fail(ctx, EA_ERR_MEMORY, "no memory for a copy of %zu bytes", bytes);
        whole = core_view_make(memory, src->dtype, src->ndim, src->shape);
        core_copy(ctx, src, &whole);
    }
    *line = core_view_make(whole.data, whole.dtype, 1, &count);
    return EA_OK;
}

static ea_status masked_scatter(ea_context *ctx, const DLTensor *x, const DLTensor *mask,
                                const DLTensor *src, DLTensor *out)
{
    const char *function = "ea_masked_scatter";
    ea_view vx, vm, vs, vo, full, line;
    ref_indexed i;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(core_view_of(ctx, function, "mask", mask, CORE_MASKS, &vm));
    EA_TRY(core_view_of(ctx, function, "src", src, CORE_BIT(vx.dtype), &vs));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, true));
    EA_TRY(op_no_overlap(ctx, function, "mask", &vm, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "src", &vs, &vo, false));
    EA_TRY(op_broadcast_shape(ctx, function, &vx, &vm, &full));
    EA_TRY(op_expect_shape(ctx, function, "x", &vx, full.ndim, full.shape));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, full.ndim, full.shape));
    op_expand(&vm, &full);
    EA_TRY(true_places(ctx, &vm, &vo, &vo, &i));
    if (core_numel(&vs) < i.index.shape[0])
        return core_fail(ctx, EA_ERR_SHAPE, "%s: src has %lld elements for %lld places", function,
                         (long long)core_numel(&vs), (long long)i.index.shape[0]);
    EA_TRY(first_elements(ctx, &vs, i.index.shape[0], &line));
    i.with = line;
    if (vx.data != vo.data)
        core_copy(ctx, &vx, &vo);
    return run_scatter(ctx, &i);
}

ea_status ea_masked_scatter(ea_context *ctx, const DLTensor *x, const DLTensor *mask,
                            const DLTensor *src, DLTensor *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = masked_scatter(ctx, x, mask, src, out);
    core_arena_release(ctx->arena, mark);
    return status;
}

/* --- Triangles -------------------------------------------------------------------------------- */

/* Columns begin … end − 1 of a row: x's, or zeros when x is NULL. */
static void copy_columns(ea_context *ctx, const ea_view *x, const ea_view *out, int64_t begin,
                         int64_t end)
{
    static const char zeros[8];
    ea_view to = *out, from = x ? *x : *out;
    int64_t size = (int64_t)core_dtype_size(out->dtype);
    if (to.stride[0] == 1 && from.stride[0] == 1) {
        char *place = (char *)to.data + begin * size;
        size_t bytes = (size_t)((end - begin) * size);
        if (x)
            memcpy(place, (const char *)from.data + begin * size, bytes);
        else
            memset(place, 0, bytes);
        return;
    }
    to.shape[0] = from.shape[0] = end - begin;
    to.data = (char *)out->data + begin * out->stride[0] * size;
    from.data = x ? (char *)x->data + begin * x->stride[0] * size : (char *)zeros;
    from.stride[0] = x ? x->stride[0] : 0;
    if (end > begin)
        core_copy(ctx, &from, &to);
}

static ea_status triangle(ea_context *ctx, const char *function, const DLTensor *x,
                          int64_t diagonal, bool upper, DLTensor *out)
{
    ea_view vx, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vx.ndim, vx.shape));
    if (vx.ndim < 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has %d dimensions: give at least two", function,
                         vx.ndim);
    int64_t columns = vx.shape[vx.ndim - 1], rows = vx.shape[vx.ndim - 2];
    for (int64_t row = 0; row < core_numel(&vx) / (columns ? columns : 1); row++) {
        ea_view from = core_row(&vx, vx.ndim - 1, row), to = core_row(&vo, vx.ndim - 1, row);
        int64_t edge = row % rows + (upper ? 0 : 1); /* columns before it lie below */
        edge = diagonal > columns - edge ? columns : edge + diagonal < 0 ? 0 : edge + diagonal;
        copy_columns(ctx, upper ? NULL : &from, &to, 0, edge);
        copy_columns(ctx, upper ? &from : NULL, &to, edge, columns);
    }
    return EA_OK;
}

ea_status ea_tril(ea_context *ctx, const DLTensor *x, int64_t diagonal, DLTensor *out)
{
    return triangle(ctx, "ea_tril", x, diagonal, false, out);
}

ea_status ea_triu(ea_context *ctx, const DLTensor *x, int64_t diagonal, DLTensor *out)
{
    return triangle(ctx, "ea_triu", x, diagonal, true, out);
}
