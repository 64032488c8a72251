/* source.h: a run's code as files again: from git, or from the store where git does not have it. */
#ifndef LEDGER_SOURCE_H
#define LEDGER_SOURCE_H

#include "ledger/record.h"
#include "ledger/snapshot.h"

#include <limits.h>

/* A work tree with a run's code. */
typedef struct ledger_source {
    char top[PATH_MAX];  /* the code's top folder */
    char root[PATH_MAX]; /* the project's folder in it */
    bool worktree;       /* git knows of it */
} ledger_source;

/* Makes the code, changes applied, in the new folder `path`: a fresh work tree of this project's
 * repository at the run's commit, else the folder that ledger_source_keep() stored. When neither is
 * possible, *why (of 256 bytes) says so, and nothing is made; else it is "". */
ea_status ledger_source_make(ledger_store *store, const json_t *record, const char *path,
                             ledger_source *out, char why[256]);
/* Removes the folder and git's note of it. */
void ledger_source_remove(ledger_store *store, ledger_source *source);

/* Puts a run's code into the store as a folder, so that a bundle can carry it: *found is false when
 * the code cannot be made (a run outside git). Not inside a transaction. */
ea_status ledger_source_keep(ledger_store *store, const json_t *record, bool *found,
                             ledger_digest *tree);
/* Notes that this folder in the store is a run's code, and holds it. Inside a transaction. */
ea_status ledger_source_save(ledger_store *store, const char *id, const ledger_digest *tree);
ea_status ledger_source_find(ledger_store *store, const char *id, bool *found, ledger_digest *tree);

#endif
