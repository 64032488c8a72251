/* recipe.h: a recipe (docs/recipes.md): which data, model and optimizer a training has. */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H

#include "core/memory.h"
#include "eadem/data.h"
#include "eadem/nn.h"

typedef enum train_layer_kind {
    TRAIN_CONV2D,
    TRAIN_LINEAR,
    TRAIN_BATCH_NORM,
    TRAIN_MAX_POOL2D,
    TRAIN_RELU,
    TRAIN_TANH,
    TRAIN_SIGMOID,
    TRAIN_FLATTEN,
    TRAIN_RESIDUAL
} train_layer_kind;

typedef struct train_layers {
    int count;
    struct train_layer *items;
} train_layers;

/* A layer's options; a kind uses those that its keys name. */
typedef struct train_layer {
    train_layer_kind kind;
    int line; /* in the recipe, for errors */
    int64_t in, out;
    bool bias;
    int64_t kernel[2], stride[2], padding[2], dilation[2], groups;
    bool ceil_mode;
    double eps, momentum;
    train_layers body, shortcut;
} train_layer;

/* From TRAIN_UPDATE on: TRAIN_UPDATE + an ea_update_rule. */
typedef enum train_optimizer_kind {
    TRAIN_SGD,
    TRAIN_ADAM,
    TRAIN_ADAMW,
    TRAIN_UPDATE
} train_optimizer_kind;

typedef struct train_files {
    char *images;
    char *labels;
} train_files;

typedef struct train_recipe {
    core_arena *arena; /* this and `document` hold everything below */
    struct io_yaml *document;
    const char *path;
    char digest[EA_DIGEST_HEX]; /* SHA-256 of the file */

    int contract;
    train_files train, test; /* paths, relative ones already joined to the recipe's folder */
    int64_t classes;
    double mean[EA_MAX_CHANNELS], deviation[EA_MAX_CHANNELS]; /* 0: not normalised */

    const char *name; /* prefix of the parameters' names; NULL: none */
    train_layers layers;
    int64_t discarded_initialisations;

    int generator; /* ea_generator_kind */
    int64_t seed;

    int64_t epochs, batch, test_batch, workers;
    bool shuffle, drop_last;
    train_optimizer_kind optimizer;
    double lr, momentum, dampening, betas[2], eps, weight_decay;
    bool nesterov, amsgrad;
    ea_update_options update;
    ea_schedule schedule; /* of plateau: CONSTANT, with the warm-up */
    bool on_plateau;      /* the rate follows the epochs' mean losses */
    ea_plateau plateau;
    double clip_norm; /* 0: gradients are not clipped */

    int64_t checkpoint_every; /* steps; 0: only at the end */
} train_recipe;

/* Reads a recipe. Failures are sentences "file:line: …" in ea_error_text(NULL).
 * Errors: EA_ERR_IO, EA_ERR_FORMAT, EA_ERR_MEMORY. */
ea_status train_recipe_read(const char *path, train_recipe *out);
/* The same from bytes; `path` is for errors and relative paths. */
ea_status train_recipe_parse(const char *path, const void *bytes, size_t size, train_recipe *out);
void train_recipe_free(train_recipe *recipe);

#endif
