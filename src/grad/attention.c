/* attention.c: backward rule of scaled dot-product attention. */
#include "grad/tape.h"

typedef struct attention_saved {
    const DLTensor *mask; /* or NULL */
    ea_attention_options options;
    ea_generator generator; /* of dropout, as it stood before the forward */
} attention_saved;

static ea_status attention_rule(ea_var *out)
{
    const attention_saved *s = out->saved;
    ea_generator generator = s->generator;
    ea_attention_options options = s->options;
    grad_place to[3];
    options.generator = s->options.generator ? &generator : NULL;
    for (int i = 0; i < 3; i++)
        EA_TRY(grad_open(out->inputs[i], &to[i]));
    EA_TRY(ea_attention_backward(out->tape->ctx, &out->grad, &out->inputs[0]->value,
                                 &out->inputs[1]->value, &out->inputs[2]->value, s->mask, &options,
                                 to[0].tensor, to[1].tensor, to[2].tensor));
    for (int i = 0; i < 3; i++)
        EA_TRY(grad_close(&to[i]));
    return EA_OK;
}

ea_var *ea_var_attention(ea_var *q, ea_var *k, ea_var *v, const DLTensor *mask,
                         const ea_attention_options *options)
{
    if (!q || !k || !v)
        return NULL;
    attention_saved *s = grad_alloc(q->tape, sizeof *s);
    if (!s || (mask && !(mask = grad_keep(q->tape, mask))))
        return NULL;
    *s = (attention_saved){ mask, options ? *options : (ea_attention_options){ 0 }, { 0 } };
    if (s->options.generator)
        s->generator = *s->options.generator;
    int64_t shape[EA_MAX_DIMS];
    int ndim = q->value.ndim;
    memcpy(shape, q->shape, sizeof shape);
    if (ndim > 0 && v->value.ndim == ndim)
        shape[ndim - 1] = v->shape[ndim - 1];
    ea_var *out = grad_var(q->tape, ndim, shape, attention_rule, q, k, v);
    if (!out)
        return NULL;
    out->saved = s;
    return grad_done(out, ea_attention(q->tape->ctx, &q->value, &k->value, &v->value, mask,
                                       &s->options, &out->value));
}
