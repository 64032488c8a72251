/* lenet.c: LeNet-5 on MNIST, with the bits of RepDL's PyTorch example.
 *
 *     lenet FOLDER-OF-MNIST [STEPS]
 *
 * Trains for STEPS batches of 100 (default 600: one epoch) and prints the digest of the model.
 */
#include <eadem/eadem.h>

#include <stdio.h>
#include <stdlib.h>

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != EA_OK) \
            goto done;                  \
    } while (0)

static ea_module *make_lenet(ea_context *ctx)
{
    const ea_nn_conv2d_options padded = { .kernel = { 5, 5 }, .padding = { 2, 2 } };
    const ea_nn_conv2d_options plain = { .kernel = { 5, 5 } };
    const ea_pool_options halve = { .kernel = { 2, 2 } };
    return ea_nn_sequential(ctx, ea_nn_conv2d(ctx, 1, 6, &padded),          /* 28 x 28 pixels */
                            ea_nn_relu(ctx), ea_nn_max_pool2d(ctx, &halve), /* 14 x 14 */
                            ea_nn_conv2d(ctx, 6, 16, &plain),               /* 10 x 10 */
                            ea_nn_relu(ctx), ea_nn_max_pool2d(ctx, &halve), /* 5 x 5 */
                            ea_nn_flatten(ctx), ea_nn_linear(ctx, 400, 120, NULL), ea_nn_relu(ctx),
                            ea_nn_linear(ctx, 120, 84, NULL), ea_nn_relu(ctx),
                            ea_nn_linear(ctx, 84, 10, NULL));
}

static ea_status open_mnist(ea_context *ctx, const char *folder, ea_dataset **data)
{
    char images[1024], labels[1024];
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte.gz", folder);
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte.gz", folder);
    return ea_dataset_open_idx(ctx, images, labels, &(ea_dataset_options){ .classes = 10 }, data);
}

/* RepDL makes a PyTorch model and then its own from it, which draws a second initialisation from
 * the same generator and throws it away. */
static ea_status initialise(ea_context *ctx, ea_module *net, ea_generator *generator)
{
    ea_module *second = make_lenet(ctx);
    ea_status status = second ? ea_module_init(net, generator) : ea_error_status(ctx);
    if (status == EA_OK)
        status = ea_module_init(second, generator);
    ea_module_destroy(second);
    return status;
}

static ea_status train_step(ea_tape *tape, ea_module *net, ea_optimizer *adam,
                            const ea_batch *batch, float *loss)
{
    ea_tape_begin(tape);
    ea_var *logits = ea_module_forward(net, ea_var_input(tape, batch->images));
    ea_var *error = ea_var_cross_entropy(logits, batch->labels, EA_REDUCE_MEAN);
    ea_optimizer_zero_grad(adam);
    ea_status status = ea_backward(tape, error);
    *loss = ea_var_item(error);
    return status == EA_OK ? ea_optimizer_step(adam) : status;
}

static ea_status run(ea_context *ctx, const char *folder, int steps)
{
    ea_status status = EA_OK;
    ea_dataset *data = NULL;
    ea_loader *loader = NULL;
    ea_optimizer *adam = NULL;
    ea_tape *tape = NULL;
    ea_generator generator;
    ea_batch batch = { .count = 0 };
    char digest[EA_DIGEST_HEX];

    ea_generator_seed(&generator, EA_GENERATOR_MT19937, 0); /* torch.manual_seed(0) */
    ea_module *net = make_lenet(ctx);
    if (net)
        adam = ea_optimizer_adam(ctx, net, &(ea_adam_options){ .lr = 0.01 });
    if (!adam)
        TRY(ea_error_status(ctx));
    TRY(initialise(ctx, net, &generator));
    TRY(open_mnist(ctx, folder, &data));
    TRY(ea_loader_create(ctx, data, &(ea_loader_options){ .batch = 100, .shuffle = true },
                         &loader));
    TRY(ea_tape_create(ctx, &tape));

    for (int step = 1, epoch = 0; step <= steps; step++) {
        float loss;
        if (step % ea_loader_batches(loader) == 1)
            TRY(ea_loader_start(loader, &generator, epoch++));
        TRY(ea_loader_next(loader, &batch));
        TRY(train_step(tape, net, adam, &batch, &loss));
        if (step % 100 == 0 || step == steps)
            printf("step %d  loss %.4f\n", step, (double)loss);
    }
    TRY(ea_module_digest(net, digest));
    printf("model %s\n", digest);

done:
    ea_tape_destroy(tape);
    ea_loader_free(loader);
    ea_dataset_free(data);
    ea_optimizer_destroy(adam);
    ea_module_destroy(net);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: lenet FOLDER-OF-MNIST [STEPS]\n");
        return 2;
    }
    ea_context *ctx;
    ea_status status =
        ea_context_create(&(ea_context_options){ .contract = EA_CONTRACT_REPDL }, &ctx);
    if (status == EA_OK)
        status = run(ctx, argv[1], argc > 2 ? atoi(argv[2]) : 600);
    if (status != EA_OK)
        fprintf(stderr, "lenet: %s\n", ea_error_text(ctx));
    ea_context_destroy(ctx);
    return status != EA_OK;
}
