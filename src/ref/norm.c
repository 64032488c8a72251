/* norm.c: definition of batch normalisation. Each channel is a row: its values over the batch and
 * the positions, in row-major order. */
#include "ref/ref.h"

#include <math.h>

static float at(const ea_view *row, int64_t k)
{
    return core_load(row, core_offset(row, k));
}

/* The mean, and the sum of the squared differences from it. */
static float statistics(ea_contract contract, const ea_view *x, float *squares)
{
    int64_t n = core_numel(x);
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < n; k++)
        ref_sum_add(&sum, at(x, k));
    float mean = ref_mean(contract, ref_sum_end(&sum), n);
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < n; k++) {
        float difference = at(x, k) - mean;
        ref_sum_add(&sum, difference * difference);
    }
    *squares = ref_sum_end(&sum);
    return mean;
}

static void update_running(const ref_norm *norm, const ea_view *running, int64_t channel,
                           float value)
{
    if (!running)
        return;
    int64_t offset = core_offset(running, channel);
    core_store(running, offset,
               norm->momentum * value + norm->one_minus_momentum * core_load(running, offset));
}

static void normalise(const ref_norm *norm, int64_t channel, float mean, float std)
{
    ea_view x = core_row(norm->x, 1, channel), out = core_row(norm->out, 1, channel);
    for (int64_t k = 0; k < core_numel(&x); k++) {
        float y = (at(&x, k) - mean) / std;
        if (norm->weight)
            y = y * at(norm->weight, channel);
        if (norm->bias)
            y = y + at(norm->bias, channel);
        core_store(&out, core_offset(&out, k), y);
    }
}

ea_status ref_batch_norm(ea_context *ctx, const ref_norm *norm)
{
    for (int64_t c = 0; c < norm->x->shape[0]; c++) {
        ea_view x = core_row(norm->x, 1, c);
        int64_t n = core_numel(&x);
        float mean, var;
        if (norm->training) {
            float squares;
            mean = statistics(ctx->contract, &x, &squares);
            var = ref_mean(ctx->contract, squares, n);
            update_running(norm, norm->running_mean, c, mean);
            update_running(norm, norm->running_var, c,
                           ctx->contract == EA_CONTRACT_REPDL ? var : squares / (float)(n - 1));
        } else {
            mean = at(norm->running_mean, c);
            var = at(norm->running_var, c);
        }
        float std = sqrtf(var + norm->eps);
        normalise(norm, c, mean, std);
        if (norm->save_mean)
            core_store(norm->save_mean, core_offset(norm->save_mean, c), mean);
        if (norm->save_std)
            core_store(norm->save_std, core_offset(norm->save_std, c), std);
    }
    return EA_OK;
}

/* One channel of the backward: what its elements need. */
typedef struct channel {
    ea_view grad, x;
    int64_t n;
    float mean, std, weight;
} channel;

typedef float (*term)(const channel *c, int64_t k);

static float grad_term(const channel *c, int64_t k)
{
    return at(&c->grad, k);
}

/* The gradient times the normalised input: what the weight's gradient sums. */
static float weight_term(const channel *c, int64_t k)
{
    return (at(&c->x, k) - c->mean) / c->std * at(&c->grad, k);
}

/* What RepDL's gradient of the variance sums. */
static float variance_term(const channel *c, int64_t k)
{
    float slope = c->weight / (2 * c->std * c->std * c->std);
    return at(&c->grad, k) * (c->mean - at(&c->x, k)) * slope;
}

static float sum_terms(ea_contract contract, const channel *c, term value)
{
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < c->n; k++)
        ref_sum_add(&sum, value(c, k));
    return ref_sum_end(&sum);
}

static void chain_grad_x(const channel *c, const ea_view *grad_x, bool training, float sum_grad,
                         float sum_weight)
{
    float scale = c->weight / c->std;
    float mean_grad = sum_grad / (float)c->n, mean_weight = sum_weight / (float)c->n;
    for (int64_t k = 0; k < c->n; k++) {
        float g = at(&c->grad, k);
        if (training) {
            float normalised = (at(&c->x, k) - c->mean) / c->std;
            g = (g - mean_grad) - normalised * mean_weight;
        }
        core_store(grad_x, core_offset(grad_x, k), scale * g);
    }
}

/* RepDL's forward is a graph in which x is used three times: in the normalisation, in the
 * variance's differences, in the mean. Autograd adds the three gradients in that order; the mean in
 * turn collects its gradient from the normalisation and then from the differences. */
static void repdl_grad_x(const channel *c, const ea_view *grad_x, bool training, float sum_grad)
{
    float scale = c->weight / c->std, share = (float)(1.0 / (double)c->n);
    float grad_var = sum_terms(EA_CONTRACT_REPDL, c, variance_term) * share;
    ref_sum sum;
    ref_sum_begin(&sum, EA_CONTRACT_REPDL);
    for (int64_t k = 0; k < c->n; k++)
        ref_sum_add(&sum, -(2 * (grad_var * (at(&c->x, k) - c->mean))));
    float grad_mean = -c->weight / c->std * sum_grad + ref_sum_end(&sum);
    for (int64_t k = 0; k < c->n; k++) {
        float g = scale * at(&c->grad, k);
        if (training) {
            g = g + 2 * (grad_var * (at(&c->x, k) - c->mean));
            g = g + grad_mean * share;
        }
        core_store(grad_x, core_offset(grad_x, k), g);
    }
}

ea_status ref_batch_norm_backward(ea_context *ctx, const ref_norm_backward *norm)
{
    for (int64_t i = 0; i < norm->x->shape[0]; i++) {
        channel c = { .grad = core_row(norm->grad_out, 1, i),
                      .x = core_row(norm->x, 1, i),
                      .mean = at(norm->save_mean, i),
                      .std = at(norm->save_std, i),
                      .weight = norm->weight ? at(norm->weight, i) : 1 };
        c.n = core_numel(&c.x);
        float sum_grad = sum_terms(ctx->contract, &c, grad_term);
        float sum_weight = sum_terms(ctx->contract, &c, weight_term);
        if (norm->grad_bias)
            core_store(norm->grad_bias, core_offset(norm->grad_bias, i), sum_grad);
        if (norm->grad_weight)
            core_store(norm->grad_weight, core_offset(norm->grad_weight, i), sum_weight);
        if (!norm->grad_x)
            continue;
        ea_view grad_x = core_row(norm->grad_x, 1, i);
        if (ctx->contract == EA_CONTRACT_REPDL)
            repdl_grad_x(&c, &grad_x, norm->training, sum_grad);
        else
            chain_grad_x(&c, &grad_x, norm->training, sum_grad, sum_weight);
    }
    return EA_OK;
}
