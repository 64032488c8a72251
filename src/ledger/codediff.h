/* codediff.h: what differs between the code of two runs. */
#ifndef LEDGER_CODEDIFF_H
#define LEDGER_CODEDIFF_H

#include "ledger/store.h"

#include <jansson.h>

/* Compares two records' "code": {"commit": [a, b], "files": [{"path", "added", "removed"}], "diff":
 * text}, a new reference; json_null() when the code is the same. When git or a commit is not there,
 * "why" says so in place of files and diff. */
ea_status ledger_code_compare(ledger_store *store, const json_t *a, const json_t *b, json_t **out);

/* Git's own tree for a record's code in the work tree `folder`: the commit with the patch applied,
 * written to `scratch`, which must exist, as scratch/NAME.index and scratch/objects. *tree, 64
 * characters at most, is "" when that is not possible; `why` (of 256 bytes) then says why not. */
ea_status ledger_code_tree(ledger_store *store, const json_t *code, const char *scratch,
                           const char *name, char tree[LEDGER_HEX_SIZE], char why[256]);

#endif
