/* fsck.h: checking a store, and freeing what nothing refers to. */
#ifndef LEDGER_FSCK_H
#define LEDGER_FSCK_H

#include "ledger/store.h"

typedef struct ledger_health {
    int64_t packs, objects, references;
    int64_t bytes;     /* of packs */
    int64_t problems;  /* each was told to the callback */
    int64_t leftovers; /* files of interrupted writers, which gc removes */
} ledger_health;

/* `problem` is one sentence. */
typedef void (*ledger_problem)(void *argument, const char *problem);

/* Reads every byte of the store: the database, every pack, every digest, every reference. A damaged
 * store is reported through the callback and *out; the status is for what kept the check from being
 * made. */
ea_status ledger_fsck(ledger_store *store, ledger_problem tell, void *argument, ledger_health *out);

typedef struct ledger_garbage {
    int64_t objects, bytes; /* removed, or with dry_run to be removed */
    int64_t packs_rewritten, packs_removed, leftovers;
} ledger_garbage;

/* Removes objects that no reference leads to, rewrites packs that are a tenth garbage and merges
 * small ones. Waits up to `seconds` for writers, and writers wait for it. Killed at any moment it
 * leaves a whole store. */
ea_status ledger_collect(ledger_store *store, bool dry_run, int seconds, ledger_garbage *out);

#endif
