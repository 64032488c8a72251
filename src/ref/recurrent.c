/* recurrent.c: definition of recurrent layers. */
#include "ref/recurrent.h"
#include "core/memory.h"
#include "ref/ref.h"

enum { GRAIN = 4096 }; /* elements in a piece of work */

/* What a row keeps, each `hidden` long. RNN: h. LSTM: the gates i, f, g, o, the cell before, tanh
 * of the cell, h before projection. GRU: the gates r, z, n and the hidden part of n. */
enum { LSTM_CELL = 4, LSTM_TANH = 5, LSTM_HIDDEN = 6, GRU_PART = 3 };

int ref_recurrent_gates(ea_recurrent_kind kind)
{
    static const int gates[EA_RECURRENT_COUNT] = { 1, 1, 4, 3 };
    return (unsigned)kind < EA_RECURRENT_COUNT ? gates[kind] : 0;
}

int ref_recurrent_kept(ea_recurrent_kind kind)
{
    static const int kept[EA_RECURRENT_COUNT] = { 1, 1, 7, 4 };
    return (unsigned)kind < EA_RECURRENT_COUNT ? kept[kind] : 0;
}

/* --- Steps ------------------------------------------------------------------------------------ */

static int64_t size_of(const ea_recurrence_options *o, int64_t n, int64_t step)
{
    return o->batch_sizes ? o->batch_sizes[step] : n;
}

/* The rows of one step. */
typedef struct step {
    int64_t number, at, n;
} step;

/* Number k of the steps in the order of the forward; `s` holds number k − 1. */
static void next_step(const ea_recurrence_options *o, int64_t n, int64_t rows, int64_t k, step *s)
{
    if (k == 0) {
        s->number = o->reverse ? o->steps - 1 : 0;
        s->n = size_of(o, n, s->number);
        s->at = o->reverse ? rows - s->n : 0;
    } else if (o->reverse) {
        s->n = size_of(o, n, --s->number);
        s->at -= s->n;
    } else {
        s->at += s->n;
        s->n = size_of(o, n, ++s->number);
    }
}

static ea_view matrix(const float *data, int64_t rows, int64_t columns)
{
    return core_view_make((void *)data, CORE_F32, 2, (int64_t[]){ rows, columns });
}

static ea_view transposed(const float *data, int64_t rows, int64_t columns)
{
    ea_view view = matrix(data, rows, columns);
    return core_move_dim(&view, 0, 1);
}

static ea_status scratch(ea_context *ctx, int64_t count, float **out)
{
    *out = core_arena_alloc(ctx->arena, sizeof **out * (size_t)count);
    return *out ? EA_OK
                : core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld numbers", (long long)count);
}

static void copy(float *to, const float *from, int64_t n)
{
    if (from && n > 0)
        memcpy(to, from, sizeof *to * (size_t)n);
    else if (n > 0)
        memset(to, 0, sizeof *to * (size_t)n);
}

/* --- Cells: one row --------------------------------------------------------------------------- */

typedef struct forward {
    const ref_recurrent_operations *op;
    const ref_recurrence *r;
    int64_t gates, width; /* of a row of gates, of what is kept */
    step now;
    float *gates_h; /* [n, gates·hidden] */
    float *h;       /* [n, hidden], where the cells' outputs go */
    float *c;       /* [n, hidden] */
    float *work;    /* 2·hidden for each worker */
} forward;

static void lstm_row(const forward *f, float *kept, float *c, float *h, float *work)
{
    const ref_recurrent_operations *op = f->op;
    int64_t n = f->r->hidden;
    float *cell = kept + LSTM_CELL * n, *tanh_c = kept + LSTM_TANH * n;
    op->sigmoid(kept, kept, 2 * n);
    op->tanh(kept + 2 * n, kept + 2 * n, n);
    op->sigmoid(kept + 3 * n, kept + 3 * n, n);
    copy(cell, c, n);
    op->mul(kept + n, cell, work, n);
    op->mul(kept, kept + 2 * n, work + n, n);
    op->add(work, work + n, c, n);
    op->tanh(c, tanh_c, n);
    op->mul(kept + 3 * n, tanh_c, h, n);
    copy(kept + LSTM_HIDDEN * n, h, n);
}

static void gru_row(const forward *f, const float *gates_x, const float *gates_h,
                    const float *before, float *kept, float *h)
{
    const ref_recurrent_operations *op = f->op;
    int64_t n = f->r->hidden;
    float *fresh = kept + 2 * n;
    op->sigmoid(kept, kept, 2 * n);
    copy(kept + GRU_PART * n, gates_h + 2 * n, n);
    op->mul(kept, gates_h + 2 * n, fresh, n);
    op->add(gates_x + 2 * n, fresh, fresh, n);
    op->tanh(fresh, fresh, n);
    op->sub(before, fresh, h, n);
    op->mul(kept + n, h, h, n);
    op->add(fresh, h, h, n);
}

static void forward_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    const forward *f = argument;
    const ref_recurrence *r = f->r;
    ea_recurrent_kind kind = r->options.kind;
    int64_t n = r->hidden;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = f->now.at + i;
        const float *gates_x = r->gates_x + row * f->gates, *gates_h = f->gates_h + i * f->gates;
        float *kept = r->kept + row * f->width, *h = f->h + i * n;
        f->op->add(gates_x, gates_h, kept, kind == EA_RECURRENT_GRU ? 2 * n : f->gates);
        if (kind == EA_RECURRENT_LSTM) {
            lstm_row(f, kept, f->c + i * n, h, f->work + worker * 2 * n);
        } else if (kind == EA_RECURRENT_GRU) {
            gru_row(f, gates_x, gates_h, r->previous + row * r->out, kept, h);
        } else {
            (kind == EA_RECURRENT_TANH ? f->op->tanh : f->op->relu)(kept, kept, n);
            copy(h, kept, n);
        }
    }
}

static ea_status forward_step(ea_context *ctx, forward *f)
{
    const ref_recurrence *r = f->r;
    const step *s = &f->now;
    float *y = r->y + s->at * r->out;
    copy(r->previous + s->at * r->out, r->hn, s->n * r->out);
    ea_view h = matrix(r->hn, s->n, r->out), gates = matrix(f->gates_h, s->n, f->gates);
    ea_view weight = transposed(r->weight_hh, f->gates, r->out), bias = gates;
    bias.data = (void *)r->bias_hh;
    bias.stride[0] = 0;
    EA_TRY(f->op->matmul(ctx, &h, &weight, r->bias_hh ? &bias : NULL, &gates));
    if (!r->weight_hr)
        f->h = y;
    core_parallel(ctx, s->n, GRAIN / (f->gates + 1) + 1, forward_rows, f);
    if (r->weight_hr) {
        ea_view full = matrix(f->h, s->n, r->hidden), out = matrix(y, s->n, r->out);
        ea_view projection = transposed(r->weight_hr, r->out, r->hidden);
        EA_TRY(f->op->matmul(ctx, &full, &projection, NULL, &out));
    }
    copy(r->hn, y, s->n * r->out);
    return EA_OK;
}

ea_status ref_recurrent_forward_with(ea_context *ctx, const ref_recurrent_operations *operations,
                                     const ref_recurrence *r)
{
    forward f = { .op = operations,
                  .r = r,
                  .gates = ref_recurrent_gates(r->options.kind) * r->hidden,
                  .width = ref_recurrent_kept(r->options.kind) * r->hidden,
                  .c = r->cn };
    EA_TRY(scratch(ctx, r->n * f.gates, &f.gates_h));
    EA_TRY(scratch(ctx, 2 * r->hidden * ctx->threads, &f.work));
    EA_TRY(scratch(ctx, r->n * r->hidden, &f.h));
    copy(r->hn, r->h0, r->n * r->out);
    if (r->cn)
        copy(r->cn, r->c0, r->n * r->hidden);
    for (int64_t k = 0; k < r->options.steps; k++) {
        next_step(&r->options, r->n, r->rows, k, &f.now);
        EA_TRY(forward_step(ctx, &f));
    }
    return EA_OK;
}

/* --- Backward --------------------------------------------------------------------------------- */

typedef struct backward {
    const ref_recurrent_operations *op;
    const ref_recurrence_gradients *g;
    int64_t gates, width;
    step now;
    const float *ones;
    float *grad_h;       /* [n, out]: of the state after the step, then before it */
    float *grad_c;       /* [n, hidden] */
    float *grad_hidden;  /* [n, hidden]: grad_h before the projection, or grad_h itself */
    float *direct;       /* [n, hidden]: GRU: what goes to the state before without a gate */
    float *grad_gates_h; /* [rows, gates·hidden]; grad_gates_x but for GRU */
    float *grad_out;     /* [rows, out]: grad_h after each step, for the projection's gradient */
    float *work;         /* 2·hidden for each worker */
} backward;

/* grad·s·(1 − s) into y, s being a sigmoid's value; `work` is n long. */
static void through_sigmoid(const backward *b, const float *s, float *grad, float *work, int64_t n)
{
    b->op->sub(b->ones, s, work, n);
    b->op->mul(s, work, work, n);
    b->op->mul(grad, work, grad, n);
}

/* grad·(1 − t²), t being tanh's value. */
static void through_tanh(const backward *b, const float *t, float *grad, float *work, int64_t n)
{
    b->op->mul(t, t, work, n);
    b->op->sub(b->ones, work, work, n);
    b->op->mul(grad, work, grad, n);
}

static void lstm_row_backward(const backward *b, const float *kept, const float *grad_h,
                              float *grad_c, float *to, float *work)
{
    const ref_recurrent_operations *op = b->op;
    int64_t n = b->g->hidden;
    const float *i = kept, *f = kept + n, *g = kept + 2 * n, *o = kept + 3 * n;
    const float *tanh_c = kept + LSTM_TANH * n;
    op->mul(grad_h, tanh_c, to + 3 * n, n);
    op->mul(grad_h, o, work, n);
    through_tanh(b, tanh_c, work, work + n, n);
    op->add(grad_c, work, grad_c, n);
    op->mul(grad_c, g, to, n);
    op->mul(grad_c, kept + LSTM_CELL * n, to + n, n);
    op->mul(grad_c, i, to + 2 * n, n);
    op->mul(grad_c, f, grad_c, n);
    through_sigmoid(b, i, to, work, n);
    through_sigmoid(b, f, to + n, work, n);
    through_tanh(b, g, to + 2 * n, work, n);
    through_sigmoid(b, o, to + 3 * n, work, n);
}

static void gru_row_backward(const backward *b, const float *kept, const float *before,
                             const float *grad_h, float *to_x, float *to_h, float *direct,
                             float *work)
{
    const ref_recurrent_operations *op = b->op;
    int64_t n = b->g->hidden;
    const float *r = kept, *z = kept + n, *fresh = kept + 2 * n, *part = kept + GRU_PART * n;
    op->mul(grad_h, z, direct, n);
    op->sub(before, fresh, work, n);
    op->mul(grad_h, work, to_x + n, n);
    op->sub(b->ones, z, work, n);
    op->mul(grad_h, work, to_x + 2 * n, n);
    through_tanh(b, fresh, to_x + 2 * n, work, n);
    op->mul(to_x + 2 * n, part, to_x, n);
    op->mul(to_x + 2 * n, r, to_h + 2 * n, n);
    through_sigmoid(b, r, to_x, work, n);
    through_sigmoid(b, z, to_x + n, work, n);
    copy(to_h, to_x, 2 * n);
}

static void backward_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    const backward *b = argument;
    const ref_recurrence_gradients *g = b->g;
    int64_t n = g->hidden;
    float *work = b->work + worker * 2 * n;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = b->now.at + i;
        const float *kept = g->kept + row * b->width, *grad_h = b->grad_hidden + i * n;
        float *to = g->grad_gates_x + row * b->gates;
        switch (g->options.kind) {
        case EA_RECURRENT_LSTM:
            lstm_row_backward(b, kept, grad_h, b->grad_c + i * n, to, work);
            break;
        case EA_RECURRENT_GRU:
            gru_row_backward(b, kept, g->previous + row * g->out, grad_h, to,
                             b->grad_gates_h + row * b->gates, b->direct + i * n, work);
            break;
        case EA_RECURRENT_TANH:
            copy(to, grad_h, n);
            through_tanh(b, kept, to, work, n);
            break;
        default:
            b->op->relu_backward(grad_h, kept, to, n);
        }
    }
}

static ea_status backward_step(ea_context *ctx, backward *b)
{
    const ref_recurrence_gradients *g = b->g;
    const step *s = &b->now;
    if (g->grad_y)
        b->op->add(b->grad_h, g->grad_y + s->at * g->out, b->grad_h, s->n * g->out);
    ea_view grad_h = matrix(b->grad_h, s->n, g->out);
    if (g->weight_hr) {
        copy(b->grad_out + s->at * g->out, b->grad_h, s->n * g->out);
        ea_view full = matrix(b->grad_hidden, s->n, g->hidden);
        ea_view projection = matrix(g->weight_hr, g->out, g->hidden);
        EA_TRY(b->op->matmul(ctx, &grad_h, &projection, NULL, &full));
    }
    core_parallel(ctx, s->n, GRAIN / (b->gates + 1) + 1, backward_rows, b);
    ea_view gates = matrix(b->grad_gates_h + s->at * b->gates, s->n, b->gates);
    ea_view weight = matrix(g->weight_hh, b->gates, g->out);
    EA_TRY(b->op->matmul(ctx, &gates, &weight, NULL, &grad_h));
    if (g->options.kind == EA_RECURRENT_GRU)
        b->op->add(b->direct, b->grad_h, b->grad_h, s->n * g->out);
    return EA_OK;
}

static ea_status weight_gradients(ea_context *ctx, const backward *b)
{
    const ref_recurrence_gradients *g = b->g;
    ea_view gates_first = transposed(b->grad_gates_h, g->rows, b->gates);
    if (g->grad_weight_hh) {
        ea_view previous = matrix(g->previous, g->rows, g->out);
        ea_view to = matrix(g->grad_weight_hh, b->gates, g->out);
        EA_TRY(b->op->matmul(ctx, &gates_first, &previous, NULL, &to));
    }
    if (g->grad_bias_hh) {
        ea_view to = core_view_make(g->grad_bias_hh, CORE_F32, 1, &b->gates);
        EA_TRY(b->op->reduce(ctx, &gates_first, 1, false, &to));
    }
    if (!g->grad_weight_hr)
        return EA_OK;
    ea_view out_first = transposed(b->grad_out, g->rows, g->out);
    ea_view hidden = matrix(g->kept + LSTM_HIDDEN * g->hidden, g->rows, g->hidden);
    hidden.stride[0] = b->width;
    ea_view to = matrix(g->grad_weight_hr, g->out, g->hidden);
    return b->op->matmul(ctx, &out_first, &hidden, NULL, &to);
}

static ea_status prepare_backward(ea_context *ctx, backward *b)
{
    const ref_recurrence_gradients *g = b->g;
    float *ones;
    EA_TRY(scratch(ctx, g->hidden, &ones));
    for (int64_t i = 0; i < g->hidden; i++)
        ones[i] = 1;
    b->ones = ones;
    b->grad_h = g->grad_h0;
    b->grad_c = g->grad_c0;
    b->grad_hidden = g->grad_h0;
    b->grad_gates_h = g->grad_gates_x;
    EA_TRY(scratch(ctx, 2 * g->hidden * ctx->threads, &b->work));
    if (g->weight_hr) {
        EA_TRY(scratch(ctx, g->n * g->hidden, &b->grad_hidden));
        EA_TRY(scratch(ctx, g->rows * g->out, &b->grad_out));
    }
    if (g->options.kind == EA_RECURRENT_GRU) {
        EA_TRY(scratch(ctx, g->n * g->hidden, &b->direct));
        EA_TRY(scratch(ctx, g->rows * b->gates, &b->grad_gates_h));
    }
    copy(g->grad_h0, g->grad_hn, g->n * g->out);
    if (g->grad_c0)
        copy(g->grad_c0, g->grad_cn, g->n * g->hidden);
    return EA_OK;
}

ea_status ref_recurrent_backward_with(ea_context *ctx, const ref_recurrent_operations *operations,
                                      const ref_recurrence_gradients *g)
{
    backward b = { .op = operations,
                   .g = g,
                   .gates = ref_recurrent_gates(g->options.kind) * g->hidden,
                   .width = ref_recurrent_kept(g->options.kind) * g->hidden };
    EA_TRY(prepare_backward(ctx, &b));
    ea_recurrence_options against = g->options; /* backwards is the other direction's order */
    against.reverse = !against.reverse;
    for (int64_t k = 0; k < g->options.steps; k++) {
        next_step(&against, g->n, g->rows, k, &b.now);
        EA_TRY(backward_step(ctx, &b));
    }
    return weight_gradients(ctx, &b);
}

/* --- The definition's operations -------------------------------------------------------------- */

static void add(const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void sub(const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] - b[i];
}

static void mul(const float *a, const float *b, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void relu(const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

static void relu_backward(const float *grad, const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] <= 0 ? 0 : grad[i];
}

static void sigmoid(const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = math_sigmoid(x[i]);
}

static void hyperbolic_tangent(const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = math_tanh(x[i]);
}

static const ref_recurrent_operations naive = {
    add, sub, mul, relu, relu_backward, sigmoid, hyperbolic_tangent, ref_matmul, ref_reduce
};

ea_status ref_recurrent_forward(ea_context *ctx, const ref_recurrence *r)
{
    return ref_recurrent_forward_with(ctx, &naive, r);
}

ea_status ref_recurrent_backward(ea_context *ctx, const ref_recurrence_gradients *g)
{
    return ref_recurrent_backward_with(ctx, &naive, g);
}
