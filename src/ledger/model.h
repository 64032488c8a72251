/* model.h: named, numbered models, each made by a run; and aliases such as "production". Version
 * numbers count from 1 and are never used again.
 */
#ifndef LEDGER_MODEL_H
#define LEDGER_MODEL_H

#include "ledger/data.h"
#include "ledger/record.h"

typedef struct ledger_model {
    char name[256];
    int64_t version;
    char run[LEDGER_RUN_ID];
    ledger_type type;
    ledger_digest digest;
    int64_t size, time; /* milliseconds since 1970, UTC */
    char *path, *note,
        *aliases; /* path: of the run's output; aliases with commas between, "" none */
} ledger_model;

void ledger_model_free(ledger_model *model);

/* `file` is an output that the run recorded, as the run named it or as seen from the working
 * folder. What is registered is the content that the run made, whatever the file holds now. Errors:
 * EA_ERR_ARGUMENT (no such run or output; the sentence lists them). */
ea_status ledger_model_register(ledger_store *store, const char *run, const char *file,
                                const char *name, const char *note, ledger_model *out);

/* The same inside a transaction. */
ea_status ledger_model_add(ledger_store *store, const char *run, const char *file, const char *name,
                           const char *note, ledger_model *out);

/* "lenet@3", "lenet@production", "lenet" for the newest. */
ea_status ledger_model_find(ledger_store *store, const char *reference, ledger_model *out);

/* Newest first within a name; name NULL for all. */
typedef ea_status (*ledger_model_visit)(void *argument, const ledger_model *model);
ea_status ledger_model_each(ledger_store *store, const char *name, ledger_model_visit visit,
                            void *argument);

/* Lets `alias` mean this version from now on; what it meant before stays in the history. */
ea_status ledger_model_promote(ledger_store *store, const ledger_model *model, const char *alias);
ea_status ledger_model_note(ledger_store *store, const ledger_model *model, const char *note);
/* EA_ERR_STATE while an alias means it. */
ea_status ledger_model_remove(ledger_store *store, const ledger_model *model);

/* Who was what since when: an array of {"alias", "version", "time"}, oldest first; a new reference.
 */
ea_status ledger_model_history(ledger_store *store, const char *name, json_t **out);

#endif
