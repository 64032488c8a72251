/* mlp.c: a multilayer perceptron learns which of two interleaved spirals a point is on.
 *
 *     mlp [STEPS]
 *
 * Needs no data. Prints the loss, the accuracy, and the digest of the trained model, which is the
 * same on every machine.
 */
#include <eadem/eadem.h>

#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 400 };

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != EA_OK) \
            goto done;                  \
    } while (0)

/* Each point is the one before, turned a little and pulled inwards: no library function whose last
 * bit may differ between machines. */
static void make_spirals(float *points, int64_t *labels)
{
    float x = 1, y = 0;
    for (int i = 0; i < POINTS; i += 2) {
        float turned_x = 0.9986f * x - 0.0523f * y;
        float turned_y = 0.0523f * x + 0.9986f * y;
        x = 0.988f * turned_x;
        y = 0.988f * turned_y;
        for (int spiral = 0; spiral < 2; spiral++) {
            points[2 * (i + spiral)] = spiral ? -x : x;
            points[2 * (i + spiral) + 1] = spiral ? -y : y;
            labels[i + spiral] = spiral;
        }
    }
}

static int count_correct(const DLTensor *logits, const int64_t *labels)
{
    const float *row = logits->data;
    int correct = 0;
    for (int i = 0; i < POINTS; i++, row += 2)
        correct += (row[1] > row[0]) == labels[i];
    return correct;
}

static ea_status run(ea_context *ctx, int steps)
{
    ea_status status = EA_OK;
    ea_tape *tape = NULL;
    ea_optimizer *sgd = NULL;
    DLTensor *points = NULL, *labels = NULL;
    char digest[EA_DIGEST_HEX];

    ea_module *net = ea_nn_sequential(ctx, ea_nn_linear(ctx, 2, 32, NULL), ea_nn_tanh(ctx),
                                      ea_nn_linear(ctx, 32, 32, NULL), ea_nn_tanh(ctx),
                                      ea_nn_linear(ctx, 32, 2, NULL));
    if (net)
        sgd = ea_optimizer_sgd(ctx, net, &(ea_sgd_options){ .lr = 0.2, .momentum = 0.9 });
    if (!sgd)
        TRY(ea_error_status(ctx));
    ea_generator generator;
    ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 1);
    TRY(ea_module_init(net, &generator));
    TRY(ea_tape_create(ctx, &tape));
    TRY(ea_tensor_new(ctx, EA_FLOAT32, 2, (int64_t[]){ POINTS, 2 }, &points));
    TRY(ea_tensor_new(ctx, EA_INT64, 1, (int64_t[]){ POINTS }, &labels));
    make_spirals(points->data, labels->data);

    for (int step = 1; step <= steps; step++) {
        ea_tape_begin(tape);
        ea_var *logits = ea_module_forward(net, ea_var_input(tape, points));
        ea_var *loss = ea_var_cross_entropy(logits, labels, EA_REDUCE_MEAN);
        ea_optimizer_zero_grad(sgd);
        TRY(ea_backward(tape, loss));
        TRY(ea_optimizer_step(sgd));
        if (step % 200 == 0 || step == steps)
            printf("step %d  loss %.4f  correct %d of %d\n", step, (double)ea_var_item(loss),
                   count_correct(ea_var_value(logits), labels->data), POINTS);
    }
    TRY(ea_module_digest(net, digest));
    printf("model %s\n", digest);

done:
    ea_tensor_free(labels);
    ea_tensor_free(points);
    ea_tape_destroy(tape);
    ea_optimizer_destroy(sgd);
    ea_module_destroy(net);
    return status;
}

int main(int argc, char **argv)
{
    ea_context *ctx;
    ea_status status = ea_context_create(NULL, &ctx);
    if (status == EA_OK)
        status = run(ctx, argc > 1 ? atoi(argv[1]) : 1000);
    if (status != EA_OK)
        fprintf(stderr, "mlp: %s\n", ea_error_text(ctx));
    ea_context_destroy(ctx);
    return status != EA_OK;
}
