/* attention.c: doors of scaled dot-product attention: contractions and a softmax, one entry of the
 * leading dimensions after the other. */
#include "eadem/op/attention.h"
#include "cpu/attention.h"
#include "op/op.h"

typedef struct attention {
    ea_context *ctx;
    const char *function;
    ea_view q, k, v, out, mask; /* out: or its gradient */
    ea_view grad_q, grad_k, grad_v;
    bool has_mask, causal;
    float scale;
    ea_generator *generator; /* of dropout; NULL: none */
    double kept;             /* the probability of a weight to stay, … */
    float factor;            /* … and what it is multiplied with */
    int lead;                /* leading dimensions */
    int64_t heads, shared /* heads that share keys */, rows, keys, dim, values;
} attention;

/* --- Checks ----------------------------------------------------------------------------------- */

static ea_status check_shapes(attention *a)
{
    const ea_view *q = &a->q, *k = &a->k, *v = &a->v;
    if (q->ndim < 3 || k->ndim != q->ndim || v->ndim != q->ndim)
        return core_fail(
            a->ctx, EA_ERR_SHAPE,
            "%s: q, k and v have %d, %d and %d dimensions: give equally many, 3 or more",
            a->function, q->ndim, k->ndim, v->ndim);
    a->lead = q->ndim - 3;
    a->heads = q->shape[a->lead];
    a->rows = q->shape[a->lead + 1];
    a->dim = q->shape[a->lead + 2];
    a->keys = k->shape[a->lead + 1];
    a->values = v->shape[a->lead + 2];
    bool fits = k->shape[a->lead + 2] == a->dim && v->shape[a->lead + 1] == a->keys &&
                v->shape[a->lead] == k->shape[a->lead];
    for (int d = 0; d < a->lead; d++)
        fits = fits && k->shape[d] == q->shape[d] && v->shape[d] == q->shape[d];
    int64_t groups = k->shape[a->lead];
    char tq[128], tk[128], tv[128];
    if (!fits || groups == 0 || a->heads % groups != 0)
        return core_fail(a->ctx, EA_ERR_SHAPE,
                         "%s: q %s, k %s, v %s: give [..., h, n, d], [..., g, m, d] and "
                         "[..., g, m, e], g dividing h",
                         a->function, core_shape_text(q, tq), core_shape_text(k, tk),
                         core_shape_text(v, tv));
    a->shared = a->heads / groups;
    return EA_OK;
}

static ea_status open_mask(attention *a, const DLTensor *mask)
{
    ea_view full = a->q;
    full.shape[a->lead + 2] = a->keys;
    EA_TRY(core_view_of(a->ctx, a->function, "mask", mask, CORE_FLOATS | CORE_MASKS, &a->mask));
    ea_view both;
    EA_TRY(op_broadcast_shape(a->ctx, a->function, &a->mask, &full, &both));
    EA_TRY(op_expect_shape(a->ctx, a->function, "mask's broadcast shape", &both, full.ndim,
                           full.shape));
    op_expand(&a->mask, &full);
    a->has_mask = true;
    return EA_OK;
}

/* Rounded as the contract says, whatever the caller's rounding mode is. */
static float scale_of(double scale, int64_t dim)
{
    core_fp saved = core_fp_enter();
    float rounded = ref_attention_scale(scale, dim);
    core_fp_leave(saved);
    return rounded;
}

static ea_status open_dropout(attention *a, const ea_attention_options *options)
{
    double p = options->dropout;
    if (!(p >= 0 && p <= 1))
        return core_fail(a->ctx, EA_ERR_ARGUMENT, "%s: dropout is %g: give a probability",
                         a->function, p);
    if (p == 0)
        return EA_OK;
    a->generator = options->generator;
    core_fp saved = core_fp_enter();
    a->kept = 1 - p;
    a->factor = (float)(p == 1 ? 0 : 1 / (1 - p));
    core_fp_leave(saved);
    return EA_OK;
}

static ea_status open_inputs(attention *a, const DLTensor *q, const DLTensor *k, const DLTensor *v,
                             const DLTensor *mask, const ea_attention_options *options)
{
    EA_TRY(core_view_of(a->ctx, a->function, "q", q, CORE_FLOATS, &a->q));
    EA_TRY(core_view_of(a->ctx, a->function, "k", k, CORE_FLOATS, &a->k));
    EA_TRY(core_view_of(a->ctx, a->function, "v", v, CORE_FLOATS, &a->v));
    EA_TRY(check_shapes(a));
    a->causal = options && options->causal;
    if (a->causal && mask)
        return core_fail(a->ctx, EA_ERR_ARGUMENT, "%s: give a mask or causal, not both",
                         a->function);
    a->scale = scale_of(options ? options->scale : 0, a->dim);
    if (options)
        EA_TRY(open_dropout(a, options));
    return mask ? open_mask(a, mask) : EA_OK;
}

/* A result of the shape of `like`, but for its last size. */
static ea_status open_result(const attention *a, const char *name, DLTensor *tensor,
                             const ea_view *like, int64_t last, ea_view *out)
{
    int64_t shape[EA_MAX_DIMS];
    EA_TRY(op_view_of_out(a->ctx, a->function, name, tensor, CORE_FLOATS, out));
    memcpy(shape, like->shape, sizeof shape);
    shape[like->ndim - 1] = last;
    EA_TRY(op_expect_shape(a->ctx, a->function, name, out, like->ndim, shape));
    EA_TRY(op_no_overlap(a->ctx, a->function, "q", &a->q, out, false));
    EA_TRY(op_no_overlap(a->ctx, a->function, "k", &a->k, out, false));
    return op_no_overlap(a->ctx, a->function, "v", &a->v, out, false);
}

/* --- One entry of the leading dimensions ------------------------------------------------------ */

/* [heads, …] as [groups, shared, …]; of k and v, which have one head a group, every one shared. */
static ea_view split(ea_view entry, int64_t shared, bool repeat)
{
    for (int d = entry.ndim; d > 1; d--) {
        entry.shape[d] = entry.shape[d - 1];
        entry.stride[d] = entry.stride[d - 1];
    }
    entry.ndim++;
    entry.shape[1] = shared;
    if (repeat) {
        entry.stride[1] = 0;
        return entry;
    }
    entry.shape[0] /= shared;
    entry.stride[1] = entry.stride[0];
    entry.stride[0] *= shared;
    return entry;
}

static ea_view transposed(const ea_view *view)
{
    return core_move_dim(view, view->ndim - 1, view->ndim - 2);
}

static ea_status multiply(const attention *a, const ea_view *x, const ea_view *y,
                          const ea_view *out)
{
    return OP_BACKEND(a->ctx, matmul)(a->ctx, x, y, NULL, out);
}

static ea_status scratch(const attention *a, int ndim, const int64_t *shape, ea_view *out)
{
    *out = core_view_make(NULL, CORE_F32, ndim, shape);
    out->data = core_arena_alloc(a->ctx->arena, (size_t)(core_numel(out) + 1) * sizeof(float));
    return out->data ? EA_OK
                     : core_fail(a->ctx, EA_ERR_MEMORY, "%s: no memory for weights", a->function);
}

/* `scores` and `weights` [groups, shared, n, m]: of q·kᵀ, masked, and their softmax. */
static ea_status weigh(const attention *a, int64_t entry, ea_view *scores, ea_view *weights)
{
    ea_view q = split(core_row(&a->q, a->lead, entry), a->shared, false);
    ea_view k = split(core_row(&a->k, a->lead, entry), a->shared, true);
    ea_view mask = a->has_mask ? core_row(&a->mask, a->lead, entry) : (ea_view){ 0 };
    int64_t shape[4] = { a->heads / a->shared, a->shared, a->rows, a->keys };
    EA_TRY(scratch(a, 4, shape, scores));
    EA_TRY(scratch(a, 4, shape, weights));
    ea_view keys = transposed(&k);
    EA_TRY(multiply(a, &q, &keys, scores));
    int64_t flat[3] = { a->heads, a->rows, a->keys };
    ref_scores s = { .scores = core_view_make(scores->data, CORE_F32, 3, flat),
                     .mask = a->has_mask ? &mask : NULL,
                     .causal = a->causal,
                     .scale = a->scale,
                     .weights = core_view_make(weights->data, CORE_F32, 3, flat) };
    return OP_BACKEND(a->ctx, attention_weights)(a->ctx, &s);
}

/* `factors`, of the weights' shape: the factor for each weight that stays, 0 for the others. */
static ea_status draw(const attention *a, const ea_view *weights, ea_view *factors)
{
    EA_TRY(scratch(a, 4, weights->shape, factors));
    int64_t n = core_numel(factors);
    DLTensor tensor = {
        .data = factors->data, .device = { kDLCPU, 0 }, .ndim = 1, .dtype = EA_FLOAT32, .shape = &n
    };
    EA_TRY(ea_bernoulli(a->ctx, a->generator, a->kept, &tensor));
    return OP_BACKEND(a->ctx, scale_scores)(
        a->ctx, &(ref_scores){ .scores = *factors, .scale = a->factor });
}

static ea_status multiply_each(const attention *a, const ea_view *x, const ea_view *y,
                               const ea_view *out)
{
    return OP_BACKEND(a->ctx, binary)(a->ctx, REF_MUL, x, y, out);
}

static ea_status attend(const attention *a, int64_t entry)
{
    ea_view scores, weights;
    ea_view v = split(core_row(&a->v, a->lead, entry), a->shared, true);
    ea_view out = split(core_row(&a->out, a->lead, entry), a->shared, false);
    EA_TRY(weigh(a, entry, &scores, &weights));
    if (a->generator) {
        ea_view factors;
        EA_TRY(draw(a, &weights, &factors));
        EA_TRY(multiply_each(a, &weights, &factors, &weights));
    }
    return multiply(a, &weights, &v, &out);
}

/* out [groups, m, …] = Σ over (head of the group, row) of x [groups, shared, n, m] times y [heads,
 * n, …]. */
static ea_status sum_over_rows(const attention *a, const ea_view *x, const ea_view *y,
                               const ea_view *out)
{
    int64_t groups = a->heads / a->shared, terms = a->shared * a->rows, last = y->shape[2];
    ea_view copy = *y;
    if (a->shared > 1) { /* heads and rows as one dimension */
        EA_TRY(scratch(a, 3, y->shape, &copy));
        core_copy(a->ctx, y, &copy);
        copy = core_view_make(copy.data, CORE_F32, 3, (int64_t[]){ groups, terms, last });
    }
    ea_view rows = core_view_make(x->data, CORE_F32, 3, (int64_t[]){ groups, terms, a->keys });
    rows = transposed(&rows);
    return multiply(a, &rows, &copy, out);
}

static ea_status go_back(const attention *a, int64_t entry)
{
    ea_view scores, weights, factors, used, grads = core_row(&a->out, a->lead, entry);
    ea_view q = core_row(&a->q, a->lead, entry);
    ea_view k = split(core_row(&a->k, a->lead, entry), a->shared, true);
    ea_view v = split(core_row(&a->v, a->lead, entry), a->shared, true);
    EA_TRY(weigh(a, entry, &scores, &weights));
    used = weights;
    if (a->generator) {
        used = scores;
        EA_TRY(draw(a, &weights, &factors));
        EA_TRY(multiply_each(a, &weights, &factors, &used));
    }
    if (a->grad_v.data) {
        ea_view to = core_row(&a->grad_v, a->lead, entry);
        EA_TRY(sum_over_rows(a, &used, &grads, &to));
    }
    if (!a->grad_q.data && !a->grad_k.data)
        return EA_OK;
    ea_view heads = split(grads, a->shared, false), values = transposed(&v), inner;
    EA_TRY(multiply(a, &heads, &values, &scores)); /* the gradient of the weights */
    if (a->generator)
        EA_TRY(multiply_each(a, &scores, &factors, &scores));
    EA_TRY(scratch(a, 4, scores.shape, &inner));
    EA_TRY(OP_BACKEND(a->ctx, softmax_backward)(a->ctx, &scores, &weights, &inner));
    EA_TRY(OP_BACKEND(a->ctx, scale_scores)(a->ctx,
                                            &(ref_scores){ .scores = inner, .scale = a->scale }));
    if (a->grad_q.data) {
        ea_view to = split(core_row(&a->grad_q, a->lead, entry), a->shared, false);
        EA_TRY(multiply(a, &inner, &k, &to));
    }
    if (!a->grad_k.data)
        return EA_OK;
    ea_view to = core_row(&a->grad_k, a->lead, entry);
    return sum_over_rows(a, &inner, &q, &to);
}

static ea_status run_entries(const attention *a, ea_status (*run)(const attention *, int64_t))
{
    int64_t entries = 1;
    for (int d = 0; d < a->lead; d++)
        entries *= a->q.shape[d];
    for (int64_t entry = 0; entry < entries && a->heads > 0; entry++) {
        op_scope scope = op_enter(a->ctx);
        EA_TRY(op_leave(a->ctx, &scope, run(a, entry)));
    }
    return EA_OK;
}

/* --- Doors ------------------------------------------------------------------------------------ */

ea_status ea_attention(ea_context *ctx, const DLTensor *q, const DLTensor *k, const DLTensor *v,
                       const DLTensor *mask, const ea_attention_options *options, DLTensor *out)
{
    attention a = { .ctx = ctx, .function = "ea_attention" };
    EA_TRY(open_inputs(&a, q, k, v, mask, options));
    EA_TRY(open_result(&a, "out", out, &a.q, a.values, &a.out));
    return run_entries(&a, attend);
}

ea_status ea_attention_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *q,
                                const DLTensor *k, const DLTensor *v, const DLTensor *mask,
                                const ea_attention_options *options, DLTensor *grad_q,
                                DLTensor *grad_k, DLTensor *grad_v)
{
    attention a = { .ctx = ctx, .function = "ea_attention_backward" };
    int64_t shape[EA_MAX_DIMS];
    EA_TRY(open_inputs(&a, q, k, v, mask, options));
    EA_TRY(core_view_of(ctx, a.function, "grad_out", grad_out, CORE_FLOATS, &a.out));
    memcpy(shape, a.q.shape, sizeof shape);
    shape[a.q.ndim - 1] = a.values;
    EA_TRY(op_expect_shape(ctx, a.function, "grad_out", &a.out, a.q.ndim, shape));
    if (grad_q)
        EA_TRY(open_result(&a, "grad_q", grad_q, &a.q, a.dim, &a.grad_q));
    if (grad_k)
        EA_TRY(open_result(&a, "grad_k", grad_k, &a.k, a.dim, &a.grad_k));
    if (grad_v)
        EA_TRY(open_result(&a, "grad_v", grad_v, &a.v, a.values, &a.grad_v));
    return run_entries(&a, go_back);
}
