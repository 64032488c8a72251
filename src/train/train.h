/* train.h: a training by a recipe, from the first batch to the digests, with checkpoints. */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "train/recipe.h"

#include <signal.h>

typedef struct train_progress {
    int64_t epoch, epochs; /* the first epoch is 1 */
    int64_t step, steps;   /* done, and in all */
    float loss;            /* of the last step */
    bool testing;          /* training is over, the test images are being classified */
} train_progress;

typedef struct train_options {
    int threads;          /* as ea_context_options */
    const char *isa;      /* as ea_context_options */
    const char *contract; /* NULL: the recipe's */
    int64_t epochs;       /* 0: the recipe's */
    int64_t max_steps;    /* 0: no limit */
    const char *out;      /* folder for checkpoints; NULL: none are written */
    int64_t every;        /* steps between checkpoints; 0: the recipe's */
    const char *trace;    /* file for a trace (docs/trace.md); NULL: none */
    bool resume;          /* go on from the folder's checkpoint; without one start */

    const volatile sig_atomic_t *stop; /* may be NULL; nonzero: save a checkpoint and stop */
    void (*report)(void *argument, const train_progress *progress); /* may be NULL */
    void *argument;
} train_options;

typedef struct train_result {
    bool stopped; /* by `stop`: only `step` and `saved` are set */
    bool saved;   /* a checkpoint of this step is in the folder */
    int64_t step;
    char initial[EA_DIGEST_HEX]; /* of the model */
    char trained[EA_DIGEST_HEX];
    char logits[EA_DIGEST_HEX]; /* of all test images, in order */
    int64_t correct, tested;
} train_result;

/* Failures leave their sentence in ea_error_text(NULL). */
ea_status train_run(const train_recipe *recipe, const train_options *options, train_result *result);

#endif
