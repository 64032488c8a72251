/* effect.h: where the results of two runs part: outputs, metrics, trace. */
#ifndef LEDGER_EFFECT_H
#define LEDGER_EFFECT_H

#include "ledger/record.h"

/* Compares the results of two records. *out is a new reference:
 *
 *   {"identical": bool, "compared": how many outputs, metrics and traces,
 *    "exit": [a, b],                          when the exit codes differ
 *    "outputs": [{"path", "a", "b", …}],      digests, and what output.h says of the contents
 *    "metrics": [{"key", "step", "a", "b", "ulps", "float_ulps", "counts": [a, b]}],
 *    "trace": {"outcome", "step", "role", "name", "shape", "a", "b", …}}
 *
 * Only what differs is listed; metrics in the order in which they part. */
ea_status ledger_effects(ledger_store *store, const json_t *a, const json_t *b, json_t **out);

/* The "trace" part for two files: null when they are the same. */
ea_status ledger_trace_effect(const char *path_a, const char *path_b, json_t **out);

#endif
