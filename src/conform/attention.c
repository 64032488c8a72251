/* attention.c: cases of scaled dot-product attention: the result and all gradients. */
#include "conform/families.h"
#include "eadem/op.h"

static void run(conform *c, const DLTensor *q, const DLTensor *k, const DLTensor *v,
                const DLTensor *mask, const ea_attention_options *options)
{
    if (!q || !k || !v)
        return;
    ea_context *ctx = conform_context(c);
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < q->ndim; d++)
        shape[d] = q->shape[d];
    shape[q->ndim - 1] = v->shape[v->ndim - 1];
    DLTensor *out = conform_zeros(c, EA_FLOAT32, q->ndim, shape);
    DLTensor *grad = conform_floats(c, 9, q->ndim, shape);
    DLTensor *grad_q = conform_zeros(c, EA_FLOAT32, q->ndim, q->shape);
    DLTensor *grad_k = conform_zeros(c, EA_FLOAT32, k->ndim, k->shape);
    DLTensor *grad_v = conform_zeros(c, EA_FLOAT32, v->ndim, v->shape);
    ea_generator before = { 0 };
    if (options && options->generator)
        before = *options->generator;
    conform_check(c, ea_attention(ctx, q, k, v, mask, options, out));
    if (options && options->generator)
        *options->generator = before;
    conform_check(c,
                  ea_attention_backward(ctx, grad, q, k, v, mask, options, grad_q, grad_k, grad_v));
    conform_emit(c, out);
    conform_emit(c, grad_q);
    conform_emit(c, grad_k);
    conform_emit(c, grad_v);
}

static void lengths(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t m = conform_sizes[i], n = m < 40 ? m : 7;
        DLTensor *q = conform_floats(c, 1, 3, (int64_t[]){ 2, n, 16 });
        DLTensor *k = conform_floats(c, 2, 3, (int64_t[]){ 2, m, 16 });
        DLTensor *v = conform_floats(c, 3, 3, (int64_t[]){ 2, m, 24 });
        run(c, q, k, v, NULL, NULL);
        run(c, q, k, v, NULL, &(ea_attention_options){ .causal = 1, .scale = 0.3 });
    }
}

static void shared_heads(conform *c)
{
    DLTensor *q = conform_floats(c, 1, 4, (int64_t[]){ 3, 6, 19, 32 });
    DLTensor *k = conform_floats(c, 2, 4, (int64_t[]){ 3, 2, 33, 32 });
    DLTensor *v = conform_floats(c, 3, 4, (int64_t[]){ 3, 2, 33, 8 });
    run(c, q, k, v, NULL, &(ea_attention_options){ .causal = 1 });
    run(c, conform_strided(c, q, 2, -2), k, v, NULL, NULL);
}

/* Rows that see nothing, and all layouts of a mask. */
static void masks(conform *c)
{
    DLTensor *q = conform_floats(c, 1, 4, (int64_t[]){ 2, 3, 17, 8 });
    DLTensor *k = conform_floats(c, 2, 4, (int64_t[]){ 2, 3, 20, 8 });
    DLTensor *v = conform_floats(c, 3, 4, (int64_t[]){ 2, 3, 20, 8 });
    DLTensor *chosen = conform_indices(c, 4, 2, 2, (int64_t[]){ 17, 20 });
    DLTensor *truth = conform_zeros(c, EA_BOOL, 2, (int64_t[]){ 17, 20 });
    for (int i = 0; chosen && truth && i < 17 * 20; i++)
        ((uint8_t *)truth->data)[i] = i >= 40 && ((const int64_t *)chosen->data)[i] != 0;
    run(c, q, k, v, truth, NULL);
    run(c, q, k, v, conform_floats(c, 5, 4, (int64_t[]){ 2, 1, 17, 20 }), NULL);
}

static void specials(conform *c)
{
    DLTensor *q = conform_bits(c, 5, 3, (int64_t[]){ 1, 30, 3 });
    DLTensor *k = conform_bits(c, 6, 3, (int64_t[]){ 1, 9, 3 });
    DLTensor *v = conform_bits(c, 7, 3, (int64_t[]){ 1, 9, 3 });
    run(c, q, k, v, NULL, &(ea_attention_options){ .causal = 1 });
}

static void dropout(conform *c)
{
    static const double p[] = { 0.25, 0.9, 1 };
    DLTensor *q = conform_floats(c, 1, 4, (int64_t[]){ 3, 4, 21, 8 });
    DLTensor *k = conform_floats(c, 2, 4, (int64_t[]){ 3, 2, 33, 8 });
    DLTensor *v = conform_floats(c, 3, 4, (int64_t[]){ 3, 2, 33, 5 });
    for (int i = 0; i < 3; i++) {
        ea_generator generator;
        ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 7);
        run(c, q, k, v, NULL,
            &(ea_attention_options){ .causal = i % 2, .dropout = p[i], .generator = &generator });
    }
}

static const conform_case cases[] = {
    { "lengths", lengths },   { "shared-heads", shared_heads }, { "masks", masks },
    { "specials", specials }, { "dropout", dropout },
};

const conform_family conform_attention = { "attention", cases, sizeof cases / sizeof cases[0] };
