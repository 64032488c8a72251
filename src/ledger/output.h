/* output.h: what differs between the outputs of two runs, down to the first tensor and element. */
#ifndef LEDGER_OUTPUT_H
#define LEDGER_OUTPUT_H

#include "ledger/record.h"
#include "ledger/scratch.h"

/* Appends to `list` what differs in the outputs of two records: {"path", "a", "b"} with digests, or
 * null where an output is missing, and
 *
 *   of two folders "files": [{"kind", "path"}] ('~', '+', '-'), "more" when there are too many, and
 *      "file", the first of them that both have, which the following is about;
 *   of two files of tensors what tensordiff.h says;
 *   of other files "byte", the place of the first byte that differs;
 *   or "why": why the contents cannot be compared.
 *
 * *compared grows by how many outputs a has. */
ea_status ledger_outputs_compare(ledger_store *store, const json_t *a, const json_t *b,
                                 json_t *list, int64_t *compared);

/* Adds "files" (and "more") to `entry` when both inputs or outputs are folders. */
ea_status ledger_list_files(ledger_store *store, const json_t *a, const json_t *b, json_t *entry);

/* Makes a scratch folder with two contents as the files path_a and path_b. It is the caller's to
 * remove, also after a failure. */
ea_status ledger_scratch_pair(ledger_store *store, const ledger_digest *a, const ledger_digest *b,
                              ledger_scratch *scratch, char path_a[PATH_MAX],
                              char path_b[PATH_MAX]);

/* The entry of a record's inputs or outputs with this path, or NULL. */
const json_t *ledger_find_path(const json_t *entries, const json_t *path);

#endif
