/* What one training step of LeNet-5 (batch 100) spends outside of contractions, an operation a
 * line, beside the time that memcpy takes to move as many bytes. Best of many runs. */
#include "eadem/eadem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 200 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(ea_context *ctx, ea_status status)
{
    if (status != EA_OK) {
        fprintf(stderr, "bench_ops: %s\n", ea_error_text(ctx));
        exit(1);
    }
}

static DLTensor *tensor(ea_context *ctx, DLDataType dtype, int ndim, const int64_t *shape)
{
    DLTensor *t;
    check(ctx, ea_tensor_new(ctx, dtype, ndim, shape, &t));
    for (int64_t i = 0; dtype.code == kDLFloat && i < ea_tensor_numel(t); i++)
        ((float *)t->data)[i] = (float)(rand() % 2001 - 1000) / 1000;
    return t;
}

/* The operands of one line. */
typedef struct operands {
    ea_context *ctx;
    DLTensor *x, *out, *grad, *indices, *third, *fourth;
} operands;

static void relu(operands *o)
{
    check(o->ctx, ea_relu(o->ctx, o->x, o->out));
}

static void relu_backward(operands *o)
{
    check(o->ctx, ea_relu_backward(o->ctx, o->grad, o->x, o->out));
}

static void pool(operands *o)
{
    ea_pool_options two = { .kernel = { 2, 2 } };
    check(o->ctx, ea_max_pool2d(o->ctx, o->x, &two, o->out, o->indices));
}

static void pool_backward(operands *o)
{
    check(o->ctx, ea_max_pool2d_backward(o->ctx, o->out, o->indices, o->x));
}

static void bias_sum(operands *o)
{
    int dims[] = { 0, 2, 3 };
    check(o->ctx, ea_sum(o->ctx, o->x, dims, o->x->ndim == 4 ? 3 : 1, o->out));
}

static void loss(operands *o)
{
    check(o->ctx, ea_cross_entropy(o->ctx, o->x, o->indices, EA_REDUCE_MEAN, o->grad));
    check(o->ctx,
          ea_cross_entropy_backward(o->ctx, o->grad, o->x, o->indices, EA_REDUCE_MEAN, o->out));
}

static void adam(operands *o)
{
    ea_adam_options options = { .lr = 1e-6 };
    check(o->ctx, ea_adam(o->ctx, &options, 10, o->x, o->out, o->third, o->fourth, NULL));
}

static double best(void (*run)(operands *), operands *o)
{
    double least = 1e9;
    for (int i = 0; i < RUNS; i++) {
        double begin = now();
        run(o);
        double taken = now() - begin;
        least = taken < least ? taken : least;
    }
    return least;
}

static double best_copy(size_t bytes)
{
    char *from = malloc(bytes), *to = malloc(bytes);
    if (!from || !to)
        exit(1);
    memset(from, 1, bytes);
    double least = 1e9;
    for (int i = 0; i < RUNS; i++) {
        double begin = now();
        memcpy(to, from, bytes);
        __asm__ volatile("" : : "r"(to) : "memory");
        double taken = now() - begin;
        least = taken < least ? taken : least;
    }
    free(from);
    free(to);
    return least;
}

static size_t bytes_of(const DLTensor *t)
{
    return t ? (size_t)ea_tensor_numel(t) * t->dtype.bits / 8 : 0;
}

static double line(const char *name, void (*run)(operands *), operands *o)
{
    size_t bytes = bytes_of(o->x) + bytes_of(o->out) + bytes_of(o->grad) + bytes_of(o->indices) +
                   2 * bytes_of(o->third) + 2 * bytes_of(o->fourth);
    double taken = best(run, o), copy = best_copy(bytes / 2);
    printf("  %-28s %8.1f us   memcpy of as much %8.1f us   ratio %5.2f\n", name, taken * 1e6,
           copy * 1e6, taken / copy);
    DLTensor *all[] = { o->x, o->out, o->grad, o->indices, o->third, o->fourth };
    for (int i = 0; i < 6; i++)
        ea_tensor_free(all[i]);
    return taken;
}

static double pools(ea_context *ctx, const char *name, int64_t channels, int64_t size)
{
    int64_t in[] = { 100, channels, size, size }, half[] = { 100, channels, size / 2, size / 2 };
    char forward[40], backward[40];
    snprintf(forward, sizeof forward, "max_pool2d %s", name);
    snprintf(backward, sizeof backward, "max_pool2d backward %s", name);
    operands o = { ctx,  tensor(ctx, EA_FLOAT32, 4, in), tensor(ctx, EA_FLOAT32, 4, half),
                   NULL, tensor(ctx, EA_INT64, 4, half), NULL,
                   NULL };
    double total = line(forward, pool, &o);
    o = (operands){ ctx,  tensor(ctx, EA_FLOAT32, 4, in), tensor(ctx, EA_FLOAT32, 4, half),
                    NULL, tensor(ctx, EA_INT64, 4, half), NULL,
                    NULL };
    pool(&o);
    return total + line(backward, pool_backward, &o);
}

static double activations(ea_context *ctx, const char *name, int ndim, const int64_t *shape)
{
    char text[40];
    snprintf(text, sizeof text, "relu %s", name);
    operands o = { .ctx = ctx };
    o.x = tensor(ctx, EA_FLOAT32, ndim, shape);
    o.out = tensor(ctx, EA_FLOAT32, ndim, shape);
    double total = line(text, relu, &o);
    o = (operands){ .ctx = ctx };
    o.x = tensor(ctx, EA_FLOAT32, ndim, shape);
    o.out = tensor(ctx, EA_FLOAT32, ndim, shape);
    o.grad = tensor(ctx, EA_FLOAT32, ndim, shape);
    snprintf(text, sizeof text, "relu backward %s", name);
    total += line(text, relu_backward, &o);
    o = (operands){ .ctx = ctx };
    o.x = tensor(ctx, EA_FLOAT32, ndim, shape);
    o.out = tensor(ctx, EA_FLOAT32, 1, shape + 1);
    snprintf(text, sizeof text, "bias sum %s", name);
    return total + line(text, bias_sum, &o);
}

static void run_all(ea_contract contract)
{
    ea_context *ctx;
    ea_context_options options = { .contract = contract };
    if (ea_context_create(&options, &ctx) != EA_OK) {
        fprintf(stderr, "bench_ops: %s\n", ea_error_text(NULL));
        exit(1);
    }
    printf("contract %s, %s, %d threads\n", ea_contract_name(contract), ea_context_isa(ctx),
           ea_context_threads(ctx));
    double total = activations(ctx, "100x6x28x28", 4, (int64_t[]){ 100, 6, 28, 28 });
    total += activations(ctx, "100x16x10x10", 4, (int64_t[]){ 100, 16, 10, 10 });
    total += activations(ctx, "100x120", 2, (int64_t[]){ 100, 120 });
    total += activations(ctx, "100x84", 2, (int64_t[]){ 100, 84 });
    total += pools(ctx, "100x6x28x28", 6, 28);
    total += pools(ctx, "100x16x10x10", 16, 10);

    operands o = { .ctx = ctx };
    o.x = tensor(ctx, EA_FLOAT32, 2, (int64_t[]){ 100, 10 });
    o.out = tensor(ctx, EA_FLOAT32, 2, (int64_t[]){ 100, 10 });
    o.grad = tensor(ctx, EA_FLOAT32, 0, NULL);
    o.indices = tensor(ctx, EA_INT64, 1, (int64_t[]){ 100 });
    total += line("cross entropy and backward", loss, &o);

    static const int64_t parameters[] = { 48000, 10080, 2400, 840, 150, 120, 84, 16, 10, 6 };
    for (int i = 0; i < 10; i++) {
        char text[40];
        snprintf(text, sizeof text, "adam %lld", (long long)parameters[i]);
        o = (operands){ .ctx = ctx };
        DLTensor **each[] = { &o.x, &o.out, &o.third, &o.fourth };
        for (int j = 0; j < 4; j++)
            *each[j] = tensor(ctx, EA_FLOAT32, 1, &parameters[i]);
        memset(o.fourth->data, 0, (size_t)parameters[i] * 4);
        total += line(text, adam, &o);
    }
    printf("  %-28s %8.1f us\n", "one step together", total * 1e6);
    ea_context_destroy(ctx);
}

int main(void)
{
    run_all(EA_CONTRACT_CHAIN);
    run_all(EA_CONTRACT_REPDL);
    return 0;
}
