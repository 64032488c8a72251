/* codediff.h: what differs between the code of two runs. */
#ifndef LEDGER_CODEDIFF_H
#define LEDGER_CODEDIFF_H

#include "ledger/store.h"

#include <jansson.h>

/* Compares the code of two records: {"commit": [a, b], "files": [{"path", "added", "removed"}],
 * "diff": text}, a new reference; json_null() when the code is the same. When the code cannot be
 * rebuilt, "why" says so in place of files and diff. */
ea_status ledger_code_compare(ledger_store *store, const json_t *a, const json_t *b, json_t **out);

#endif
