/* recurrent.c: recurrent networks on the tape: layers and directions around the recurrence, which
 * is one value: y, then hn, then cn, flat, because an operation makes one value. */
#include "grad/tape.h"

enum { GATES_X, H0, C0, WEIGHT_HH, BIAS_HH, WEIGHT_HR, INPUTS };

typedef struct recurrence_saved {
    ea_recurrence_options options;
    int64_t n, rows, hidden, out;
    ea_var *in[INPUTS]; /* NULL: absent */
    DLTensor kept, previous;
    int64_t kept_shape[2], previous_shape[2];
} recurrence_saved;

/* A matrix inside a flat tensor, from element `at` on; its shape is written to `shape`. */
static DLTensor piece(const DLTensor *flat, int64_t at, int64_t rows, int64_t columns,
                      int64_t shape[2])
{
    shape[0] = rows;
    shape[1] = columns;
    return (DLTensor){ .data = (float *)flat->data + at,
                       .device = { kDLCPU, 0 },
                       .ndim = 2,
                       .dtype = EA_FLOAT32,
                       .shape = shape };
}

/* The three pieces of a flat value or gradient. */
typedef struct pieces {
    DLTensor y, hn, cn;
    int64_t shape[3][2];
} pieces;

static void cut(const recurrence_saved *s, const DLTensor *flat, pieces *p)
{
    int64_t y = s->rows * s->out, h = s->n * s->out;
    p->y = piece(flat, 0, s->rows, s->out, p->shape[0]);
    p->hn = piece(flat, y, s->n, s->out, p->shape[1]);
    p->cn = piece(flat, y + h, s->n, s->hidden, p->shape[2]);
}

static const DLTensor *value_of(const ea_var *var)
{
    return var ? &var->value : NULL;
}

/* Where the gradient of a state that may be absent goes. */
static ea_status state_place(ea_tape *tape, ea_var *state, int64_t n, int64_t columns,
                             int64_t shape[2], grad_place *place, DLTensor *room)
{
    EA_TRY(grad_open(state, place));
    if (place->tensor)
        return EA_OK;
    shape[0] = n;
    shape[1] = columns;
    return grad_tensor(tape, EA_FLOAT32, 2, shape, room) ? EA_OK : tape->status;
}

static ea_status recurrence_rule(ea_var *out)
{
    const recurrence_saved *s = out->saved;
    ea_tape *tape = out->tape;
    bool lstm = s->options.kind == EA_RECURRENT_LSTM;
    grad_place to[INPUTS];
    DLTensor room[INPUTS];
    int64_t shape[INPUTS][2], gates = ea_recurrent_gates(s->options.kind) * s->hidden;
    pieces grad;
    cut(s, &out->grad, &grad);
    EA_TRY(state_place(tape, s->in[GATES_X], s->rows, gates, shape[0], &to[GATES_X], room));
    EA_TRY(state_place(tape, s->in[H0], s->n, s->out, shape[1], &to[H0], room + H0));
    EA_TRY(state_place(tape, s->in[C0], s->n, s->hidden, shape[2], &to[C0], room + C0));
    for (int i = WEIGHT_HH; i < INPUTS; i++)
        EA_TRY(grad_open(s->in[i], &to[i]));
    ea_recurrence_gradients call = {
        .grad_y = &grad.y,
        .grad_hn = &grad.hn,
        .grad_cn = lstm ? &grad.cn : NULL,
        .weight_hh = value_of(s->in[WEIGHT_HH]),
        .weight_hr = value_of(s->in[WEIGHT_HR]),
        .kept = &s->kept,
        .previous = &s->previous,
        .grad_gates_x = to[GATES_X].tensor ? to[GATES_X].tensor : room,
        .grad_h0 = to[H0].tensor ? to[H0].tensor : room + H0,
        .grad_c0 = to[C0].tensor ? to[C0].tensor : room + C0,
        .grad_weight_hh = to[WEIGHT_HH].tensor,
        .grad_bias_hh = to[BIAS_HH].tensor,
        .grad_weight_hr = to[WEIGHT_HR].tensor,
    };
    EA_TRY(ea_recurrence_backward(tape->ctx, &s->options, &call));
    for (int i = 0; i < INPUTS; i++)
        EA_TRY(grad_close(&to[i]));
    return EA_OK;
}

static ea_status run_forward(const recurrence_saved *s, const DLTensor *flat)
{
    bool lstm = s->options.kind == EA_RECURRENT_LSTM;
    pieces p;
    cut(s, flat, &p);
    ea_recurrence call = { .gates_x = value_of(s->in[GATES_X]),
                           .h0 = value_of(s->in[H0]),
                           .c0 = value_of(s->in[C0]),
                           .weight_hh = value_of(s->in[WEIGHT_HH]),
                           .bias_hh = value_of(s->in[BIAS_HH]),
                           .weight_hr = value_of(s->in[WEIGHT_HR]),
                           .y = &p.y,
                           .hn = &p.hn,
                           .cn = lstm ? &p.cn : NULL,
                           .kept = (DLTensor *)&s->kept,
                           .previous = (DLTensor *)&s->previous };
    return ea_recurrence_forward(s->in[GATES_X]->tape->ctx, &s->options, &call);
}

/* The flat value; s has everything but the memory for the backward. */
static ea_var *recurrence(ea_tape *tape, recurrence_saved *s)
{
    int64_t flat = s->rows * s->out + s->n * (s->out + s->hidden);
    s->kept_shape[0] = s->previous_shape[0] = s->rows;
    s->kept_shape[1] = ea_recurrent_kept(s->options.kind) * s->hidden;
    s->previous_shape[1] = s->out;
    ea_var *out = grad_var(tape, 1, &flat, recurrence_rule, s->in[GATES_X], s->in[H0], s->in[C0]);
    if (!out || !grad_tensor(tape, EA_FLOAT32, 2, s->kept_shape, &s->kept) ||
        !grad_tensor(tape, EA_FLOAT32, 2, s->previous_shape, &s->previous))
        return NULL;
    for (int i = 0; i < INPUTS; i++)
        out->needs_grad |= s->in[i] && s->in[i]->needs_grad && !tape->no_grad;
    if (s->options.kind != EA_RECURRENT_LSTM)
        memset((float *)out->value.data + flat - s->n * s->hidden, 0,
               sizeof(float) * (size_t)(s->n * s->hidden)); /* no cell state */
    out->saved = s;
    return grad_done(out, run_forward(s, &out->value));
}

/* --- Layers and directions -------------------------------------------------------------------- */

/* Elements at … of a flat value as a matrix. */
static ea_var *matrix_of(ea_var *flat, int64_t at, int64_t rows, int64_t columns)
{
    return ea_var_reshape(ea_var_narrow(flat, 0, at, rows * columns), 2,
                          (int64_t[]){ rows, columns });
}

static ea_var *present(ea_var *var)
{
    return var == ea_no_bias ? NULL : var;
}

typedef struct network {
    ea_tape *tape;
    const ea_recurrent_options *options;
    ea_recurrence_options steps;
    ea_var *h0, *c0; /* NULL: zeros */
    int64_t n, rows;
    int directions;
} network;

/* State number i of h0 or c0: [count, n, columns] gives [n, columns]. */
static ea_var *state_of(const network *net, ea_var *states, int i)
{
    if (!states)
        return NULL;
    return ea_var_reshape(ea_var_narrow(states, 0, i, 1), 2,
                          (int64_t[]){ net->n, states->shape[states->value.ndim - 1] });
}

/* One direction of one layer: y, with its last states in *hn and *cn. */
static ea_var *one_direction(const network *net, ea_var *x, const ea_recurrent_layer *w, int number,
                             ea_var **hn, ea_var **cn)
{
    if (!w->weight_ih || !w->weight_hh || !w->bias_ih || !w->bias_hh || !w->weight_hr)
        return NULL;
    recurrence_saved *s = grad_alloc(net->tape, sizeof *s);
    ea_var *gates = ea_var_linear(x, w->weight_ih, w->bias_ih);
    if (!s || !gates)
        return NULL;
    *s = (recurrence_saved){ .options = net->steps, .n = net->n, .rows = net->rows };
    s->options.reverse = number % net->directions;
    s->hidden = gates->shape[1] / ea_recurrent_gates(net->options->kind);
    s->out = w->weight_hh->shape[1];
    ea_var *const in[INPUTS] = { gates,
                                 state_of(net, net->h0, number),
                                 state_of(net, net->c0, number),
                                 w->weight_hh,
                                 present(w->bias_hh),
                                 present(w->weight_hr) };
    memcpy(s->in, in, sizeof in);
    if ((net->h0 && !s->in[H0]) || (net->c0 && !s->in[C0]))
        return NULL;
    ea_var *flat = recurrence(net->tape, s);
    int64_t y = s->rows * s->out, h = s->n * s->out;
    *hn = matrix_of(flat, y, s->n, s->out);
    *cn = matrix_of(flat, y + h, s->n, s->hidden);
    return matrix_of(flat, 0, s->rows, s->out);
}

static ea_var *layers(const network *net, ea_var *x, const ea_recurrent_layer *weights, ea_var **hn,
                      ea_var **cn)
{
    const ea_recurrent_options *o = net->options;
    for (int layer = 0; layer < o->layers; layer++) {
        ea_var *y[2];
        for (int d = 0; d < net->directions; d++) {
            int number = layer * net->directions + d;
            y[d] = one_direction(net, x, &weights[number], number, &hn[number], &cn[number]);
        }
        x = net->directions == 1 ? y[0] : ea_var_cat(y, 2, 1);
        if (layer + 1 < o->layers)
            x = ea_var_dropout(x, o->dropout, o->generator);
    }
    return x;
}

/* [layers·directions, n, …], or none. */
static bool states_fit(const network *net, const ea_var *states)
{
    int count = net->options->layers * net->directions;
    return !states || (states->value.ndim == 3 && states->shape[0] == count);
}

static ea_status open_network(ea_var *x, const ea_recurrent_options *o, network *net)
{
    ea_context *ctx = x->tape->ctx;
    int ndim = o->batch_sizes ? 2 : 3;
    if (!ea_recurrent_gates(o->kind) || o->layers < 1 || x->value.ndim != ndim)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_var_recurrent: kind %d, %d layers, x of %d dimensions: give a kind, "
                         "layers, and %d dimensions",
                         (int)o->kind, o->layers, x->value.ndim, ndim);
    if (!states_fit(net, net->h0) || !states_fit(net, net->c0))
        return core_fail(ctx, EA_ERR_SHAPE, "ea_var_recurrent: h0 or c0 is not [%d, n, …]",
                         o->layers * net->directions);
    net->steps.steps = o->batch_sizes ? o->steps : x->shape[0];
    net->n = o->batch_sizes ? (o->steps > 0 ? o->batch_sizes[0] : 0) : x->shape[1];
    net->rows = o->batch_sizes ? x->shape[0] : x->shape[0] * x->shape[1];
    if (!o->batch_sizes)
        return EA_OK;
    size_t bytes = sizeof *o->batch_sizes * (size_t)o->steps;
    int64_t *sizes = grad_alloc(x->tape, bytes);
    if (!sizes)
        return x->tape->status;
    memcpy(sizes, o->batch_sizes, bytes);
    net->steps.batch_sizes = sizes;
    return EA_OK;
}

/* The last states one above the other, [count, n, …]. */
static ea_var *stacked(ea_var *const *states, int count)
{
    return ea_var_stack(states, count, 0);
}

ea_var *ea_var_recurrent(ea_var *x, const ea_recurrent_options *options,
                         const ea_recurrent_layer *weights, ea_var *h0, ea_var *c0, ea_var **hn,
                         ea_var **cn)
{
    static const int swap[] = { 1, 0, 2 };
    *hn = *cn = NULL;
    if (!x || !h0 || !c0)
        return NULL;
    bool swapped = options->batch_first && !options->batch_sizes;
    if (swapped && !(x = ea_var_permute(x, swap, 3)))
        return NULL;
    network net = { .tape = x->tape,
                    .options = options,
                    .steps.kind = options->kind,
                    .h0 = present(h0),
                    .c0 = present(c0),
                    .directions = options->bidirectional ? 2 : 1 };
    ea_status status = open_network(x, options, &net);
    if (status != EA_OK)
        return grad_fail(x->tape, status);
    int count = options->layers * net.directions;
    ea_var **states = grad_alloc(x->tape, sizeof *states * 2 * (size_t)count);
    if (!states)
        return NULL;
    memset(states, 0, sizeof *states * 2 * (size_t)count); /* a failure leaves NULLs */
    int64_t steps = net.steps.steps;
    ea_var *rows = ea_var_reshape(x, 2, (int64_t[]){ net.rows, x->shape[x->value.ndim - 1] });
    ea_var *y = layers(&net, rows, weights, states, states + count);
    *hn = stacked(states, count);
    *cn = stacked(states + count, count);
    if (!y || options->batch_sizes)
        return y;
    y = ea_var_reshape(y, 3, (int64_t[]){ steps, net.n, y->shape[1] });
    return swapped ? ea_var_permute(y, swap, 3) : y;
}
