/* params.h: a run's parameters: names and texts, from the command line, a file, or a program. */
#ifndef LEDGER_PARAMS_H
#define LEDGER_PARAMS_H

#include "core/context.h"

#include <jansson.h>

/* Adds the "NAME=TEXT" of a --param. Errors: EA_ERR_ARGUMENT (no =, an empty name), EA_ERR_MEMORY.
 */
ea_status ledger_params_add(ea_context *ctx, json_t *params, const char *assignment);

/* Adds the values of a YAML or JSON file (JSON being YAML), a nested value under its path:
 * {optimizer: {lr: 0.1}, sizes: [4, 8]} gives optimizer.lr, sizes.0 and sizes.1. Scalars keep the
 * text that they have in the file. Errors: EA_ERR_IO, EA_ERR_FORMAT (with the line),
 * EA_ERR_UNSUPPORTED (aliases, more than 100000 values, nesting deeper than 64), EA_ERR_MEMORY. */
ea_status ledger_params_load(ea_context *ctx, json_t *params, const char *path);

/* True when a parameter of this name is a seed: "seed", "data.seed", "split_seed". */
bool ledger_is_seed(const char *name);

#endif
