/* random.c: random numbers. */
#include "native.h"

#include "eadem/random.h"

/* --- random.h: tensor 0 is PyTorch's generator state (uint8), read and written; floats are
 * parameters --- */

static unsigned char *state_of(const native_call *call, int i)
{
    return (unsigned char *)T(i)->data + T(i)->byte_offset;
}

ea_status native_generator_load(const native_call *call, int i, ea_generator *generator)
{
    if (!T(i) || ea_tensor_numel(T(i)) != EA_MT19937_STATE_BYTES)
        return EA_ERR_ARGUMENT;
    *generator = (ea_generator){ .kind = EA_GENERATOR_MT19937 };
    return ea_mt19937_load(call->ctx, state_of(call, i), &generator->u.mt19937);
}

void native_generator_save(const native_call *call, int i, const ea_generator *generator)
{
    ea_mt19937_save(&generator->u.mt19937, state_of(call, i));
}

typedef ea_status (*random_fill)(const native_call *call, ea_generator *generator);

static ea_status with_generator(const native_call *call, random_fill fill)
{
    ea_generator generator;
    ea_status status = native_generator_load(call, 0, &generator);
    if (status == EA_OK)
        status = fill(call, &generator);
    if (status == EA_OK)
        native_generator_save(call, 0, &generator);
    return status;
}

static ea_status fill_uniform(const native_call *call, ea_generator *generator)
{
    return ea_uniform(call->ctx, generator, F(0), F(1), T(1));
}

static ea_status fill_normal(const native_call *call, ea_generator *generator)
{
    return ea_normal(call->ctx, generator, F(0), F(1), T(1));
}

static ea_status fill_bernoulli(const native_call *call, ea_generator *generator)
{
    return ea_bernoulli(call->ctx, generator, F(0), T(1));
}

static ea_status fill_exponential(const native_call *call, ea_generator *generator)
{
    return ea_exponential(call->ctx, generator, F(0), T(1));
}

static ea_status fill_multinomial(const native_call *call, ea_generator *generator)
{
    return ea_multinomial(call->ctx, generator, T(1), I(0) != 0, T(2));
}

static ea_status run_bernoulli(const native_call *call)
{
    return with_generator(call, fill_bernoulli);
}

static ea_status run_exponential(const native_call *call)
{
    return with_generator(call, fill_exponential);
}

static ea_status run_multinomial(const native_call *call)
{
    return with_generator(call, fill_multinomial);
}

static ea_status run_uniform(const native_call *call)
{
    return with_generator(call, fill_uniform);
}

static ea_status run_normal(const native_call *call)
{
    return with_generator(call, fill_normal);
}

static const native_op ops[] = {
    { "bernoulli", 2, run_bernoulli },     { "exponential", 2, run_exponential },
    { "multinomial", 3, run_multinomial }, { "uniform", 2, run_uniform },
    { "normal", 2, run_normal },
};

const native_family native_random = { ops, sizeof ops / sizeof ops[0] };
