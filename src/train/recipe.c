/* recipe.c: reading a recipe. docs/recipes.md explains each key. */
#include "train/recipe.h"

#include "io/file.h"
#include "io/yaml.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20, MAX_SIZE = 1 << 20 /* of anything counted in a layer */ };

static ea_status no_memory(const train_recipe *recipe)
{
    return core_fail(NULL, EA_ERR_MEMORY, "no memory for the recipe %s", recipe->path);
}

/* --- Values ---------------------------------------------------------------------------------- */

static ea_status require_int(const io_node *map, const char *key, int64_t min, int64_t max,
                             int64_t *out)
{
    const io_node *node;
    EA_TRY(io_yaml_require(NULL, map, key, IO_SCALAR, &node));
    return io_yaml_int(NULL, map, key, min, max, out);
}

/* One number for both directions, or [height, width]. Absent: stays as it is. */
static ea_status read_pair(const io_node *map, const char *key, int64_t min, int64_t out[2])
{
    const io_node *node = io_yaml_find(map, key);
    if (!node)
        return EA_OK;
    if (node->kind == IO_SCALAR) {
        EA_TRY(io_node_int(NULL, node, key, min, MAX_SIZE, &out[0]));
        out[1] = out[0];
        return EA_OK;
    }
    if (node->kind != IO_LIST || node->count != 2)
        return io_yaml_error(NULL, node, "%s must be one number, or [height, width]", key);
    EA_TRY(io_node_int(NULL, node->first, key, min, MAX_SIZE, &out[0]));
    return io_node_int(NULL, node->first->next, key, min, MAX_SIZE, &out[1]);
}

static ea_status require_pair(const io_node *map, const char *key, int64_t min, int64_t out[2])
{
    if (!io_yaml_find(map, key))
        return io_yaml_error(NULL, map, "'%s' is missing", key);
    return read_pair(map, key, min, out);
}

/* A list of at most `max_count` numbers. Absent: stays as it is. */
static ea_status read_numbers(const io_node *map, const char *key, double min, double max,
                              int max_count, double *out)
{
    const io_node *node = io_yaml_find(map, key);
    if (!node)
        return EA_OK;
    if (node->kind != IO_LIST || node->count < 1 || node->count > max_count)
        return io_yaml_error(NULL, node, "%s must be a list of 1 to %d numbers", key, max_count);
    for (const io_node *item = node->first; item; item = item->next)
        EA_TRY(io_node_double(NULL, item, key, min, max, out++));
    return EA_OK;
}

/* --- Layers ---------------------------------------------------------------------------------- */

static ea_status read_layers(train_recipe *recipe, const io_node *list, train_layers *layers);

static ea_status read_conv2d(train_recipe *recipe, const io_node *map, train_layer *layer)
{
    static const char *const keys[] = { "in",       "out",    "kernel", "stride", "padding",
                                        "dilation", "groups", "bias",   NULL };
    (void)recipe;
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(require_int(map, "in", 1, MAX_SIZE, &layer->in));
    EA_TRY(require_int(map, "out", 1, MAX_SIZE, &layer->out));
    EA_TRY(require_pair(map, "kernel", 1, layer->kernel));
    EA_TRY(read_pair(map, "stride", 1, layer->stride));
    EA_TRY(read_pair(map, "padding", 0, layer->padding));
    EA_TRY(read_pair(map, "dilation", 1, layer->dilation));
    EA_TRY(io_yaml_int(NULL, map, "groups", 1, MAX_SIZE, &layer->groups));
    return io_yaml_bool(NULL, map, "bias", &layer->bias);
}

static ea_status read_linear(train_recipe *recipe, const io_node *map, train_layer *layer)
{
    static const char *const keys[] = { "in", "out", "bias", NULL };
    (void)recipe;
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(require_int(map, "in", 1, MAX_SIZE, &layer->in));
    EA_TRY(require_int(map, "out", 1, MAX_SIZE, &layer->out));
    return io_yaml_bool(NULL, map, "bias", &layer->bias);
}

static ea_status read_batch_norm(train_recipe *recipe, const io_node *map, train_layer *layer)
{
    static const char *const keys[] = { "features", "eps", "momentum", NULL };
    (void)recipe;
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(require_int(map, "features", 1, MAX_SIZE, &layer->in));
    EA_TRY(io_yaml_double(NULL, map, "eps", 1e-30, 1, &layer->eps));
    return io_yaml_double(NULL, map, "momentum", 1e-30, 1, &layer->momentum);
}

static ea_status read_max_pool2d(train_recipe *recipe, const io_node *map, train_layer *layer)
{
    static const char *const keys[] = {
        "kernel", "stride", "padding", "dilation", "ceil_mode", NULL
    };
    (void)recipe;
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(require_pair(map, "kernel", 1, layer->kernel));
    EA_TRY(read_pair(map, "stride", 1, layer->stride));
    EA_TRY(read_pair(map, "padding", 0, layer->padding));
    EA_TRY(read_pair(map, "dilation", 1, layer->dilation));
    return io_yaml_bool(NULL, map, "ceil_mode", &layer->ceil_mode);
}

static ea_status read_residual(train_recipe *recipe, const io_node *map, train_layer *layer)
{
    static const char *const keys[] = { "body", "shortcut", NULL };
    const io_node *list;
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(io_yaml_require(NULL, map, "body", IO_LIST, &list));
    EA_TRY(read_layers(recipe, list, &layer->body));
    if (!io_yaml_find(map, "shortcut"))
        return EA_OK;
    EA_TRY(io_yaml_require(NULL, map, "shortcut", IO_LIST, &list));
    return read_layers(recipe, list, &layer->shortcut);
}

/* By train_layer_kind. */
static const char *const layer_names[] = { "conv2d", "linear",  "batch_norm", "max_pool2d", "relu",
                                           "tanh",   "sigmoid", "flatten",    "residual",   NULL };
/* NULL: the layer has no options. */
static ea_status (*const layer_readers[])(train_recipe *, const io_node *, train_layer *) = {
    read_conv2d, read_linear, read_batch_norm, read_max_pool2d, NULL, NULL,
    NULL,        NULL,        read_residual
};

/* "relu", or one key, the layer's name, with its options. */
static ea_status read_layer(train_recipe *recipe, const io_node *item, train_layer *layer)
{
    const io_node *options = item->kind == IO_MAP && item->count == 1 ? item->first : NULL;
    if (item->kind != IO_SCALAR && !options)
        return io_yaml_error(NULL, item, "a layer must be a name, or one name and its options");
    const char *name = options ? options->key : item->text;
    int kind;
    EA_TRY(io_yaml_name(NULL, item, "layer", name, layer_names, &kind));
    *layer = (train_layer){ .kind = (train_layer_kind)kind, .line = item->line, .bias = true };
    if (!layer_readers[kind] && options)
        return io_yaml_error(NULL, item, "%s has no options", name);
    if (layer_readers[kind] && !options)
        return io_yaml_error(NULL, item, "%s needs options: docs/recipes.md lists them", name);
    return options ? layer_readers[kind](recipe, options, layer) : EA_OK;
}

static ea_status read_layers(train_recipe *recipe, const io_node *list, train_layers *layers)
{
    layers->items = core_arena_alloc(recipe->arena, (size_t)list->count * sizeof *layers->items);
    if (!layers->items)
        return no_memory(recipe);
    for (const io_node *item = list->first; item; item = item->next)
        EA_TRY(read_layer(recipe, item, &layers->items[layers->count++]));
    return EA_OK;
}

/* --- Optimizers ------------------------------------------------------------------------------ */

static ea_status read_sgd(const io_node *map, train_recipe *recipe)
{
    static const char *const keys[] = { "lr",           "momentum", "dampening",
                                        "weight_decay", "nesterov", NULL };
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(io_yaml_double(NULL, map, "lr", 0, 1e6, &recipe->lr));
    EA_TRY(io_yaml_double(NULL, map, "momentum", 0, 1, &recipe->momentum));
    EA_TRY(io_yaml_double(NULL, map, "dampening", 0, 1, &recipe->dampening));
    EA_TRY(io_yaml_double(NULL, map, "weight_decay", 0, 1e6, &recipe->weight_decay));
    return io_yaml_bool(NULL, map, "nesterov", &recipe->nesterov);
}

static ea_status read_adam(const io_node *map, train_recipe *recipe)
{
    static const char *const keys[] = { "lr", "betas", "eps", "weight_decay", "amsgrad", NULL };
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(io_yaml_double(NULL, map, "lr", 0, 1e6, &recipe->lr));
    EA_TRY(read_numbers(map, "betas", 0, 0.9999999, 2, recipe->betas));
    EA_TRY(io_yaml_double(NULL, map, "eps", 0, 1, &recipe->eps));
    EA_TRY(io_yaml_double(NULL, map, "weight_decay", 0, 1e6, &recipe->weight_decay));
    return io_yaml_bool(NULL, map, "amsgrad", &recipe->amsgrad);
}

/* 0 in the recipe is a true 0, which ea_update_options writes as a negative number. */
static ea_status read_true(const io_node *map, const char *key, double most, double *out)
{
    double value = -1;
    if (!io_yaml_find(map, key))
        return EA_OK;
    EA_TRY(io_yaml_double(NULL, map, key, 0, most, &value));
    *out = value == 0 ? -1 : value;
    return EA_OK;
}

/* The optimizers by number; each takes PyTorch's options for it. */
static ea_status read_update(const io_node *map, train_recipe *recipe)
{
    static const char *const keys[EA_UPDATE_COUNT][10] = {
        [EA_UPDATE_NADAM] = { "lr", "weight_decay", "betas", "eps", "momentum_decay", "decoupled" },
        [EA_UPDATE_RADAM] = { "lr", "weight_decay", "betas", "eps", "decoupled" },
        [EA_UPDATE_ADAMAX] = { "lr", "weight_decay", "betas", "eps" },
        [EA_UPDATE_RMSPROP] = { "lr", "weight_decay", "alpha", "eps", "momentum", "centered" },
        [EA_UPDATE_ADAGRAD] = { "lr", "weight_decay", "eps", "lr_decay" },
        [EA_UPDATE_ADADELTA] = { "lr", "weight_decay", "rho", "eps" },
        [EA_UPDATE_LION] = { "lr", "weight_decay", "betas" },
    };
    static const double rates[EA_UPDATE_COUNT] = { 2e-3, 1e-3, 2e-3, 1e-2, 1e-2, 1, 1e-4 };
    ea_update_options *o = &recipe->update;
    bool centered = false, decoupled = false;
    double betas[2] = { 0.9, o->rule == EA_UPDATE_LION ? 0.99 : 0.999 };
    o->lr = rates[o->rule];
    EA_TRY(io_yaml_keys(NULL, map, keys[o->rule]));
    EA_TRY(io_yaml_double(NULL, map, "lr", 0, 1e6, &o->lr));
    EA_TRY(io_yaml_double(NULL, map, "weight_decay", 0, 1e6, &o->weight_decay));
    EA_TRY(io_yaml_double(NULL, map, "momentum", 0, 1, &o->momentum));
    EA_TRY(io_yaml_double(NULL, map, "lr_decay", 0, 1e6, &o->lr_decay));
    EA_TRY(read_true(map, "momentum_decay", 1e6, &o->momentum_decay));
    EA_TRY(read_true(map, "eps", 1, &o->eps));
    EA_TRY(read_true(map, "alpha", 0.9999999, &o->beta2));
    EA_TRY(read_true(map, "rho", 0.9999999, &o->beta2));
    EA_TRY(io_yaml_bool(NULL, map, "centered", &centered));
    EA_TRY(io_yaml_bool(NULL, map, "decoupled", &decoupled));
    o->centered = centered;
    o->decoupled = decoupled;
    if (!io_yaml_find(map, "betas"))
        return EA_OK;
    EA_TRY(read_numbers(map, "betas", 0, 0.9999999, 2, betas));
    o->beta1 = betas[0] == 0 ? -1 : betas[0];
    o->beta2 = betas[1] == 0 ? -1 : betas[1];
    return EA_OK;
}

/* Steps that rise, at least one. */
static ea_status read_milestones(train_recipe *recipe, const io_node *map)
{
    const io_node *list;
    EA_TRY(io_yaml_require(NULL, map, "milestones", IO_LIST, &list));
    if (list->count < 1)
        return io_yaml_error(NULL, list, "milestones must be a list of steps, each after the last");
    int64_t *steps = core_arena_alloc(recipe->arena, sizeof *steps * (size_t)list->count);
    if (!steps)
        return no_memory(recipe);
    int count = 0;
    for (const io_node *item = list->first; item; item = item->next, count++) {
        EA_TRY(io_node_int(NULL, item, "milestones", 1, INT64_MAX, &steps[count]));
        if (count > 0 && steps[count] <= steps[count - 1])
            return io_yaml_error(NULL, item, "milestones: %lld does not come after %lld",
                                 (long long)steps[count], (long long)steps[count - 1]);
    }
    recipe->schedule.milestones = steps;
    recipe->schedule.milestone_count = count;
    return EA_OK;
}

static ea_status read_plateau(train_recipe *recipe, const io_node *map)
{
    ea_plateau *p = &recipe->plateau;
    recipe->on_plateau = true;
    p->patience = 10; /* PyTorch's */
    EA_TRY(io_yaml_double(NULL, map, "factor", 1e-9, 0.9999999, &p->factor));
    EA_TRY(io_yaml_int(NULL, map, "patience", 0, INT64_MAX, &p->patience));
    EA_TRY(io_yaml_int(NULL, map, "cooldown", 0, INT64_MAX, &p->cooldown));
    EA_TRY(read_true(map, "threshold", 1, &p->threshold));
    return io_yaml_double(NULL, map, "min_lr", 0, 1e6, &p->min_lr);
}

/* One name with its options, as an optimizer; the names by ea_schedule_kind, then plateau. */
static ea_status read_schedule(const io_node *training, train_recipe *recipe)
{
    static const char *const names[] = { "constant",   "step",     "multistep", "exponential",
                                         "cosine",     "restarts", "one_cycle", "linear",
                                         "polynomial", "plateau",  NULL };
    static const char *const keys[][7] = {
        { "warmup" },
        { "warmup", "steps", "gamma" },
        { "warmup", "milestones", "gamma" },
        { "warmup", "gamma" },
        { "warmup", "steps", "min_lr" },
        { "warmup", "steps", "min_lr", "multiply" },
        { "warmup", "steps", "rise" },
        { "warmup", "steps", "start", "end" },
        { "warmup", "steps", "power" },
        { "warmup", "factor", "patience", "cooldown", "threshold", "min_lr" },
    };
    ea_schedule *s = &recipe->schedule;
    const io_node *node, *map;
    int kind;
    if (!io_yaml_find(training, "schedule"))
        return EA_OK;
    EA_TRY(io_yaml_require(NULL, training, "schedule", IO_MAP, &node));
    if (node->count != 1)
        return io_yaml_error(NULL, node, "schedule must be one name and its options");
    map = node->first;
    EA_TRY(io_yaml_name(NULL, map, "schedule", map->key, names, &kind));
    EA_TRY(io_yaml_keys(NULL, map, keys[kind]));
    EA_TRY(io_yaml_int(NULL, map, "warmup", 0, INT64_MAX, &s->warmup));
    if (kind == EA_SCHEDULE_COUNT)
        return read_plateau(recipe, map);
    s->kind = (ea_schedule_kind)kind;
    if (kind == EA_SCHEDULE_MULTISTEP)
        EA_TRY(read_milestones(recipe, map));
    EA_TRY(io_yaml_int(NULL, map, "steps", 1, INT64_MAX, &s->steps));
    EA_TRY(io_yaml_int(NULL, map, "multiply", 1, 1000, &s->multiply));
    EA_TRY(io_yaml_double(NULL, map, "gamma", 1e-9, 1e3, &s->gamma));
    EA_TRY(io_yaml_double(NULL, map, "min_lr", 0, 1e6, &s->min_lr));
    EA_TRY(io_yaml_double(NULL, map, "start", 1e-9, 1e3, &s->start));
    EA_TRY(io_yaml_double(NULL, map, "end", 1e-9, 1e3, &s->end));
    EA_TRY(io_yaml_double(NULL, map, "power", 1e-9, 1e3, &s->power));
    return io_yaml_double(NULL, map, "rise", 1e-9, 1, &s->rise);
}

/* Starts from PyTorch's defaults. */
static ea_status read_optimizer(const io_node *training, train_recipe *recipe)
{
    static const char *const names[] = { "sgd",      "adam",   "adamw",   "nadam",
                                         "radam",    "adamax", "rmsprop", "adagrad",
                                         "adadelta", "lion",   NULL };
    const io_node *node;
    int kind;
    EA_TRY(io_yaml_require(NULL, training, "optimizer", IO_MAP, &node));
    if (node->count != 1)
        return io_yaml_error(NULL, node, "optimizer must be one name and its options");
    EA_TRY(io_yaml_name(NULL, node->first, "optimizer", node->first->key, names, &kind));
    recipe->optimizer = (train_optimizer_kind)kind;
    recipe->lr = 1e-3;
    recipe->betas[0] = 0.9;
    recipe->betas[1] = 0.999;
    recipe->eps = 1e-8;
    recipe->weight_decay = kind == TRAIN_ADAMW ? 0.01 : 0;
    if (kind >= TRAIN_UPDATE) {
        recipe->update.rule = (ea_update_rule)(kind - TRAIN_UPDATE);
        return read_update(node->first, recipe);
    }
    return kind == TRAIN_SGD ? read_sgd(node->first, recipe) : read_adam(node->first, recipe);
}

/* --- Sections -------------------------------------------------------------------------------- */

/* A path is relative to the recipe's folder. */
static ea_status read_path(train_recipe *recipe, const io_node *map, const char *key, char **out)
{
    const io_node *node;
    EA_TRY(io_yaml_require(NULL, map, key, IO_SCALAR, &node));
    const char *slash = node->text[0] == '/' ? NULL : strrchr(recipe->path, '/');
    int folder = slash ? (int)(slash - recipe->path) + 1 : 0;
    size_t size = (size_t)folder + strlen(node->text) + 1;
    *out = core_arena_alloc(recipe->arena, size);
    if (!*out)
        return no_memory(recipe);
    snprintf(*out, size, "%.*s%s", folder, recipe->path, node->text);
    return EA_OK;
}

static ea_status read_files(train_recipe *recipe, const io_node *data, const char *key,
                            train_files *out)
{
    static const char *const keys[] = { "images", "labels", NULL };
    const io_node *map;
    EA_TRY(io_yaml_require(NULL, data, key, IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(read_path(recipe, map, "images", &out->images));
    return read_path(recipe, map, "labels", &out->labels);
}

static ea_status read_normalize(train_recipe *recipe, const io_node *data)
{
    static const char *const keys[] = { "mean", "std", NULL };
    const io_node *map, *mean, *std;
    if (!io_yaml_find(data, "normalize"))
        return EA_OK;
    EA_TRY(io_yaml_require(NULL, data, "normalize", IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(io_yaml_require(NULL, map, "mean", IO_LIST, &mean));
    EA_TRY(io_yaml_require(NULL, map, "std", IO_LIST, &std));
    if (mean->count != std->count)
        return io_yaml_error(NULL, map, "mean has %d values and std %d: give one a channel",
                             mean->count, std->count);
    EA_TRY(read_numbers(map, "mean", -1e6, 1e6, EA_MAX_CHANNELS, recipe->mean));
    return read_numbers(map, "std", 1e-6, 1e6, EA_MAX_CHANNELS, recipe->deviation);
}

static ea_status read_data(train_recipe *recipe, const io_node *root)
{
    static const char *const keys[] = { "train", "test", "classes", "normalize", NULL };
    const io_node *map;
    EA_TRY(io_yaml_require(NULL, root, "data", IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(read_files(recipe, map, "train", &recipe->train));
    EA_TRY(read_files(recipe, map, "test", &recipe->test));
    EA_TRY(require_int(map, "classes", 1, 256, &recipe->classes));
    return read_normalize(recipe, map);
}

static ea_status read_model(train_recipe *recipe, const io_node *root)
{
    static const char *const keys[] = { "name", "layers", "discarded_initialisations", NULL };
    const io_node *map, *layers;
    EA_TRY(io_yaml_require(NULL, root, "model", IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(io_yaml_string(NULL, map, "name", &recipe->name));
    EA_TRY(io_yaml_int(NULL, map, "discarded_initialisations", 0, 100,
                       &recipe->discarded_initialisations));
    EA_TRY(io_yaml_require(NULL, map, "layers", IO_LIST, &layers));
    return read_layers(recipe, layers, &recipe->layers);
}

static ea_status read_generator(train_recipe *recipe, const io_node *root)
{
    static const char *const keys[] = { "kind", "seed", NULL };
    static const char *const kinds[] = { "philox", "mt19937", NULL };
    const io_node *map;
    if (!io_yaml_find(root, "generator"))
        return EA_OK;
    EA_TRY(io_yaml_require(NULL, root, "generator", IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(io_yaml_choice(NULL, map, "kind", kinds, &recipe->generator));
    return io_yaml_int(NULL, map, "seed", 0, INT64_MAX, &recipe->seed);
}

static ea_status read_training(train_recipe *recipe, const io_node *root)
{
    static const char *const keys[] = { "epochs",    "batch",     "test_batch", "shuffle",
                                        "workers",   "drop_last", "optimizer",  "schedule",
                                        "clip_norm", NULL };
    const io_node *map;
    EA_TRY(io_yaml_require(NULL, root, "training", IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    EA_TRY(require_int(map, "epochs", 0, 1000000000, &recipe->epochs));
    EA_TRY(require_int(map, "batch", 1, MAX_SIZE, &recipe->batch));
    recipe->test_batch = recipe->batch;
    EA_TRY(io_yaml_int(NULL, map, "test_batch", 1, MAX_SIZE, &recipe->test_batch));
    EA_TRY(io_yaml_bool(NULL, map, "shuffle", &recipe->shuffle));
    EA_TRY(io_yaml_bool(NULL, map, "drop_last", &recipe->drop_last));
    EA_TRY(io_yaml_int(NULL, map, "workers", 0, 64, &recipe->workers));
    EA_TRY(io_yaml_double(NULL, map, "clip_norm", 1e-9, 1e9, &recipe->clip_norm));
    EA_TRY(read_optimizer(map, recipe));
    EA_TRY(read_schedule(map, recipe));
    recipe->schedule.lr = recipe->optimizer >= TRAIN_UPDATE ? recipe->update.lr : recipe->lr;
    recipe->plateau.lr = recipe->schedule.lr;
    return EA_OK;
}

static ea_status read_checkpoint(train_recipe *recipe, const io_node *root)
{
    static const char *const keys[] = { "every", NULL };
    const io_node *map;
    if (!io_yaml_find(root, "checkpoint"))
        return EA_OK;
    EA_TRY(io_yaml_require(NULL, root, "checkpoint", IO_MAP, &map));
    EA_TRY(io_yaml_keys(NULL, map, keys));
    return io_yaml_int(NULL, map, "every", 0, INT64_MAX, &recipe->checkpoint_every);
}

static ea_status read_root(train_recipe *recipe, const io_node *root)
{
    static const char *const keys[] = { "contract", "data",       "model", "generator",
                                        "training", "checkpoint", NULL };
    static const char *const contracts[] = { "chain", "repdl", NULL };
    recipe->generator = EA_GENERATOR_PHILOX;
    recipe->shuffle = true;
    recipe->workers = 1;
    EA_TRY(io_yaml_keys(NULL, root, keys));
    EA_TRY(io_yaml_choice(NULL, root, "contract", contracts, &recipe->contract));
    EA_TRY(read_data(recipe, root));
    EA_TRY(read_model(recipe, root));
    EA_TRY(read_generator(recipe, root));
    EA_TRY(read_training(recipe, root));
    return read_checkpoint(recipe, root);
}

/* --- Files ----------------------------------------------------------------------------------- */

static ea_status digest_bytes(const void *bytes, size_t size, char hex[EA_DIGEST_HEX])
{
    unsigned char raw[32];
    if (EVP_Digest(bytes, size, raw, NULL, EVP_sha256(), NULL) != 1)
        return core_fail(NULL, EA_ERR_MEMORY, "libcrypto failed in SHA-256");
    for (int i = 0; i < 32; i++)
        sprintf(hex + 2 * i, "%02x", raw[i]);
    return EA_OK;
}

static ea_status parse(const char *path, const void *bytes, size_t size, train_recipe *recipe)
{
    recipe->arena = core_arena_create();
    char *copy = recipe->arena ? core_arena_alloc(recipe->arena, strlen(path) + 1) : NULL;
    if (!copy)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory for the recipe %s", path);
    recipe->path = strcpy(copy, path);
    EA_TRY(digest_bytes(bytes, size, recipe->digest));
    EA_TRY(io_yaml_parse(NULL, recipe->path, bytes, size, &recipe->document));
    return read_root(recipe, io_yaml_root(recipe->document));
}

ea_status train_recipe_parse(const char *path, const void *bytes, size_t size, train_recipe *out)
{
    *out = (train_recipe){ .arena = NULL };
    ea_status status = parse(path, bytes, size, out);
    if (status != EA_OK)
        train_recipe_free(out);
    return status;
}

ea_status train_recipe_read(const char *path, train_recipe *out)
{
    char *bytes;
    size_t size;
    *out = (train_recipe){ .arena = NULL };
    EA_TRY(io_read_file(NULL, path, MAX_BYTES, &bytes, &size));
    ea_status status = train_recipe_parse(path, bytes, size, out);
    core_free(bytes);
    return status;
}

void train_recipe_free(train_recipe *recipe)
{
    io_yaml_free(recipe->document);
    core_arena_destroy(recipe->arena);
    *recipe = (train_recipe){ .arena = NULL };
}
