/* resnet.c: a small residual network (He et al., https://arxiv.org/abs/1512.03385) on MNIST.
 *
 *     resnet FOLDER-OF-MNIST [STEPS]
 *
 * Trains for STEPS batches of 50 (default 100) and prints the digest of the model.
 */
#include <eadem/eadem.h>

#include <stdio.h>
#include <stdlib.h>

#define TRY(call)                       \
    do {                                \
        if ((status = (call)) != EA_OK) \
            goto done;                  \
    } while (0)

static ea_module *conv(ea_context *ctx, int64_t in, int64_t out, int64_t kernel, int64_t stride)
{
    int64_t padding = kernel / 2;
    return ea_nn_conv2d(ctx, in, out,
                        &(ea_nn_conv2d_options){ .kernel = { kernel, kernel },
                                                 .stride = { stride, stride },
                                                 .padding = { padding, padding },
                                                 .no_bias = 1 });
}

/* Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where the shape changes.
 */
static ea_module *block(ea_context *ctx, int64_t in, int64_t out, int64_t stride)
{
    ea_module *body = ea_nn_sequential(ctx, conv(ctx, in, out, 3, stride),
                                       ea_nn_batch_norm(ctx, out, NULL), ea_nn_relu(ctx),
                                       conv(ctx, out, out, 3, 1), ea_nn_batch_norm(ctx, out, NULL));
    ea_module *shortcut = in == out && stride == 1
                              ? ea_nn_identity(ctx)
                              : ea_nn_sequential(ctx, conv(ctx, in, out, 1, stride),
                                                 ea_nn_batch_norm(ctx, out, NULL));
    return ea_nn_sequential(ctx, ea_nn_residual(ctx, body, shortcut), ea_nn_relu(ctx));
}

static ea_module *make_resnet(ea_context *ctx)
{
    return ea_nn_sequential(ctx, conv(ctx, 1, 8, 3, 1), ea_nn_batch_norm(ctx, 8, NULL),
                            ea_nn_relu(ctx), block(ctx, 8, 8, 1), /* 28 x 28 pixels */
                            block(ctx, 8, 16, 2),                 /* 14 x 14 */
                            block(ctx, 16, 32, 2),                /* 7 x 7 */
                            ea_nn_max_pool2d(ctx, &(ea_pool_options){ .kernel = { 7, 7 } }),
                            ea_nn_flatten(ctx), ea_nn_linear(ctx, 32, 10, NULL));
}

static ea_status open_mnist(ea_context *ctx, const char *folder, ea_dataset **data)
{
    char images[1024], labels[1024];
    snprintf(images, sizeof images, "%s/train-images-idx3-ubyte.gz", folder);
    snprintf(labels, sizeof labels, "%s/train-labels-idx1-ubyte.gz", folder);
    return ea_dataset_open_idx(ctx, images, labels, &(ea_dataset_options){ .classes = 10 }, data);
}

static ea_status run(ea_context *ctx, const char *folder, int steps)
{
    ea_status status = EA_OK;
    ea_dataset *data = NULL;
    ea_loader *loader = NULL;
    ea_optimizer *adamw = NULL;
    ea_tape *tape = NULL;
    ea_generator generator;
    ea_batch batch;
    char digest[EA_DIGEST_HEX];

    ea_generator_seed(&generator, EA_GENERATOR_PHILOX, 7);
    ea_module *net = make_resnet(ctx);
    if (net)
        adamw = ea_optimizer_adam(
            ctx, net, &(ea_adam_options){ .lr = 3e-3, .weight_decay = 0.01, .decoupled = 1 });
    if (!adamw)
        TRY(ea_error_status(ctx));
    TRY(ea_module_init(net, &generator));
    TRY(open_mnist(ctx, folder, &data));
    TRY(ea_loader_create(ctx, data, &(ea_loader_options){ .batch = 50, .shuffle = true }, &loader));
    TRY(ea_tape_create(ctx, &tape));

    for (int step = 1, epoch = 0; step <= steps; step++) {
        if (step % ea_loader_batches(loader) == 1)
            TRY(ea_loader_start(loader, &generator, epoch++));
        TRY(ea_loader_next(loader, &batch));
        ea_tape_begin(tape);
        ea_var *logits = ea_module_forward(net, ea_var_input(tape, batch.images));
        ea_var *loss = ea_var_cross_entropy(logits, batch.labels, EA_REDUCE_MEAN);
        ea_optimizer_zero_grad(adamw);
        TRY(ea_backward(tape, loss));
        TRY(ea_optimizer_step(adamw));
        if (step % 20 == 0 || step == steps)
            printf("step %d  loss %.4f\n", step, (double)ea_var_item(loss));
    }
    TRY(ea_module_digest(net, digest));
    printf("model %s\n", digest);

done:
    ea_tape_destroy(tape);
    ea_loader_free(loader);
    ea_dataset_free(data);
    ea_optimizer_destroy(adamw);
    ea_module_destroy(net);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: resnet FOLDER-OF-MNIST [STEPS]\n");
        return 2;
    }
    ea_context *ctx;
    ea_status status = ea_context_create(NULL, &ctx);
    if (status == EA_OK)
        status = run(ctx, argv[1], argc > 2 ? atoi(argv[2]) : 100);
    if (status != EA_OK)
        fprintf(stderr, "resnet: %s\n", ea_error_text(ctx));
    ea_context_destroy(ctx);
    return status != EA_OK;
}
