/* train.c: the training loop. */
#include "train/train.h"

#include "core/context.h"
#include "core/fp.h"
#include "train/checkpoint.h"
#include "train/model.h"
#include "train/session.h"
#include "train/trace.h"

#include <math.h>
#include <string.h>

/* --- Building the session -------------------------------------------------------------------- */

static ea_status open_context(train_session *s)
{
    ea_context_options options = { .threads = s->options->threads,
                                   .isa = s->options->isa,
                                   .contract = (ea_contract)s->recipe->contract };
    if (s->options->contract)
        EA_TRY(ea_contract_from_name(s->options->contract, &options.contract));
    return ea_context_create(&options, &s->ctx);
}

static ea_status open_data(train_session *s)
{
    const train_recipe *recipe = s->recipe;
    ea_dataset_options options = { .classes = recipe->classes };
    for (int i = 0; i < EA_MAX_CHANNELS; i++) {
        options.mean[i] = (float)recipe->mean[i];
        options.deviation[i] = (float)recipe->deviation[i];
    }
    EA_TRY(ea_dataset_open_idx(s->ctx, recipe->train.images, recipe->train.labels, &options,
                               &s->train));
    EA_TRY(
        ea_dataset_open_idx(s->ctx, recipe->test.images, recipe->test.labels, &options, &s->test));
    return ea_loader_create(s->ctx, s->train,
                            &(ea_loader_options){ .batch = recipe->batch,
                                                  .shuffle = recipe->shuffle,
                                                  .drop_last = recipe->drop_last,
                                                  .workers = (int)recipe->workers },
                            &s->loader);
}

static ea_status discard_initialisations(train_session *s)
{
    for (int64_t i = 0; i < s->recipe->discarded_initialisations; i++) {
        ea_module *twin = train_build_model(s->ctx, s->recipe);
        if (!twin)
            return ea_error_status(s->ctx);
        ea_status status = ea_module_init(twin, &s->generator);
        ea_module_destroy(twin);
        EA_TRY(status);
    }
    return EA_OK;
}

static ea_status open_model(train_session *s)
{
    ea_generator_seed(&s->generator, (ea_generator_kind)s->recipe->generator,
                      (uint64_t)s->recipe->seed);
    s->model = train_build_model(s->ctx, s->recipe);
    if (!s->model)
        return ea_error_status(s->ctx);
    EA_TRY(ea_module_init(s->model, &s->generator));
    EA_TRY(discard_initialisations(s));
    EA_TRY(ea_module_digest(s->model, s->initial));
    s->optimizer = train_build_optimizer(s->ctx, s->model, s->recipe);
    if (!s->optimizer)
        return ea_error_status(s->ctx);
    return ea_tape_create(s->ctx, &s->tape);
}

static void close_session(train_session *s)
{
    ea_tape_destroy(s->tape);
    ea_optimizer_destroy(s->optimizer);
    ea_module_destroy(s->model);
    ea_loader_free(s->loader);
    ea_dataset_free(s->test);
    ea_dataset_free(s->train);
    ea_context_destroy(s->ctx);
}

/* --- Training -------------------------------------------------------------------------------- */

static int64_t total_steps(const train_session *s)
{
    int64_t all = s->epochs * ea_loader_batches(s->loader), limit = s->options->max_steps;
    return limit && limit < all ? limit : all;
}

static void report(const train_session *s, bool testing)
{
    if (s->options->report)
        s->options->report(s->options->argument, &(train_progress){ .epoch = s->epoch + !testing,
                                                                    .epochs = s->epochs,
                                                                    .step = s->step,
                                                                    .steps = total_steps(s),
                                                                    .loss = s->loss,
                                                                    .testing = testing });
}

/* The model's output for a batch: one score a class. */
static ea_var *scores(train_session *s, const ea_batch *batch)
{
    ea_var *logits = ea_module_forward(s->model, ea_var_input(s->tape, batch->images));
    const DLTensor *value = ea_var_value(logits);
    if (!value || (value->ndim == 2 && value->shape[1] == s->recipe->classes))
        return logits;
    core_fail(s->ctx, EA_ERR_SHAPE,
              "the model gives %lld values in %d dimensions for %lld images: the last layer must "
              "give [images, %lld], one score a class of the data",
              (long long)ea_tensor_numel(value), value->ndim, (long long)batch->count,
              (long long)s->recipe->classes);
    return NULL;
}

static double rate(const train_session *s)
{
    ea_schedule schedule = s->recipe->schedule;
    if (s->recipe->on_plateau)
        schedule.lr = s->plateau.lr;
    return ea_schedule_lr(&schedule, s->step);
}

/* The sum rounds as the contract's arithmetic does, whatever the caller has set. */
static void add_loss(train_session *s)
{
    core_fp saved = core_fp_enter();
    s->loss_sum += (double)s->loss;
    s->loss_count++;
    core_fp_leave(saved);
}

/* The rate of the next epoch follows this one's mean loss. */
static void end_epoch(train_session *s)
{
    core_fp saved = core_fp_enter();
    if (s->recipe->on_plateau && s->loss_count > 0)
        ea_plateau_step(&s->plateau, s->loss_sum / (double)s->loss_count);
    core_fp_leave(saved);
    s->loss_sum = 0;
    s->loss_count = 0;
}

static ea_status train_step(train_session *s, const ea_batch *batch)
{
    EA_TRY(train_trace_batch(s, batch));
    ea_tape_begin(s->tape);
    ea_var *logits = scores(s, batch);
    if (!logits)
        return ea_error_status(s->ctx);
    ea_var *loss = ea_var_cross_entropy(logits, batch->labels, EA_REDUCE_MEAN);
    ea_optimizer_zero_grad(s->optimizer);
    EA_TRY(ea_backward(s->tape, loss));
    s->loss = ea_var_item(loss);
    if (!isfinite(s->loss))
        return core_fail(s->ctx, EA_ERR_NUMERIC,
                         "the loss is %s at step %lld (epoch %lld): the training diverged; lower "
                         "the learning rate",
                         isnan(s->loss) ? "NaN" : "infinite", (long long)s->step + 1,
                         (long long)s->epoch + 1);
    EA_TRY(train_trace_gradients(s));
    if (s->recipe->clip_norm > 0)
        EA_TRY(ea_optimizer_clip_norm(s->optimizer, s->recipe->clip_norm, NULL));
    ea_optimizer_set_lr(s->optimizer, rate(s));
    EA_TRY(ea_optimizer_step(s->optimizer));
    EA_TRY(train_trace_update(s));
    add_loss(s);
    s->step++;
    return EA_OK;
}

static bool stop_wanted(const train_session *s)
{
    return s->options->stop && *s->options->stop;
}

static ea_status train_epoch(train_session *s)
{
    ea_batch batch;
    if (!s->inside)
        EA_TRY(ea_loader_start(s->loader, &s->generator, s->epoch));
    s->inside = true;
    while (s->step < total_steps(s) && !stop_wanted(s)) {
        EA_TRY(ea_loader_next(s->loader, &batch));
        if (batch.count == 0) {
            end_epoch(s);
            break;
        }
        EA_TRY(train_step(s, &batch));
        report(s, false);
        if (s->options->out && s->every && s->step % s->every == 0)
            EA_TRY(train_checkpoint_save(s));
    }
    return EA_OK;
}

static ea_status train_all(train_session *s)
{
    while (s->epoch < s->epochs && s->step < total_steps(s) && !stop_wanted(s)) {
        EA_TRY(train_epoch(s));
        if (s->step == total_steps(s) || stop_wanted(s))
            break;
        s->epoch++;
        s->inside = false;
    }
    return s->options->out && s->step != s->saved_step ? train_checkpoint_save(s) : EA_OK;
}

/* --- Testing --------------------------------------------------------------------------------- */

/* The first of the largest; a NaN counts as larger than any number, as in PyTorch. */
static int64_t argmax(const float *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best] || (isnan(x[i]) && !isnan(x[best])))
            best = i;
    return best;
}

static ea_status test_batches(train_session *s, ea_loader *loader, DLTensor *logits,
                              train_result *result)
{
    ea_batch batch;
    EA_TRY(ea_loader_start(loader, &s->generator, 0));
    int64_t classes = s->recipe->classes;
    for (;;) {
        EA_TRY(ea_loader_next(loader, &batch));
        if (batch.count == 0)
            return EA_OK;
        ea_tape_begin_no_grad(s->tape);
        const DLTensor *value = ea_var_value(scores(s, &batch));
        if (!value)
            return ea_error_status(s->ctx);
        float *rows = (float *)logits->data + result->tested * classes;
        memcpy(rows, value->data, (size_t)(batch.count * classes) * sizeof *rows);
        const int64_t *labels = batch.labels->data;
        for (int64_t i = 0; i < batch.count; i++)
            result->correct += argmax(rows + i * classes, classes) == labels[i];
        result->tested += batch.count;
    }
}

static ea_status test(train_session *s, train_result *result)
{
    int64_t shape[2] = { ea_dataset_size(s->test), s->recipe->classes };
    DLTensor *logits = NULL;
    ea_loader *loader = NULL;
    report(s, true);
    ea_module_set_training(s->model, 0);
    ea_loader_options options = { .batch = s->recipe->test_batch,
                                  .workers = (int)s->recipe->workers };
    ea_status status = ea_tensor_new(s->ctx, EA_FLOAT32, 2, shape, &logits);
    if (status == EA_OK)
        status = ea_loader_create(s->ctx, s->test, &options, &loader);
    if (status == EA_OK)
        status = test_batches(s, loader, logits, result);
    if (status == EA_OK)
        status = ea_digest(s->ctx, logits, result->logits);
    ea_loader_free(loader);
    ea_tensor_free(logits);
    return status;
}

/* --- The whole ------------------------------------------------------------------------------- */

static ea_status resume(train_session *s)
{
    EA_TRY(train_checkpoint_load(s));
    if (s->step <= total_steps(s))
        return EA_OK;
    return core_fail(s->ctx, EA_ERR_ARGUMENT,
                     "%s holds a checkpoint of step %lld, and this training ends at step %lld: "
                     "train longer, or into another folder",
                     s->options->out, (long long)s->step, (long long)total_steps(s));
}

static ea_status run(train_session *s, train_result *result)
{
    if (s->options->out)
        EA_TRY(train_checkpoint_open(s));
    EA_TRY(open_data(s));
    EA_TRY(open_model(s));
    if (s->options->resume)
        EA_TRY(resume(s));
    memcpy(result->initial, s->initial, sizeof result->initial);
    EA_TRY(train_trace_open(s));
    EA_TRY(train_all(s));
    result->step = s->step;
    result->saved = s->saved_step == s->step;
    result->stopped = stop_wanted(s);
    if (result->stopped)
        return EA_OK;
    EA_TRY(ea_module_digest(s->model, result->trained));
    return test(s, result);
}

ea_status train_run(const train_recipe *recipe, const train_options *options, train_result *result)
{
    train_session session = { .recipe = recipe,
                              .plateau = recipe->plateau,
                              .options = options,
                              .epochs = options->epochs ? options->epochs : recipe->epochs,
                              .every = options->every ? options->every : recipe->checkpoint_every,
                              .saved_step = -1 };
    *result = (train_result){ .stopped = false };
    ea_status status = open_context(&session);
    if (status == EA_OK) {
        status = train_trace_close(&session, run(&session, result));
        if (status != EA_OK)
            core_fail(NULL, status, "%s", ea_error_text(session.ctx));
    }
    close_session(&session);
    return status;
}
