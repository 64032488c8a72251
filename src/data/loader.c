/* loader.c: batches, made ahead by threads.
 *
 * Batch b of an epoch lies in slot b mod slots. A worker takes the next number, fills that slot and
 * marks it ready; the caller waits for the number it wants. Whoever fills a slot, it holds the
 * same. */
#include "core/fp.h"
#include "core/memory.h"
#include "core/view.h"
#include "data/data.h"

#include <pthread.h>
#include <stdio.h>

enum { MAX_WORKERS = 256, MAX_PREFETCH = 4096 };

typedef struct slot {
    DLTensor *images; /* [batch, channels, height, width] */
    DLTensor *labels;
    DLTensor *mixed_labels; /* with mixup, else NULL */
    DLTensor *mix_weights;
    int64_t ready; /* number of the batch inside, −1: none */
} slot;

struct ea_loader {
    ea_context *ctx;
    const ea_dataset *dataset;
    ea_loader_options options;
    DLTensor *order; /* int64 [n]: the epoch's samples, in order */
    ea_loader_position position;
    bool started;

    int slots;
    slot *ring;
    float *scratch; /* with augmentation, else NULL: two images a thread that fills slots */
    pthread_t *threads;
    int running; /* threads started */
    pthread_mutex_t mutex;
    pthread_cond_t wanted; /* a batch may be made */
    pthread_cond_t made;   /* a batch is ready, or a worker stands still */
    /* Under the mutex: */
    int64_t next_to_make;
    int64_t limit; /* batches below this number may be made */
    int busy;      /* workers that are filling a slot */
    int numbered;  /* workers that took their number */
    bool stop;
};

int64_t ea_loader_batches(const ea_loader *loader)
{
    int64_t n = loader->dataset->size, batch = loader->options.batch;
    return loader->options.drop_last ? n / batch : n / batch + (n % batch != 0);
}

static int64_t batch_count(const ea_loader *loader, int64_t number)
{
    int64_t left = loader->dataset->size - number * loader->options.batch;
    return left < loader->options.batch ? left : loader->options.batch;
}

/* This rank's part of batch `number`: places in the order. */
static void part(const ea_loader *loader, int64_t number, int64_t *begin, int64_t *count)
{
    int64_t first = number * loader->options.batch, all = batch_count(loader, number);
    int64_t rank = loader->options.rank, ranks = loader->options.ranks;
    *begin = first + rank * all / ranks;
    *count = first + (rank + 1) * all / ranks - *begin;
}

static void fill_augmented(const ea_loader *loader, slot *s, int64_t i, int64_t sample, int worker)
{
    const ea_dataset *dataset = loader->dataset;
    const ea_loader_position *p = &loader->position;
    data_sample made = data_augment(dataset, &loader->options.augment, p->seed, p->epoch, sample,
                                    loader->scratch + 2 * dataset->pixels * worker,
                                    (float *)s->images->data + i * dataset->pixels);
    ((int64_t *)s->labels->data)[i] = made.label;
    if (s->mixed_labels) {
        ((int64_t *)s->mixed_labels->data)[i] = made.mixed_label;
        ((float *)s->mix_weights->data)[i] = made.weight;
    }
}

static void fill(const ea_loader *loader, slot *s, int64_t number, int worker)
{
    const int64_t *order = loader->order->data;
    int64_t begin, count;
    part(loader, number, &begin, &count);
    for (int64_t i = 0; i < count; i++) {
        float *image = (float *)s->images->data + i * loader->dataset->pixels;
        if (loader->scratch)
            fill_augmented(loader, s, i, order[begin + i], worker);
        else
            ((int64_t *)s->labels->data)[i] =
                data_read_sample(loader->dataset, order[begin + i], image);
    }
    s->images->shape[0] = count;
    s->labels->shape[0] = count;
    if (s->mixed_labels)
        s->mixed_labels->shape[0] = s->mix_weights->shape[0] = count;
}

/* --- Workers ------------------------------------------------------------------------------------
 */

static void *worker(void *argument)
{
    ea_loader *loader = argument;
    core_fp_enter(); /* for the thread's life */
    pthread_mutex_lock(&loader->mutex);
    int me = loader->numbered++;
    while (!loader->stop) {
        if (loader->next_to_make >= loader->limit) {
            pthread_cond_wait(&loader->wanted, &loader->mutex);
            continue;
        }
        int64_t number = loader->next_to_make++;
        slot *s = &loader->ring[number % loader->slots];
        loader->busy++;
        pthread_mutex_unlock(&loader->mutex);
        fill(loader, s, number, me);
        pthread_mutex_lock(&loader->mutex);
        s->ready = number;
        loader->busy--;
        pthread_cond_broadcast(&loader->made);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* Allows batches below `limit`, as far as they exist. */
static void allow(ea_loader *loader, int64_t limit)
{
    int64_t batches = ea_loader_batches(loader);
    loader->limit = limit < batches ? limit : batches;
    pthread_cond_broadcast(&loader->wanted);
}

/* Makes the workers stand still and forgets what they made. */
static void halt(ea_loader *loader)
{
    pthread_mutex_lock(&loader->mutex);
    loader->limit = 0;
    while (loader->busy > 0)
        pthread_cond_wait(&loader->made, &loader->mutex);
    for (int i = 0; i < loader->slots; i++)
        loader->ring[i].ready = -1;
    pthread_mutex_unlock(&loader->mutex);
}

/* --- Epochs -------------------------------------------------------------------------------------
 */

static ea_status make_order(ea_loader *loader)
{
    const ea_loader_position *p = &loader->position;
    if (!loader->options.shuffle) {
        for (int64_t i = 0; i < loader->dataset->size; i++)
            ((int64_t *)loader->order->data)[i] = i;
        return EA_OK;
    }
    ea_generator root, room;
    char name[32];
    snprintf(name, sizeof name, "shuffle/%lld", (long long)p->epoch);
    ea_generator_seed(&root, p->generator, p->seed);
    return ea_permutation(loader->ctx, ea_generator_named(&root, name, &room), loader->order);
}

static ea_status begin(ea_loader *loader)
{
    halt(loader);
    EA_TRY(make_order(loader));
    loader->started = true;
    pthread_mutex_lock(&loader->mutex);
    loader->next_to_make = loader->position.next;
    if (loader->running > 0)
        allow(loader, loader->position.next + loader->slots);
    pthread_mutex_unlock(&loader->mutex);
    return EA_OK;
}

/* A number as Tensor.random_() draws it for int64. */
static uint64_t draw_seed(ea_mt19937 *mt)
{
    return ea_mt19937_next64(mt) & INT64_MAX;
}

ea_status ea_loader_start(ea_loader *loader, ea_generator *generator, int64_t epoch)
{
    uint64_t seed;
    if (generator->kind == EA_GENERATOR_MT19937) {
        seed = draw_seed(&generator->u.mt19937); /* the workers': nothing of ours depends on it */
        if (loader->options.shuffle)
            seed = draw_seed(&generator->u.mt19937);
    } else {
        seed = generator->u.philox.seed;
    }
    loader->position = (ea_loader_position){ epoch, 0, generator->kind, seed };
    return begin(loader);
}

ea_loader_position ea_loader_tell(const ea_loader *loader)
{
    return loader->position;
}

ea_status ea_loader_seek(ea_loader *loader, const ea_loader_position *position)
{
    if (position->next < 0 || position->next > ea_loader_batches(loader))
        return core_fail(loader->ctx, EA_ERR_ARGUMENT,
                         "the loader cannot go to batch %lld: the epoch has %lld",
                         (long long)position->next, (long long)ea_loader_batches(loader));
    if (position->generator != EA_GENERATOR_PHILOX && position->generator != EA_GENERATOR_MT19937)
        return core_fail(loader->ctx, EA_ERR_ARGUMENT, "the loader knows no generator of kind %d",
                         (int)position->generator);
    loader->position = *position;
    return begin(loader);
}

ea_status ea_loader_next(ea_loader *loader, ea_batch *batch)
{
    *batch = (ea_batch){ 0 };
    if (!loader->started)
        return core_fail(loader->ctx, EA_ERR_STATE,
                         "ea_loader_next: no epoch: call ea_loader_start first");
    int64_t number = loader->position.next;
    if (number == ea_loader_batches(loader))
        return EA_OK;
    slot *s = &loader->ring[number % loader->slots];
    if (loader->running == 0) {
        core_fp saved = core_fp_enter();
        fill(loader, s, number, 0);
        core_fp_leave(saved);
    } else {
        pthread_mutex_lock(&loader->mutex);
        /* The caller's last batch is free again: its slot may be filled. */
        allow(loader, number + loader->slots);
        while (s->ready != number)
            pthread_cond_wait(&loader->made, &loader->mutex);
        pthread_mutex_unlock(&loader->mutex);
    }
    int64_t begin, count;
    part(loader, number, &begin, &count);
    loader->position.next++;
    *batch = (ea_batch){ .count = count,
                         .total = batch_count(loader, number),
                         .index = number,
                         .images = s->images,
                         .labels = s->labels,
                         .samples = (const int64_t *)loader->order->data + begin,
                         .mixed_labels = s->mixed_labels,
                         .mix_weights = s->mix_weights };
    return EA_OK;
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static ea_status make_slot(ea_loader *loader, slot *s)
{
    const ea_loader_options *o = &loader->options;
    const int64_t *image = loader->dataset->shape;
    int64_t most = (o->batch + o->ranks - 1) / o->ranks; /* of a batch, for one rank */
    int64_t shape[4] = { most, image[0], image[1], image[2] };
    s->ready = -1;
    EA_TRY(ea_tensor_new(loader->ctx, EA_FLOAT32, 4, shape, &s->images));
    EA_TRY(ea_tensor_new(loader->ctx, EA_INT64, 1, &most, &s->labels));
    if (o->augment.mixup == 0)
        return EA_OK;
    EA_TRY(ea_tensor_new(loader->ctx, EA_INT64, 1, &most, &s->mixed_labels));
    return ea_tensor_new(loader->ctx, EA_FLOAT32, 1, &most, &s->mix_weights);
}

static ea_status make_slots(ea_loader *loader)
{
    ea_context *ctx = loader->ctx;
    loader->ring = core_alloc_zero(sizeof *loader->ring * (size_t)loader->slots);
    if (!loader->ring)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a loader");
    for (int i = 0; i < loader->slots; i++)
        EA_TRY(make_slot(loader, &loader->ring[i]));
    if (data_augments(&loader->options.augment)) {
        int threads = loader->options.workers > 0 ? loader->options.workers : 1;
        size_t images = 2 * (size_t)threads;
        loader->scratch =
            core_alloc(images * (size_t)loader->dataset->pixels * sizeof *loader->scratch);
        if (!loader->scratch)
            return core_fail(ctx, EA_ERR_MEMORY, "no memory for a loader");
    }
    return ea_tensor_new(ctx, EA_INT64, 1, &loader->dataset->size, &loader->order);
}

static ea_status start_workers(ea_loader *loader)
{
    int workers = loader->options.workers;
    loader->threads = core_alloc(sizeof *loader->threads * (size_t)workers);
    if (!loader->threads)
        return core_fail(loader->ctx, EA_ERR_MEMORY, "no memory for a loader");
    for (; loader->running < workers; loader->running++)
        if (pthread_create(&loader->threads[loader->running], NULL, worker, loader) != 0)
            return core_fail(loader->ctx, EA_ERR_MEMORY,
                             "worker %d of the loader cannot be started", loader->running);
    return EA_OK;
}

static ea_status check_options(ea_context *ctx, const ea_loader_options *o)
{
    if (o->batch < 1)
        return core_fail(ctx, EA_ERR_ARGUMENT, "batch is %lld: give 1 or more",
                         (long long)o->batch);
    if (o->workers < 0 || o->workers > MAX_WORKERS)
        return core_fail(ctx, EA_ERR_ARGUMENT, "workers is %d: give 0 to %d", o->workers,
                         MAX_WORKERS);
    if (o->prefetch < 0 || o->prefetch > MAX_PREFETCH)
        return core_fail(ctx, EA_ERR_ARGUMENT, "prefetch is %d: give 0 to %d", o->prefetch,
                         MAX_PREFETCH);
    if (o->ranks < 0 || o->rank < 0 || o->rank >= (o->ranks ? o->ranks : 1))
        return core_fail(ctx, EA_ERR_ARGUMENT, "rank is %d of %d: give 0 to ranks − 1", o->rank,
                         o->ranks);
    return EA_OK;
}

ea_status ea_loader_create(ea_context *ctx, const ea_dataset *dataset,
                           const ea_loader_options *options, ea_loader **out)
{
    *out = NULL;
    EA_TRY(check_options(ctx, options));
    EA_TRY(data_check_augment(ctx, dataset, &options->augment));
    ea_loader *loader = core_alloc_zero(sizeof *loader);
    if (!loader)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a loader");
    loader->ctx = ctx;
    loader->dataset = dataset;
    loader->options = *options;
    loader->options.ranks = options->ranks ? options->ranks : 1;
    if (loader->options.batch > dataset->size && dataset->size > 0)
        loader->options.batch = options->drop_last ? options->batch : dataset->size;
    int prefetch = options->prefetch ? options->prefetch : 2 * options->workers;
    loader->slots = options->workers ? prefetch + 1 : 1;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->wanted, NULL);
    pthread_cond_init(&loader->made, NULL);
    ea_status status = make_slots(loader);
    if (status == EA_OK)
        status = start_workers(loader);
    if (status != EA_OK) {
        ea_loader_free(loader);
        return status;
    }
    *out = loader;
    return EA_OK;
}

void ea_loader_free(ea_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->mutex);
    loader->stop = true;
    pthread_cond_broadcast(&loader->wanted);
    pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->running; i++)
        pthread_join(loader->threads[i], NULL);
    for (int i = 0; loader->ring && i < loader->slots; i++) {
        ea_tensor_free(loader->ring[i].images);
        ea_tensor_free(loader->ring[i].labels);
        ea_tensor_free(loader->ring[i].mixed_labels);
        ea_tensor_free(loader->ring[i].mix_weights);
    }
    pthread_cond_destroy(&loader->made);
    pthread_cond_destroy(&loader->wanted);
    pthread_mutex_destroy(&loader->mutex);
    ea_tensor_free(loader->order);
    core_free(loader->threads);
    core_free(loader->scratch);
    core_free(loader->ring);
    core_free(loader);
}
