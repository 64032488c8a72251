/* model.h: what a recipe describes, built. */
#ifndef TRAIN_MODEL_H
#define TRAIN_MODEL_H

#include "train/recipe.h"

/* The recipe's modules with their parameters at zero; NULL on failure, with "path:line: …". */
ea_module *train_build_model(ea_context *ctx, const train_recipe *recipe);
ea_optimizer *train_build_optimizer(ea_context *ctx, ea_module *model, const train_recipe *recipe);

#endif
