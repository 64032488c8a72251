/* trace.c: what a training writes into a trace. */
#include "train/trace.h"

#include "core/context.h"

#include <endian.h>
#include <stdio.h>

static ea_status put(train_session *s, ea_trace_role role, const char *name, const DLTensor *tensor)
{
    return ea_trace_tensor(s->trace, (uint64_t)s->step + 1, role, name, tensor);
}

/* A layer's output. Its failure is kept until the step asks: the forward pass cannot hand it on. */
static void put_activation(void *argument, const char *name, const DLTensor *value)
{
    train_session *s = argument;
    if (s->trace_status == EA_OK && s->tracing)
        s->trace_status = put(s, EA_TRACE_ACTIVATION, name, value);
}

ea_status train_trace_open(train_session *s)
{
    char producer[EA_TRACE_PRODUCER_MAX + 1];
    if (!s->options->trace)
        return EA_OK;
    snprintf(producer, sizeof producer, "eadem %s", ea_version());
    EA_TRY(ea_trace_create(s->ctx, s->options->trace, producer,
                           ea_contract_name(ea_context_contract(s->ctx)), &s->trace));
    ea_tape_watch(s->tape, put_activation, s);
    return EA_OK;
}

static ea_status put_generator(train_session *s)
{
    const ea_generator *generator = &s->generator;
    uint64_t step = (uint64_t)s->step + 1;
    if (generator->kind == EA_GENERATOR_PHILOX) {
        uint64_t state[3] = { htole64(generator->u.philox.seed),
                              htole64(generator->u.philox.stream),
                              htole64(generator->u.philox.position) };
        return ea_trace_bytes(s->trace, step, EA_TRACE_GENERATOR, "generator", state, sizeof state);
    }
    unsigned char state[EA_MT19937_STATE_BYTES];
    ea_mt19937_save(&generator->u.mt19937, state);
    return ea_trace_bytes(s->trace, step, EA_TRACE_GENERATOR, "generator", state, sizeof state);
}

ea_status train_trace_batch(train_session *s, const ea_batch *batch)
{
    if (!s->trace)
        return EA_OK;
    int64_t count = batch->count;
    DLTensor samples = { .data = (void *)(uintptr_t)batch->samples,
                         .device = { kDLCPU, 0 },
                         .ndim = 1,
                         .dtype = EA_INT64,
                         .shape = &count };
    EA_TRY(put_generator(s));
    EA_TRY(put(s, EA_TRACE_BATCH, "samples", &samples));
    EA_TRY(put(s, EA_TRACE_BATCH, "images", batch->images));
    EA_TRY(put(s, EA_TRACE_BATCH, "labels", batch->labels));
    s->tracing = true;
    return EA_OK;
}

ea_status train_trace_gradients(train_session *s)
{
    DLTensor loss = { .data = &s->loss, .device = { kDLCPU, 0 }, .ndim = 0, .dtype = EA_FLOAT32 };
    const ea_parameter *parameter;
    if (!s->trace)
        return EA_OK;
    s->tracing = false;
    EA_TRY(s->trace_status);
    EA_TRY(put(s, EA_TRACE_ACTIVATION, "loss", &loss));
    for (int i = 0; (parameter = ea_module_parameter(s->model, i)); i++)
        if (parameter->grad && parameter->has_grad)
            EA_TRY(put(s, EA_TRACE_GRADIENT, parameter->name, parameter->grad));
    return EA_OK;
}

ea_status train_trace_update(train_session *s)
{
    const ea_parameter *parameter;
    if (!s->trace)
        return EA_OK;
    for (int i = 0; (parameter = ea_module_parameter(s->model, i)); i++)
        EA_TRY(put(s, EA_TRACE_PARAMETER, parameter->name, parameter->value));
    for (int i = 0; (parameter = ea_optimizer_state(s->optimizer, i)); i++)
        EA_TRY(put(s, EA_TRACE_OPTIMISER, parameter->name, parameter->value));
    return EA_OK;
}

ea_status train_trace_close(train_session *s, ea_status status)
{
    ea_status closed = ea_trace_close(s->trace);
    s->trace = NULL;
    return status != EA_OK ? status : closed;
}
