/* power.c: operations made around powers: pooling by the p-norm and local response normalisation.
 */
#include "core/fp.h"
#include "grad/tape.h"

#include <math.h>

static ea_var *power(ea_var *x, double exponent)
{
    return x ? ea_var_point(EA_FN_POW, (ea_var *[]){ x, grad_number(x->tape, exponent) }, NULL)
             : NULL;
}

ea_var *ea_var_lp_pool(ea_var *x, int dims, double p, const int64_t *kernel, const int64_t *stride,
                       int ceil_mode)
{
    ea_pool_options options = { .ceil_mode = ceil_mode };
    if (!x)
        return NULL;
    if (dims < 1 || dims > 3 || !(p > 0))
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                            "ea_var_lp_pool: %d dimensions, p is %g: give 1 to 3, "
                                            "and more than 0",
                                            dims, p));
    memcpy(options.kernel, kernel, sizeof *kernel * (size_t)dims);
    memcpy(options.stride, stride ? stride : kernel, sizeof *kernel * (size_t)dims);
    if (isinf(p))
        return ea_var_max_pool(x, dims, &options);
    core_fp saved = core_fp_enter();
    double root = 1 / p;
    core_fp_leave(saved);
    int64_t count = 1;
    for (int d = 0; d < dims; d++)
        count *= kernel[d];
    ea_var *means = ea_var_avg_pool(power(x, p), dims, &options);
    return power(ea_var_mul(means, grad_number(x->tape, (double)count)), root);
}

ea_var *ea_var_local_response_norm(ea_var *x, int64_t size, double alpha, double beta, double k)
{
    if (!x)
        return NULL;
    if (x->value.ndim < 3 || size < 1)
        return grad_fail(x->tape,
                         core_fail(x->tape->ctx, EA_ERR_SHAPE,
                                   "ea_var_local_response_norm: x has %d dimensions, size is %lld: "
                                   "give [n, c, …] and a positive size",
                                   x->value.ndim, (long long)size));
    int64_t n = x->shape[0], channels = x->shape[1], numel = ea_tensor_numel(&x->value);
    int64_t rest = n > 0 && channels > 0 ? numel / (n * channels) : 0;
    ea_pad_options pad = { .mode = EA_PAD_CONSTANT };
    ea_pool_options window = { .kernel = { size, 1 }, .stride = { 1, 1 } };
    pad.before[0] = size / 2;
    pad.after[0] = (size - 1) / 2;
    ea_var *squares = ea_var_reshape(ea_var_mul(x, x), 4, (int64_t[]){ n, 1, channels, rest });
    ea_var *means = ea_var_avg_pool(ea_var_pad(squares, 2, &pad), 2, &window);
    ea_var *scale =
        ea_var_mul(ea_var_reshape(means, x->value.ndim, x->shape), grad_number(x->tape, alpha));
    return ea_var_div(x, power(ea_var_add(scale, grad_number(x->tape, k)), beta));
}
