/* session.h: everything a running training holds. */
#ifndef TRAIN_SESSION_H
#define TRAIN_SESSION_H

#include "eadem/trace.h"
#include "train/train.h"

typedef struct train_session {
    const train_recipe *recipe;
    const train_options *options;
    ea_context *ctx;
    ea_dataset *train, *test;
    ea_loader *loader;
    ea_module *model;
    ea_optimizer *optimizer;
    ea_tape *tape;
    ea_generator generator;
    int64_t epochs, every;
    int64_t step;       /* updates done */
    int64_t epoch;      /* the current one, from 0 */
    int64_t saved_step; /* of the last checkpoint; −1: none */
    bool inside;        /* the loader stands inside `epoch` */
    float loss;
    ea_plateau plateau;     /* the rate, where the recipe has it follow the losses, … */
    double loss_sum;        /* … of this epoch's steps, … */
    int64_t loss_count;     /* … so many */
    ea_trace *trace;        /* NULL: none */
    ea_status trace_status; /* of the layers' records of this step */
    bool tracing;           /* a training step's forward pass is under way */
    char initial[EA_DIGEST_HEX];
} train_session;

#endif
