/* recurrent.c: cases of recurrent layers: forward and all gradients. */
#include "conform/families.h"
#include "eadem/op.h"

typedef struct setting {
    ea_recurrent_kind kind;
    int reverse;
    int64_t steps, n, rows, hidden, out; /* out < hidden: a projection */
    const int64_t *batch_sizes;
} setting;

static DLTensor *floats(conform *c, uint32_t seed, int64_t rows, int64_t columns)
{
    return conform_floats(c, seed, 2, (int64_t[]){ rows, columns });
}

static DLTensor *zeros(conform *c, int64_t rows, int64_t columns)
{
    return conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ rows, columns });
}

static void run(conform *c, setting s)
{
    ea_context *ctx = conform_context(c);
    int64_t gates = ea_recurrent_gates(s.kind) * s.hidden, kept = ea_recurrent_kept(s.kind);
    ea_recurrence_options options = { s.kind, s.reverse, s.steps, s.batch_sizes };
    DLTensor *weight = floats(c, 3, gates, s.out);
    DLTensor *weight_hr = s.out < s.hidden ? floats(c, 4, s.out, s.hidden) : NULL;
    ea_recurrence r = { .gates_x = floats(c, 5, s.rows, gates),
                        .h0 = floats(c, 6, s.n, s.out),
                        .c0 = floats(c, 7, s.n, s.hidden),
                        .weight_hh = weight,
                        .bias_hh = conform_floats(c, 8, 1, &gates),
                        .weight_hr = weight_hr,
                        .y = zeros(c, s.rows, s.out),
                        .hn = zeros(c, s.n, s.out),
                        .cn = zeros(c, s.n, s.hidden),
                        .kept = zeros(c, s.rows, kept * s.hidden),
                        .previous = zeros(c, s.rows, s.out) };
    conform_check(c, ea_recurrence_forward(ctx, &options, &r));
    ea_recurrence_gradients g = {
        .grad_y = floats(c, 9, s.rows, s.out),
        .grad_hn = floats(c, 10, s.n, s.out),
        .grad_cn = floats(c, 11, s.n, s.hidden),
        .weight_hh = weight,
        .weight_hr = weight_hr,
        .kept = r.kept,
        .previous = r.previous,
        .grad_gates_x = zeros(c, s.rows, gates),
        .grad_h0 = zeros(c, s.n, s.out),
        .grad_c0 = zeros(c, s.n, s.hidden),
        .grad_weight_hh = zeros(c, gates, s.out),
        .grad_bias_hh = conform_zeros(c, EA_FLOAT32, 1, &gates),
        .grad_weight_hr = weight_hr ? zeros(c, s.out, s.hidden) : NULL,
    };
    conform_check(c, ea_recurrence_backward(ctx, &options, &g));
    const DLTensor *const emitted[] = {
        r.y, r.hn, r.cn, g.grad_h0, g.grad_c0, g.grad_gates_x, g.grad_weight_hh, g.grad_bias_hh
    };
    for (int i = 0; i < 8; i++)
        conform_emit(c, emitted[i]);
    if (weight_hr)
        conform_emit(c, g.grad_weight_hr);
}

static void kinds(conform *c)
{
    for (int kind = 0; kind < EA_RECURRENT_COUNT; kind++)
        for (int reverse = 0; reverse < 2; reverse++)
            run(c, (setting){ (ea_recurrent_kind)kind, reverse, 5, 3, 15, 17, 17, NULL });
}

static void long_sequences(conform *c)
{
    for (int kind = 0; kind < EA_RECURRENT_COUNT; kind++)
        run(c, (setting){ (ea_recurrent_kind)kind, 0, 350, 3, 1050, 9, 9, NULL });
}

static void projections(conform *c)
{
    run(c, (setting){ EA_RECURRENT_LSTM, 0, 6, 4, 24, 33, 7, NULL });
    run(c, (setting){ EA_RECURRENT_LSTM, 1, 6, 4, 24, 33, 7, NULL });
}

static void packed(conform *c)
{
    static const int64_t sizes[] = { 5, 5, 3, 2, 2, 1 };
    for (int kind = 0; kind < EA_RECURRENT_COUNT; kind++)
        for (int reverse = 0; reverse < 2; reverse++)
            run(c, (setting){ (ea_recurrent_kind)kind, reverse, 6, 5, 18, 16, 16, sizes });
}

static const conform_case cases[] = {
    { "kinds", kinds },
    { "long-sequences", long_sequences },
    { "projections", projections },
    { "packed", packed },
};

const conform_family conform_recurrent = { "recurrent", cases, sizeof cases / sizeof cases[0] };
