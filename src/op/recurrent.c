/* recurrent.c: doors of recurrent layers. */
#include "cpu/recurrent.h"
#include "op/op.h"

static ea_status run_forward(ea_context *ctx, const ref_recurrence *r)
{
    OP_RUN(ctx, recurrent_forward, r);
}

static ea_status run_backward(ea_context *ctx, const ref_recurrence_gradients *g)
{
    OP_RUN(ctx, recurrent_backward, g);
}

int ea_recurrent_gates(ea_recurrent_kind kind)
{
    return ref_recurrent_gates(kind);
}

int ea_recurrent_kept(ea_recurrent_kind kind)
{
    return ref_recurrent_kept(kind);
}

/* What the tensors' shapes must be. */
typedef struct sizes {
    ea_context *ctx;
    const char *function;
    int64_t n, rows, hidden, out, gates, kept;
} sizes;

/* A contiguous float32 tensor [rows, columns] (columns < 0: [rows]), which may be absent: `to` gets
 * its elements or NULL. */
static ea_status floats(const sizes *s, const char *name, const DLTensor *tensor, int64_t rows,
                        int64_t columns, float **to)
{
    ea_view view;
    *to = NULL;
    if (!tensor)
        return EA_OK;
    EA_TRY(core_view_of(s->ctx, s->function, name, tensor, CORE_BIT(CORE_F32), &view));
    EA_TRY(op_expect_shape(s->ctx, s->function, name, &view, columns < 0 ? 1 : 2,
                           (int64_t[]){ rows, columns }));
    if (!core_is_contiguous(&view))
        return core_fail(s->ctx, EA_ERR_ARGUMENT, "%s: %s is not contiguous: give it so",
                         s->function, name);
    *to = view.data;
    return EA_OK;
}

static ea_status const_floats(const sizes *s, const char *name, const DLTensor *tensor,
                              int64_t rows, int64_t columns, const float **to)
{
    float *found;
    EA_TRY(floats(s, name, tensor, rows, columns, &found));
    *to = found;
    return EA_OK;
}

static ea_status check_steps(const sizes *s, const ea_recurrence_options *o)
{
    int64_t rows = 0, before = s->n;
    if (o->steps < 0)
        return core_fail(s->ctx, EA_ERR_ARGUMENT, "%s: steps is %lld", s->function,
                         (long long)o->steps);
    if (!o->batch_sizes)
        rows = o->steps * s->n;
    for (int64_t t = 0; o->batch_sizes && t < o->steps; t++) {
        if (o->batch_sizes[t] < 0 || o->batch_sizes[t] > before)
            return core_fail(s->ctx, EA_ERR_ARGUMENT,
                             "%s: step %lld has %lld rows: give at most the %lld before it",
                             s->function, (long long)t, (long long)o->batch_sizes[t],
                             (long long)before);
        rows += before = o->batch_sizes[t];
    }
    return rows == s->rows
               ? EA_OK
               : core_fail(s->ctx, EA_ERR_SHAPE, "%s: the steps have %lld rows, not %lld",
                           s->function, (long long)rows, (long long)s->rows);
}

/* Sizes from weight_hh [gates·hidden, out], `rows` [rows, …] and a state [n, …]. */
static ea_status find_sizes(ea_context *ctx, const char *function, const ea_recurrence_options *o,
                            const DLTensor *weight, const DLTensor *rows, const DLTensor *state,
                            bool projected, sizes *s)
{
    *s = (sizes){ .ctx = ctx, .function = function };
    int gates = o ? ref_recurrent_gates(o->kind) : 0;
    if (!gates)
        return core_fail(ctx, EA_ERR_ARGUMENT, "%s: options is NULL, or its kind is none",
                         function);
    if (!weight || !rows || !state || weight->ndim != 2 || rows->ndim != 2 || state->ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: weight_hh, the rows or the state is NULL or no matrix", function);
    s->gates = weight->shape[0];
    s->hidden = s->gates / gates;
    s->kept = s->hidden * ref_recurrent_kept(o->kind);
    s->out = weight->shape[1];
    s->rows = rows->shape[0];
    s->n = state->shape[0];
    if (s->gates % gates || (!projected && s->out != s->hidden) ||
        (projected && o->kind != EA_RECURRENT_LSTM))
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: weight_hh is [%lld, %lld]: give [%d·hidden, hidden], or an LSTM's "
                         "projection",
                         function, (long long)s->gates, (long long)s->out, gates);
    return check_steps(s, o);
}

static ea_status need(const sizes *s, bool all)
{
    return all ? EA_OK
               : core_fail(s->ctx, EA_ERR_ARGUMENT, "%s: a tensor that is needed is NULL",
                           s->function);
}

ea_status ea_recurrence_forward(ea_context *ctx, const ea_recurrence_options *options,
                                const ea_recurrence *r)
{
    sizes s;
    EA_TRY(find_sizes(ctx, "ea_recurrence_forward", options, r->weight_hh, r->gates_x, r->hn,
                      r->weight_hr != NULL, &s));
    bool lstm = options->kind == EA_RECURRENT_LSTM;
    EA_TRY(need(&s, r->y && r->kept && r->previous && (!lstm || r->cn)));
    ref_recurrence call = {
        .options = *options, .n = s.n, .rows = s.rows, .hidden = s.hidden, .out = s.out
    };
    EA_TRY(const_floats(&s, "gates_x", r->gates_x, s.rows, s.gates, &call.gates_x));
    EA_TRY(const_floats(&s, "h0", r->h0, s.n, s.out, &call.h0));
    EA_TRY(const_floats(&s, "c0", lstm ? r->c0 : NULL, s.n, s.hidden, &call.c0));
    EA_TRY(const_floats(&s, "weight_hh", r->weight_hh, s.gates, s.out, &call.weight_hh));
    EA_TRY(const_floats(&s, "bias_hh", r->bias_hh, s.gates, -1, &call.bias_hh));
    EA_TRY(const_floats(&s, "weight_hr", r->weight_hr, s.out, s.hidden, &call.weight_hr));
    EA_TRY(floats(&s, "y", r->y, s.rows, s.out, &call.y));
    EA_TRY(floats(&s, "hn", r->hn, s.n, s.out, &call.hn));
    EA_TRY(floats(&s, "cn", lstm ? r->cn : NULL, s.n, s.hidden, &call.cn));
    EA_TRY(floats(&s, "kept", r->kept, s.rows, s.kept, &call.kept));
    EA_TRY(floats(&s, "previous", r->previous, s.rows, s.out, &call.previous));
    return run_forward(ctx, &call);
}

ea_status ea_recurrence_backward(ea_context *ctx, const ea_recurrence_options *options,
                                 const ea_recurrence_gradients *g)
{
    sizes s;
    EA_TRY(find_sizes(ctx, "ea_recurrence_backward", options, g->weight_hh, g->kept, g->grad_h0,
                      g->weight_hr != NULL, &s));
    bool lstm = options->kind == EA_RECURRENT_LSTM;
    EA_TRY(need(&s, g->previous && g->grad_gates_x && (!lstm || g->grad_c0) &&
                        (g->weight_hr || !g->grad_weight_hr)));
    ref_recurrence_gradients call = {
        .options = *options, .n = s.n, .rows = s.rows, .hidden = s.hidden, .out = s.out
    };
    EA_TRY(const_floats(&s, "grad_y", g->grad_y, s.rows, s.out, &call.grad_y));
    EA_TRY(const_floats(&s, "grad_hn", g->grad_hn, s.n, s.out, &call.grad_hn));
    EA_TRY(const_floats(&s, "grad_cn", lstm ? g->grad_cn : NULL, s.n, s.hidden, &call.grad_cn));
    EA_TRY(const_floats(&s, "weight_hh", g->weight_hh, s.gates, s.out, &call.weight_hh));
    EA_TRY(const_floats(&s, "weight_hr", g->weight_hr, s.out, s.hidden, &call.weight_hr));
    EA_TRY(const_floats(&s, "kept", g->kept, s.rows, s.kept, &call.kept));
    EA_TRY(const_floats(&s, "previous", g->previous, s.rows, s.out, &call.previous));
    EA_TRY(floats(&s, "grad_gates_x", g->grad_gates_x, s.rows, s.gates, &call.grad_gates_x));
    EA_TRY(floats(&s, "grad_h0", g->grad_h0, s.n, s.out, &call.grad_h0));
    EA_TRY(floats(&s, "grad_c0", lstm ? g->grad_c0 : NULL, s.n, s.hidden, &call.grad_c0));
    EA_TRY(floats(&s, "grad_weight_hh", g->grad_weight_hh, s.gates, s.out, &call.grad_weight_hh));
    EA_TRY(floats(&s, "grad_bias_hh", g->grad_bias_hh, s.gates, -1, &call.grad_bias_hh));
    EA_TRY(floats(&s, "grad_weight_hr", g->grad_weight_hr, s.out, s.hidden, &call.grad_weight_hr));
    return run_backward(ctx, &call);
}
