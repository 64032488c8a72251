/* cause.h: what two runs were made by that differs: code, data, environment, parameters, seeds. */
#ifndef LEDGER_CAUSE_H
#define LEDGER_CAUSE_H

#include "ledger/record.h"

/* Compares what two records were made by. *out is a new reference, an object with a member for each
 * cause that differs, and none that does not:
 *
 *   {"code": {…} (codediff.h),
 *    "data": [{"path", "a", "b", "files": [{"kind", "path"}], "more"}],
 *    "environment", "parameters", "seeds", "command": [{"key", "a", "b"}]}
 *
 * "a" and "b" are null where a value is missing. */
ea_status ledger_causes(ledger_store *store, const json_t *a, const json_t *b, json_t **out);

#endif
