/* snapshot.h: a file or folder on disk as objects of the store. */
#ifndef LEDGER_SNAPSHOT_H
#define LEDGER_SNAPSHOT_H

#include "ledger/tree.h"

typedef struct ledger_snapshot {
    ledger_type type;
    ledger_digest digest;
    int64_t size;  /* bytes of all files and link targets */
    int64_t files; /* files and links */
    int left_out;  /* folders named .git and .eadem that were not taken */
} ledger_snapshot;

typedef struct ledger_snapshot_options {
    bool check;     /* read files again even when size, times and inode say they are unchanged */
    bool hash_only; /* compute digests and store nothing */
} ledger_snapshot_options;

/* Takes `path` (a link there is followed). A file that changes while it is read is an error.
 *
 * Files whose size, inode and times are those of an earlier snapshot are not read again. A time is
 * trusted only when it was old enough, at the earlier reading, that a later change must have
 * changed it.
 *
 * Commits what it has stored from time to time, so that after an interruption the same call goes on
 * where it was; so it must not be called inside a transaction. The lock is kept: refer to the
 * digest and commit. */
ea_status ledger_snapshot_take(ledger_store *store, const char *path,
                               const ledger_snapshot_options *options, ledger_snapshot *out);

/* A taker works relative to open folders; compare.c uses it on single files. */
typedef struct ledger_taker ledger_taker;

ea_status ledger_taker_create(ledger_store *store, const ledger_snapshot_options *options,
                              ledger_taker **out);
/* Remembers what was hashed. */
ea_status ledger_taker_finish(ledger_taker *taker);
void ledger_taker_destroy(ledger_taker *taker);
/* Fills digest and size of a file or link `name` in the folder `fd`; `path` is for error texts. */
ea_status ledger_taker_entry(ledger_taker *taker, int fd, const char *path,
                             ledger_tree_entry *entry);

/* Bytes and files under `path`, for progress displays. Errors are left to the snapshot. */
void ledger_snapshot_measure(const char *path, int64_t *bytes, int64_t *files);

#endif
