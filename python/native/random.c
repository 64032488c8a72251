/* random.c: random numbers. */
#include "native.h"

#include "eadem/random.h"

/* --- random.h: tensor 0 is PyTorch's generator state (uint8), read and written; floats are
 * parameters --- */

typedef ea_status (*random_fill)(const native_call *call, ea_generator *generator);

static ea_status with_generator(const native_call *call, random_fill fill)
{
    if (ea_tensor_numel(T(0)) != EA_MT19937_STATE_BYTES)
        return EA_ERR_ARGUMENT;
    unsigned char *state = (unsigned char *)T(0)->data + T(0)->byte_offset;
    ea_generator generator = { .kind = EA_GENERATOR_MT19937 };
    ea_status status = ea_mt19937_load(call->ctx, state, &generator.u.mt19937);
    if (status == EA_OK)
        status = fill(call, &generator);
    if (status == EA_OK)
        ea_mt19937_save(&generator.u.mt19937, state);
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

static ea_status fill_exponential(const native_call *call, ea_generator *generator)
{
    return ea_exponential(call->ctx, generator, F(0), T(1));
}

static ea_status fill_multinomial(const native_call *call, ea_generator *generator)
{
    return ea_multinomial(call->ctx, generator, T(1), I(0) != 0, T(2));
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
    { "exponential", 2, run_exponential },
    { "multinomial", 3, run_multinomial },
    { "uniform", 2, run_uniform },
    { "normal", 2, run_normal },
};

const native_family native_random = { ops, sizeof ops / sizeof ops[0] };
