/* arrange.c: doors of bringing elements into another order: copies between views. */
#include "eadem/op/arrange.h"
#include "cpu/index.h"
#include "op/index.h"
#include "op/op.h"

static ea_status run_gather(ea_context *ctx, const ref_indexed *i)
{
    OP_RUN(ctx, gather, i);
}

/* Places `from` … `from` + n − 1 of dimension dim. */
static ea_view narrow(const ea_view *view, int dim, int64_t from, int64_t n)
{
    ea_view part = *view;
    part.data =
        (char *)view->data + from * view->stride[dim] * (int64_t)core_dtype_size(view->dtype);
    part.shape[dim] = n;
    return part;
}

static ea_status check_count(ea_context *ctx, const char *function, const void *tensors, int count)
{
    if (count < 1 || !tensors)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: count is %d: give at least one tensor",
                         function, count);
    return EA_OK;
}

/* Copies between `whole` and its pieces along dim, which lie one after another. */
static ea_status copy_piece(ea_context *ctx, const char *function, const char *name,
                            const ea_view *whole, int dim, int64_t *at, const ea_view *piece,
                            bool to_whole)
{
    int64_t size = piece->ndim == whole->ndim ? piece->shape[dim] : 0;
    ea_view expected = *whole;
    expected.shape[dim] = size;
    EA_TRY(op_expect_shape(ctx, function, name, piece, expected.ndim, expected.shape));
    if (*at + size > whole->shape[dim])
        return core_fail(ctx, EA_ERR_SHAPE, "%s: the pieces have more than %lld places in dim %d",
                         function, (long long)whole->shape[dim], dim);
    ea_view part = narrow(whole, dim, *at, size);
    core_copy(ctx, to_whole ? piece : &part, to_whole ? &part : piece);
    *at += size;
    return EA_OK;
}

static ea_status whole_is_full(ea_context *ctx, const char *function, const ea_view *whole, int dim,
                               int64_t at)
{
    if (at == whole->shape[dim])
        return EA_OK;
    return core_fail(ctx, EA_ERR_SHAPE, "%s: the pieces have %lld places in dim %d, the whole %lld",
                     function, (long long)at, dim, (long long)whole->shape[dim]);
}

ea_status ea_cat(ea_context *ctx, const DLTensor *const *tensors, int count, int dim, DLTensor *out)
{
    const char *function = "ea_cat";
    ea_view vo, piece;
    int64_t at = 0;
    EA_TRY(check_count(ctx, function, tensors, count));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_ANY, &vo));
    EA_TRY(op_dim(ctx, function, vo.ndim, &dim));
    op_one_dimension(&vo);
    for (int i = 0; i < count; i++) {
        EA_TRY(core_view_of(ctx, function, "a tensor", tensors[i], CORE_BIT(vo.dtype), &piece));
        EA_TRY(op_no_overlap(ctx, function, "a tensor", &piece, &vo, false));
        EA_TRY(copy_piece(ctx, function, "a tensor", &vo, dim, &at, &piece, true));
    }
    return whole_is_full(ctx, function, &vo, dim, at);
}

ea_status ea_split(ea_context *ctx, const DLTensor *x, int dim, DLTensor *const *outs, int count)
{
    const char *function = "ea_split";
    ea_view vx, piece;
    int64_t at = 0;
    EA_TRY(check_count(ctx, function, outs, count));
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
    op_one_dimension(&vx);
    for (int i = 0; i < count; i++) {
        EA_TRY(op_view_of_out(ctx, function, "a piece", outs[i], CORE_BIT(vx.dtype), &piece));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &piece, false));
        EA_TRY(copy_piece(ctx, function, "a piece", &vx, dim, &at, &piece, false));
    }
    return whole_is_full(ctx, function, &vx, dim, at);
}

ea_status ea_stack(ea_context *ctx, const DLTensor *const *tensors, int count, int dim,
                   DLTensor *out)
{
    const char *function = "ea_stack";
    ea_view vo, piece;
    EA_TRY(check_count(ctx, function, tensors, count));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_ANY, &vo));
    EA_TRY(op_dim(ctx, function, vo.ndim, &dim));
    if (vo.ndim == 0 || vo.shape[dim] != count)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: out has no dimension %d of size %d", function, dim,
                         count);
    for (int i = 0; i < count; i++) {
        EA_TRY(core_view_of(ctx, function, "a tensor", tensors[i], CORE_BIT(vo.dtype), &piece));
        EA_TRY(op_no_overlap(ctx, function, "a tensor", &piece, &vo, false));
        ea_view part = narrow(&vo, dim, i, 1);
        part = core_move_dim(&part, dim, part.ndim - 1);
        part.ndim--;
        EA_TRY(op_expect_shape(ctx, function, "a tensor", &piece, part.ndim, part.shape));
        core_copy(ctx, &piece, &part);
    }
    return EA_OK;
}

/* Reads x and an out of the same shape and type, and checks dims. */
static ea_status read_pair(ea_context *ctx, const char *function, const DLTensor *x, DLTensor *out,
                           ea_view *vx, ea_view *vo)
{
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx->dtype), vo));
    EA_TRY(op_no_overlap(ctx, function, "x", vx, vo, false));
    EA_TRY(op_expect_shape(ctx, function, "out", vo, vx->ndim, vx->shape));
    op_one_dimension(vx);
    op_one_dimension(vo);
    return EA_OK;
}

/* Copies with the dimensions from `dim` on turned: each cuts its target in two. */
static void copy_turned(ea_context *ctx, const ea_view *x, const ea_view *out, const int64_t *turn,
                        int dim)
{
    while (dim < x->ndim && turn[dim] == 0)
        dim++;
    if (dim == x->ndim) {
        core_copy(ctx, x, out);
        return;
    }
    int64_t n = x->shape[dim], k = turn[dim];
    ea_view low = narrow(x, dim, 0, n - k), high = narrow(x, dim, n - k, k);
    ea_view to_end = narrow(out, dim, k, n - k), to_begin = narrow(out, dim, 0, k);
    copy_turned(ctx, &low, &to_end, turn, dim + 1);
    copy_turned(ctx, &high, &to_begin, turn, dim + 1);
}

ea_status ea_roll(ea_context *ctx, const DLTensor *x, const int64_t *shifts, const int *dims,
                  int count, DLTensor *out)
{
    const char *function = "ea_roll";
    ea_view vx, vo;
    int64_t turn[EA_MAX_DIMS] = { 0 };
    EA_TRY(read_pair(ctx, function, x, out, &vx, &vo));
    for (int i = 0; i < count; i++) {
        int dim = dims[i];
        EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
        int64_t n = vx.shape[dim] ? vx.shape[dim] : 1;
        turn[dim] = ((turn[dim] + shifts[i] % n) % n + n) % n;
    }
    if (core_numel(&vx) > 0)
        copy_turned(ctx, &vx, &vo, turn, 0);
    return EA_OK;
}

ea_status ea_flip(ea_context *ctx, const DLTensor *x, const int *dims, int count, DLTensor *out)
{
    const char *function = "ea_flip";
    ea_view vx, vo;
    bool seen[EA_MAX_DIMS] = { false };
    EA_TRY(read_pair(ctx, function, x, out, &vx, &vo));
    for (int i = 0; i < count; i++) {
        int dim = dims[i];
        EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
        if (seen[dim])
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dimension %d is named twice", function,
                             dim);
        seen[dim] = true;
        vx = narrow(&vx, dim, vx.shape[dim] - 1, vx.shape[dim]);
        vx.stride[dim] = -vx.stride[dim];
    }
    core_copy(ctx, &vx, &vo);
    return EA_OK;
}

/* index[…] = k, repeats[k] times. */
static ea_status repeated_index(ea_context *ctx, const char *function, const ea_view *repeats,
                                int64_t size, ea_view *index)
{
    int64_t total = 0;
    for (int64_t k = 0; k < size; k++) {
        int64_t n = core_load_index(repeats, core_offset(repeats, k));
        if (n < 0 || __builtin_add_overflow(total, n, &total))
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: repeats[%lld] is %lld", function,
                             (long long)k, (long long)n);
    }
    if (index->shape[0] != total)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: out has %lld places: expected %lld", function,
                         (long long)index->shape[0], (long long)total);
    int64_t *places = core_arena_alloc(ctx->arena, sizeof *places * (size_t)(total + 1));
    if (!places)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld places", (long long)total);
    for (int64_t k = 0, at = 0; k < size; k++)
        for (int64_t n = core_load_index(repeats, core_offset(repeats, k)); n > 0; n--)
            places[at++] = k;
    *index = core_view_make(places, CORE_I64, 1, &total);
    return EA_OK;
}

static ea_status repeat(ea_context *ctx, const DLTensor *x, const DLTensor *repeats, int dim,
                        DLTensor *out)
{
    const char *function = "ea_repeat_interleave";
    ea_view vx, vr, vo;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(core_view_of(ctx, function, "repeats", repeats, CORE_INDICES, &vr));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    op_one_dimension(&vx);
    op_one_dimension(&vo);
    EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
    ea_view line = { .ndim = 1, .shape = { vx.shape[dim] } }, expected = vx;
    if (vr.ndim == 0 || (vr.ndim == 1 && vr.shape[0] == 1))
        op_expand(&vr, &line);
    EA_TRY(op_expect_shape(ctx, function, "repeats", &vr, 1, line.shape));
    expected.shape[dim] = vo.ndim == vx.ndim ? vo.shape[dim] : 0;
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vx.ndim, expected.shape));
    ea_view index = { .shape = { expected.shape[dim] } };
    EA_TRY(repeated_index(ctx, function, &vr, vx.shape[dim], &index));
    ea_view wide = vo;
    wide.data = index.data;
    wide.dtype = CORE_I64;
    for (int d = 0; d < wide.ndim; d++)
        wide.stride[d] = d == dim;
    int last = vx.ndim - 1;
    ref_indexed i = { .lines = last,
                      .at = core_move_dim(&vx, dim, last),
                      .index = core_move_dim(&wide, dim, last),
                      .with = core_move_dim(&vo, dim, last) };
    return run_gather(ctx, &i);
}

ea_status ea_repeat_interleave(ea_context *ctx, const DLTensor *x, const DLTensor *repeats, int dim,
                               DLTensor *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = repeat(ctx, x, repeats, dim, out);
    core_arena_release(ctx->arena, mark);
    return status;
}
