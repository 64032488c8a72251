/* record.h: the record of a run: one JSON object (docs/runs.md lists its members), kept in the
 * store, and its index in the database, from which `eadem runs` answers. The index holds nothing
 * that the record does not: an imported record is indexed by the same call.
 */
#ifndef LEDGER_RECORD_H
#define LEDGER_RECORD_H

#include "ledger/store.h"

#include <jansson.h>

enum { LEDGER_RUN_ID = 17, LEDGER_RECORD_MAX = 64 << 20 };

#define LEDGER_RECORD_FORMAT "eadem-run-1"

/* Stores the record and makes it the run's, replacing what the database had: index, the run's hold
 * on its objects, lineage. Inside a transaction. Errors: also EA_ERR_FORMAT when a stranger's
 * record lacks what every record has. */
ea_status ledger_record_save(ledger_store *store, const json_t *record);

/* Reads a run's record. *out is a new reference. */
ea_status ledger_record_load(ledger_store *store, const char *id, json_t **out);

/* The run that `text` names: its id, the beginning of one that is unique, "last", or "last~2" for
 * the second before that. Errors: EA_ERR_ARGUMENT (none, or several begin so). */
ea_status ledger_record_find(ledger_store *store, const char *text, char id[LEDGER_RUN_ID]);

/* The digest that a member such as "patch" or an entry's "digest" holds; false when it has none. */
bool ledger_record_digest(const json_t *object, const char *key, ledger_digest *out);

/* The command as one would type it in a shell, for core_free(); NULL when there is no memory. */
char *ledger_record_command(const json_t *record);

/* Calls `see` for every object that the record refers to. */
typedef ea_status (*ledger_record_object)(void *argument, const ledger_digest *digest,
                                          ledger_kind kind);
ea_status ledger_record_objects(const json_t *record, ledger_record_object see, void *argument);

#endif
