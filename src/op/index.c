/* index.c: doors of reading and writing where an index says. Each turns its tensors into lines
 * (ref/index.h). */
#include "cpu/index.h"
#include "op/index.h"
#include "op/op.h"
#include "ref/index.h"

static ea_status run_gather(ea_context *ctx, const ref_indexed *i)
{
    OP_RUN(ctx, gather, i);
}

static ea_status run_scatter(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind,
                             double alpha)
{
    OP_RUN(ctx, scatter, i, kind, alpha);
}

/* --- Checks ----------------------------------------------------------------------------------- */

/* The quick answer for the common layout. */
static bool all_inside(const ea_view *index, int64_t n, int64_t low, int64_t size)
{
    if (index->dtype != CORE_I64 || !core_is_contiguous(index))
        return false;
    const int64_t *x = index->data;
    int64_t outside = 0; /* negative when one is */
    uint64_t last = (uint64_t)size - 1;
    for (int64_t i = 0; low == 0 && i < n; i++)
        outside |= x[i] | (int64_t)(last - (uint64_t)x[i]);
    for (int64_t i = 0; low != 0 && i < n; i++)
        outside |= -((x[i] < low) | (x[i] >= size));
    return outside >= 0;
}

ea_status op_check_index(ea_context *ctx, const char *function, const char *name,
                         const ea_view *index, int64_t low, int64_t size)
{
    int64_t n = core_numel(index);
    if (all_inside(index, n, low, size))
        return EA_OK;
    for (int64_t i = 0; i < n; i++) {
        int64_t value = core_load_index(index, core_offset(index, i));
        if (value < low || value >= size)
            return core_fail(
                ctx, EA_ERR_ARGUMENT, "%s: element %lld of %s is %lld: give %lld to %lld", function,
                (long long)i, name, (long long)value, (long long)low, (long long)size - 1);
    }
    return EA_OK;
}

ea_status op_dim(ea_context *ctx, const char *function, int ndim, int *dim)
{
    int n = ndim ? ndim : 1;
    if (*dim < -n || *dim >= n)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: dim is %d: give %d to %d", function, *dim, -n,
                         n - 1);
    *dim += *dim < 0 ? n : 0;
    return EA_OK;
}

void op_one_dimension(ea_view *view)
{
    if (view->ndim == 0) {
        view->ndim = 1;
        view->shape[0] = view->stride[0] = 1;
    }
}

/* Error unless the sizes of `small` are at most those of `large`, dimension `skip` aside. */
static ea_status expect_within(ea_context *ctx, const char *function, const char *small_name,
                               const ea_view *small, const char *name, const ea_view *large,
                               int skip)
{
    bool fits = small->ndim == large->ndim;
    for (int d = 0; fits && d < small->ndim; d++)
        fits = d == skip || small->shape[d] <= large->shape[d];
    if (fits)
        return EA_OK;
    char a[128], b[128];
    return core_fail(ctx, EA_ERR_SHAPE, "%s: %s has shape %s, which is not within %s's %s",
                     function, small_name, core_shape_text(small, a), name,
                     core_shape_text(large, b));
}

/* The lines along `dim`: `at` cut to the index's sizes elsewhere, `with` to all of them. */
static ref_indexed along(const ea_view *at, const ea_view *index, const ea_view *with, int dim)
{
    int last = at->ndim - 1;
    ref_indexed i = { .lines = last,
                      .at = core_move_dim(at, dim, last),
                      .index = core_move_dim(index, dim, last),
                      .with = core_move_dim(with, dim, last) };
    for (int d = 0; d <= last; d++) {
        i.with.shape[d] = i.index.shape[d];
        if (d < last)
            i.at.shape[d] = i.index.shape[d];
    }
    return i;
}

/* A one-dimensional index as one of `like`'s dimensions that has its size along `dim`. */
static ea_view stretched(const ea_view *index, const ea_view *like, int dim)
{
    ea_view wide = *like;
    wide.data = index->data;
    wide.dtype = index->dtype;
    for (int d = 0; d < wide.ndim; d++)
        wide.stride[d] = d == dim ? index->stride[0] : 0;
    wide.shape[dim] = index->shape[0];
    return wide;
}

/* --- Gather ----------------------------------------------------------------------------------- */

/* Reads x, an index and out, which share no memory; x and out have one type. */
static ea_status read_three(ea_context *ctx, const char *function, const DLTensor *x,
                            const DLTensor *index, DLTensor *out, ea_view *vx, ea_view *vi,
                            ea_view *vo)
{
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, vx));
    EA_TRY(core_view_of(ctx, function, "index", index, CORE_INDICES, vi));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx->dtype), vo));
    EA_TRY(op_no_overlap(ctx, function, "x", vx, vo, false));
    return op_no_overlap(ctx, function, "index", vi, vo, false);
}

ea_status ea_gather(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                    DLTensor *out)
{
    const char *function = "ea_gather";
    ea_view vx, vi, vo;
    EA_TRY(read_three(ctx, function, x, index, out, &vx, &vi, &vo));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vi.ndim, vi.shape));
    op_one_dimension(&vx);
    op_one_dimension(&vi);
    op_one_dimension(&vo);
    EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
    EA_TRY(expect_within(ctx, function, "index", &vi, "x", &vx, dim));
    EA_TRY(op_check_index(ctx, function, "index", &vi, 0, vx.shape[dim]));
    ref_indexed i = along(&vx, &vi, &vo, dim);
    return run_gather(ctx, &i);
}

ea_status ea_index_select(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                          DLTensor *out)
{
    const char *function = "ea_index_select";
    ea_view vx, vi, vo;
    EA_TRY(read_three(ctx, function, x, index, out, &vx, &vi, &vo));
    op_one_dimension(&vx);
    op_one_dimension(&vi);
    op_one_dimension(&vo);
    EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
    if (vi.ndim != 1)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: index has %d dimensions: give one", function,
                         vi.ndim);
    ea_view expected = vx;
    expected.shape[dim] = vi.shape[0];
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vx.ndim, expected.shape));
    EA_TRY(op_check_index(ctx, function, "index", &vi, 0, vx.shape[dim]));
    ea_view wide = stretched(&vi, &vo, dim);
    ref_indexed i = along(&vx, &wide, &vo, dim);
    return run_gather(ctx, &i);
}

/* --- Scatter ---------------------------------------------------------------------------------- */

/* A kind that this type can do. */
static ea_status check_kind(ea_context *ctx, const char *function, ea_scatter_kind kind,
                            core_dtype dtype)
{
    if ((unsigned)kind > EA_SCATTER_AMIN)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: kind %d is none", function, (int)kind);
    bool is_float = CORE_FLOATS & CORE_BIT(dtype);
    bool is_integer = (CORE_INDICES | CORE_BIT(CORE_U8)) & CORE_BIT(dtype);
    if (kind == EA_SCATTER_COPY || is_float || (is_integer && kind != EA_SCATTER_MEAN))
        return EA_OK;
    return core_fail(ctx, EA_ERR_DTYPE, "%s: x has type %s: this kind takes floats%s", function,
                     core_dtype_name(dtype), kind == EA_SCATTER_MEAN ? "" : " and integers");
}

/* `view` with its memory replaced by new float32 memory, contiguous; with the elements when `fill`.
 */
static ea_status as_floats(ea_context *ctx, ea_view *view, bool fill)
{
    size_t bytes = sizeof(float) * (size_t)core_numel(view);
    float *memory = core_arena_alloc(ctx->arena, bytes);
    if (!memory)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld elements",
                         (long long)core_numel(view));
    ea_view wide = core_view_make(memory, CORE_F32, view->ndim, view->shape);
    if (fill)
        core_copy(ctx, view, &wide);
    *view = wide;
    return EA_OK;
}

/* A float32 value that stands in every place of `like`. */
static ea_view everywhere(float *value, const ea_view *like)
{
    ea_view view = *like;
    view.data = value;
    view.dtype = CORE_F32;
    memset(view.stride, 0, sizeof view.stride);
    return view;
}

static float identity_of(ea_scatter_kind kind)
{
    switch (kind) {
    case EA_SCATTER_PROD:
        return 1;
    case EA_SCATTER_AMAX:
        return core_bits_float(0xff800000);
    case EA_SCATTER_AMIN:
        return core_bits_float(0x7f800000);
    default:
        return 0;
    }
}

/* The mean: sums are divided by how many elements they have, which are counted in the same way. */
static ea_status divide_by_counts(ea_context *ctx, const ref_indexed *i, int include_self)
{
    int64_t one = 1;
    ref_indexed counting = *i;
    int64_t n = core_numel(&i->at);
    int64_t *counts = core_arena_alloc(ctx->arena, sizeof *counts * (size_t)n);
    if (!counts)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld counts", (long long)n);
    for (int64_t k = 0; k < n; k++)
        counts[k] = include_self ? 1 : 0;
    counting.at = core_view_make(counts, CORE_I64, i->at.ndim, i->at.shape);
    counting.with.data = &one;
    counting.with.dtype = CORE_I64;
    memset(counting.with.stride, 0, sizeof counting.with.stride);
    EA_TRY(run_scatter(ctx, &counting, EA_SCATTER_SUM, 1));
    core_fp saved = core_fp_enter();
    for (int64_t k = 0; k < n; k++)
        if (counts[k] > 1) {
            int64_t at = core_offset(&i->at, k);
            core_store(&i->at, at, core_load(&i->at, at) / (float)counts[k]);
        }
    core_fp_leave(saved);
    return EA_OK;
}

/* Whole-number types are scattered as they are; there the identity of a kind is a value of the
 * type. */
static ea_status clear_integers(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind)
{
    int64_t value = kind == EA_SCATTER_PROD;
    core_dtype dtype = i->at.dtype;
    if (kind == EA_SCATTER_AMAX)
        value = dtype == CORE_I64 ? INT64_MIN : dtype == CORE_I32 ? INT32_MIN : 0;
    if (kind == EA_SCATTER_AMIN)
        value = dtype == CORE_I64 ? INT64_MAX : dtype == CORE_I32 ? INT32_MAX : UINT8_MAX;
    int64_t memory;
    ref_indexed clear = *i;
    clear.with.data = &memory;
    memset(clear.with.stride, 0, sizeof clear.with.stride);
    core_store_index(&clear.with, 0, value);
    return run_scatter(ctx, &clear, EA_SCATTER_COPY, 1);
}

static ea_status clear_destinations(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind)
{
    if (i->at.dtype != CORE_F32)
        return clear_integers(ctx, i, kind);
    float value = identity_of(kind);
    ref_indexed clear = *i;
    clear.with = everywhere(&value, &i->with);
    return run_scatter(ctx, &clear, EA_SCATTER_COPY, 1);
}

static ea_status scatter_lines(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind,
                               double alpha, int include_self)
{
    if (kind == EA_SCATTER_COPY)
        return run_scatter(ctx, i, kind, 1);
    if (!include_self)
        EA_TRY(clear_destinations(ctx, i, kind));
    EA_TRY(run_scatter(ctx, i, kind, alpha));
    return kind == EA_SCATTER_MEAN ? divide_by_counts(ctx, i, include_self) : EA_OK;
}

/* One whole scatter: out = x, then lines of what `lines_of` makes of out's (float32) view and src.
 */
typedef struct scatter {
    ea_view x, index, src, out;
    int dim;
    ea_scatter_kind kind;
    double alpha;
    int include_self;
} scatter;

static ea_status scatter_into(ea_context *ctx, const scatter *s)
{
    bool wide =
        s->kind != EA_SCATTER_COPY && (s->out.dtype == CORE_F16 || s->out.dtype == CORE_BF16);
    ea_view at = s->out, src = s->src;
    if (s->kind != EA_SCATTER_COPY && src.dtype != CORE_F32 && (CORE_FLOATS & CORE_BIT(src.dtype)))
        EA_TRY(as_floats(ctx, &src, true));
    if (wide)
        EA_TRY(as_floats(ctx, &at, false));
    if (s->x.data != at.data)
        core_copy(ctx, &s->x, &at);
    ref_indexed i = along(&at, &s->index, &src, s->dim);
    EA_TRY(scatter_lines(ctx, &i, s->kind, s->alpha, s->include_self));
    if (wide)
        core_copy(ctx, &at, &s->out);
    return EA_OK;
}

/* The arena's and the floating-point environment's frame. */
static ea_status run_whole_scatter(ea_context *ctx, const scatter *s)
{
    core_mark mark = core_arena_mark(ctx->arena);
    core_fp saved = core_fp_enter();
    ea_status status = scatter_into(ctx, s);
    core_fp_leave(saved);
    core_arena_release(ctx->arena, mark);
    return status;
}

/* Reads x, index, src and out of a scatter; src and x have one type, or both are floats in a kind
 * that computes. */
static ea_status read_scatter(ea_context *ctx, const char *function, const DLTensor *x,
                              const DLTensor *index, const DLTensor *src, DLTensor *out, scatter *s)
{
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &s->x));
    EA_TRY(check_kind(ctx, function, s->kind, s->x.dtype));
    bool floats = s->kind != EA_SCATTER_COPY && (CORE_FLOATS & CORE_BIT(s->x.dtype));
    unsigned types = floats ? CORE_FLOATS : CORE_BIT(s->x.dtype);
    EA_TRY(core_view_of(ctx, function, "index", index, CORE_INDICES, &s->index));
    EA_TRY(core_view_of(ctx, function, "src", src, types, &s->src));
    EA_TRY(op_view_of_out(ctx, function, "out", out, types, &s->out));
    EA_TRY(op_no_overlap(ctx, function, "x", &s->x, &s->out, true));
    EA_TRY(op_no_overlap(ctx, function, "index", &s->index, &s->out, false));
    EA_TRY(op_no_overlap(ctx, function, "src", &s->src, &s->out, false));
    EA_TRY(op_expect_shape(ctx, function, "out", &s->out, s->x.ndim, s->x.shape));
    op_one_dimension(&s->x);
    op_one_dimension(&s->out);
    op_one_dimension(&s->index);
    return op_dim(ctx, function, s->x.ndim, &s->dim);
}

ea_status ea_scatter(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                     const DLTensor *src, ea_scatter_kind kind, int include_self, DLTensor *out)
{
    const char *function = "ea_scatter";
    scatter s = { .dim = dim, .kind = kind, .alpha = 1, .include_self = include_self };
    EA_TRY(read_scatter(ctx, function, x, index, src, out, &s));
    EA_TRY(expect_within(ctx, function, "index", &s.index, "x", &s.x, s.dim));
    if (s.src.ndim == 0)
        op_expand(&s.src, &s.index);
    EA_TRY(expect_within(ctx, function, "index", &s.index, "src", &s.src, -1));
    EA_TRY(op_check_index(ctx, function, "index", &s.index, 0, s.x.shape[s.dim]));
    return run_whole_scatter(ctx, &s);
}

/* A scatter of whole slices: the index is stretched over the other dimensions. */
static ea_status scatter_slices(ea_context *ctx, const char *function, const DLTensor *x, int dim,
                                const DLTensor *index, const DLTensor *src, ea_scatter_kind kind,
                                double alpha, DLTensor *out)
{
    scatter s = { .dim = dim, .kind = kind, .alpha = alpha, .include_self = 1 };
    EA_TRY(read_scatter(ctx, function, x, index, src, out, &s));
    if (s.index.ndim != 1)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: index has %d dimensions: give one", function,
                         s.index.ndim);
    EA_TRY(op_check_index(ctx, function, "index", &s.index, 0, s.x.shape[s.dim]));
    ea_view slices = s.x;
    slices.shape[s.dim] = s.index.shape[0];
    if (s.src.ndim == 0)
        op_expand(&s.src, &slices);
    EA_TRY(op_expect_shape(ctx, function, "src", &s.src, slices.ndim, slices.shape));
    s.index = stretched(&s.index, &slices, s.dim);
    return run_whole_scatter(ctx, &s);
}

ea_status ea_index_add(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                       const DLTensor *src, double alpha, DLTensor *out)
{
    return scatter_slices(ctx, "ea_index_add", x, dim, index, src, EA_SCATTER_SUM, alpha, out);
}

ea_status ea_index_copy(ea_context *ctx, const DLTensor *x, int dim, const DLTensor *index,
                        const DLTensor *src, DLTensor *out)
{
    return scatter_slices(ctx, "ea_index_copy", x, dim, index, src, EA_SCATTER_COPY, 1, out);
}

/* --- Several indices -------------------------------------------------------------------------- */

/* One row-major position over the indexed dimensions of x for each element of the broadcast
 * indices. */
typedef struct positions {
    ea_view index;             /* int64, contiguous, of the broadcast shape */
    bool indexed[EA_MAX_DIMS]; /* by dimension of x */
    int first;                 /* where the broadcast dimensions stand in the result */
} positions;

static ea_status broadcast_indices(ea_context *ctx, const char *function, const ea_view *x,
                                   const DLTensor *const *indices, int count, ea_view *views,
                                   ea_view *full)
{
    *full = (ea_view){ .dtype = CORE_I64 };
    for (int d = 0; d < count; d++) {
        if (!indices[d])
            continue;
        ea_view joint;
        EA_TRY(core_view_of(ctx, function, "an index", indices[d], CORE_INDICES, &views[d]));
        EA_TRY(op_check_index(ctx, function, "an index", &views[d], -x->shape[d], x->shape[d]));
        EA_TRY(op_broadcast_shape(ctx, function, full, &views[d], &joint));
        *full = joint;
    }
    for (int d = 0; d < count; d++)
        if (indices[d])
            op_expand(&views[d], full);
    return EA_OK;
}

static ea_status make_positions(ea_context *ctx, const char *function, const ea_view *x,
                                const DLTensor *const *indices, int count, positions *p)
{
    ea_view views[EA_MAX_DIMS], full;
    int last = -1;
    bool apart = false;
    *p = (positions){ .first = -1 };
    if (count < 1 || count > x->ndim)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %d indices for %d dimensions", function, count,
                         x->ndim);
    for (int d = 0; d < count; d++)
        if (indices[d]) {
            p->indexed[d] = true;
            apart |= last >= 0 && last != d - 1;
            p->first = p->first < 0 ? d : p->first;
            last = d;
        }
    if (p->first < 0)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: no index is given", function);
    p->first = apart ? 0 : p->first;
    EA_TRY(broadcast_indices(ctx, function, x, indices, count, views, &full));
    int64_t n = core_numel(&full);
    int64_t *linear = core_arena_alloc(ctx->arena, sizeof *linear * (size_t)(n ? n : 1));
    if (!linear)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld positions", (long long)n);
    memset(linear, 0, sizeof *linear * (size_t)n);
    for (int d = 0; d < count; d++)
        for (int64_t i = 0; p->indexed[d] && i < n; i++) {
            int64_t value = core_load_index(&views[d], core_offset(&views[d], i));
            linear[i] = linear[i] * x->shape[d] + (value < 0 ? value + x->shape[d] : value);
        }
    p->index = core_view_make(linear, CORE_I64, full.ndim, full.shape);
    return EA_OK;
}

/* The lines of x and of `with`, which has the result's shape; the lines are the dimensions without
 * index. */
static ea_status position_lines(ea_context *ctx, const char *function, const ea_view *x,
                                const positions *p, const char *name, const ea_view *with,
                                bool broadcasts, ref_indexed *i)
{
    int whole[EA_MAX_DIMS], lines = 0, tail = p->index.ndim;
    for (int d = 0; d < x->ndim; d++)
        if (!p->indexed[d])
            whole[lines++] = d;
    if (lines + tail > EA_MAX_DIMS)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: the result has %d dimensions: at most %d",
                         function, lines + tail, EA_MAX_DIMS);
    ea_view result = { .ndim = lines + tail };
    for (int k = 0; k < lines; k++)
        result.shape[k < p->first ? k : k + tail] = x->shape[whole[k]];
    for (int k = 0; k < tail; k++)
        result.shape[p->first + k] = p->index.shape[k];
    ea_view full = *with;
    if (broadcasts) {
        ea_view joint;
        EA_TRY(op_broadcast_shape(ctx, function, with, &result, &joint));
        EA_TRY(op_expect_shape(ctx, function, "the broadcast of values", &joint, result.ndim,
                               result.shape));
        op_expand(&full, &result);
    }
    EA_TRY(op_expect_shape(ctx, function, name, &full, result.ndim, result.shape));

    *i = (ref_indexed){ .lines = lines, .at = *x, .index = p->index, .with = full };
    i->index.ndim = lines + tail;
    for (int k = 0; k < lines + tail; k++) {
        int from = k < lines ? (k < p->first ? k : k + tail) : p->first + k - lines;
        i->with.shape[k] = i->index.shape[k] = full.shape[from];
        i->with.stride[k] = full.stride[from];
        i->index.stride[k] = k < lines ? 0 : p->index.stride[k - lines];
    }
    for (int d = 0, at = lines; d < x->ndim; d++)
        if (p->indexed[d]) {
            i->at.shape[at] = x->shape[d];
            i->at.stride[at++] = x->stride[d];
        }
    for (int k = 0; k < lines; k++) {
        i->at.shape[k] = x->shape[whole[k]];
        i->at.stride[k] = x->stride[whole[k]];
    }
    return EA_OK;
}

static ea_status get(ea_context *ctx, const DLTensor *x, const DLTensor *const *indices, int count,
                     DLTensor *out)
{
    const char *function = "ea_index";
    ea_view vx, vo;
    positions p;
    ref_indexed i;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(make_positions(ctx, function, &vx, indices, count, &p));
    EA_TRY(position_lines(ctx, function, &vx, &p, "out", &vo, false, &i));
    return run_gather(ctx, &i);
}

ea_status ea_index(ea_context *ctx, const DLTensor *x, const DLTensor *const *indices, int count,
                   DLTensor *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = get(ctx, x, indices, count, out);
    core_arena_release(ctx->arena, mark);
    return status;
}

static ea_status put(ea_context *ctx, const DLTensor *x, const DLTensor *const *indices, int count,
                     const DLTensor *values, int accumulate, DLTensor *out)
{
    const char *function = "ea_index_put";
    ea_scatter_kind kind = accumulate ? EA_SCATTER_SUM : EA_SCATTER_COPY;
    ea_view vx, vv, vo;
    positions p;
    ref_indexed i;
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_ANY, &vx));
    EA_TRY(check_kind(ctx, function, kind, vx.dtype));
    EA_TRY(core_view_of(ctx, function, "values", values, CORE_BIT(vx.dtype), &vv));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_BIT(vx.dtype), &vo));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, true));
    EA_TRY(op_no_overlap(ctx, function, "values", &vv, &vo, false));
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, vx.ndim, vx.shape));
    EA_TRY(make_positions(ctx, function, &vx, indices, count, &p));
    ea_view at = vo;
    bool wide = accumulate && (vo.dtype == CORE_F16 || vo.dtype == CORE_BF16);
    if (wide) {
        EA_TRY(as_floats(ctx, &vv, true));
        EA_TRY(as_floats(ctx, &at, false));
    }
    EA_TRY(position_lines(ctx, function, &at, &p, "values", &vv, true, &i));
    if (vx.data != at.data)
        core_copy(ctx, &vx, &at);
    EA_TRY(scatter_lines(ctx, &i, kind, 1, 1));
    if (wide)
        core_copy(ctx, &at, &vo);
    return EA_OK;
}

ea_status ea_index_put(ea_context *ctx, const DLTensor *x, const DLTensor *const *indices,
                       int count, const DLTensor *values, int accumulate, DLTensor *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    core_fp saved = core_fp_enter();
    ea_status status = put(ctx, x, indices, count, values, accumulate, out);
    core_fp_leave(saved);
    core_arena_release(ctx->arena, mark);
    return status;
}

static ea_status take(ea_context *ctx, const DLTensor *x, const DLTensor *index, int dim,
                      DLTensor *out)
{
    const char *function = "ea_take_along_dim";
    ea_view vx, vi, vo, full;
    EA_TRY(read_three(ctx, function, x, index, out, &vx, &vi, &vo));
    op_one_dimension(&vx);
    op_one_dimension(&vi);
    op_one_dimension(&vo);
    EA_TRY(op_dim(ctx, function, vx.ndim, &dim));
    if (vi.ndim != vx.ndim)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: index has %d dimensions, x has %d", function,
                         vi.ndim, vx.ndim);
    ea_view cut = vx;
    cut.shape[dim] = 1;
    int64_t size = vx.shape[dim], taken = vi.shape[dim];
    EA_TRY(op_check_index(ctx, function, "index", &vi, -size, size));
    EA_TRY(op_broadcast_shape(ctx, function, &cut, &vi, &full));
    full.shape[dim] = taken;
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, full.ndim, full.shape));
    int64_t *memory = core_arena_alloc(ctx->arena, sizeof *memory * (size_t)(core_numel(&vi) + 1));
    if (!memory)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for an index");
    for (int64_t k = 0; k < core_numel(&vi); k++) {
        int64_t value = core_load_index(&vi, core_offset(&vi, k));
        memory[k] = value < 0 ? value + size : value;
    }
    vi = core_view_make(memory, CORE_I64, vi.ndim, vi.shape);
    op_expand(&vi, &full);
    full.shape[dim] = size;
    op_expand(&vx, &full);
    ref_indexed i = along(&vx, &vi, &vo, dim);
    return run_gather(ctx, &i);
}

ea_status ea_take_along_dim(ea_context *ctx, const DLTensor *x, const DLTensor *index, int dim,
                            DLTensor *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = take(ctx, x, index, dim, out);
    core_arena_release(ctx->arena, mark);
    return status;
}
