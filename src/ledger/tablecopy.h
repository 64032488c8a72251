/* tablecopy.h: feature tables and joins on their way through a bundle. A table travels as its CSV
 * files, from which its rows are made again.
 */
#ifndef LEDGER_TABLECOPY_H
#define LEDGER_TABLECOPY_H

#include "ledger/store.h"

#include <jansson.h>

/* {"name", "key", "time", "columns": [names], "versions": [SHA-256 of the files up to the version
 * of `reference`]}; a new reference. */
ea_status ledger_table_describe(ledger_store *store, const char *reference, json_t **out);

/* Makes the table of a description, inside a transaction; the files must be in the store. When its
 * name means another table here (or fewer versions), it gets "-imported" behind it, and a number
 * when that is taken too. `name` is what it is called here; *fresh: it was not there. */
ea_status ledger_table_import(ledger_store *store, const json_t *description, char name[256],
                              bool *fresh);

/* The nodes ("object:SHA-256", "feature:user@2") from which `result` was joined, as an array of
 * texts, empty when it is no join's result; a new reference. */
ea_status ledger_join_parents(ledger_store *store, const ledger_digest *result, json_t **out);

/* Records a join, inside a transaction. What is known here of the result's origin stays: then
 * nothing is done. */
ea_status ledger_join_import(ledger_store *store, const ledger_digest *result,
                             const json_t *parents);

#endif
