/* compare.h: what differs between two trees, or between a tree and a folder on disk. */
#ifndef LEDGER_COMPARE_H
#define LEDGER_COMPARE_H

#include "ledger/snapshot.h"

typedef struct ledger_difference {
    char kind; /* '+' only in the second, '-' only in the first, '~' other content or type */
    const char *path;
    const ledger_tree_entry *before, *after; /* NULL where there is none */
} ledger_difference;

typedef ea_status (*ledger_difference_visit)(void *argument, const ledger_difference *difference);

/* Differing files in order of paths; a folder that is only on one side is one difference. */
ea_status ledger_compare(ledger_store *store, const ledger_snapshot *before,
                         const ledger_snapshot *after, ledger_difference_visit visit,
                         void *argument);
/* The second side is a file or folder on disk. Nothing is stored but the cache of unchanged files.
 */
ea_status ledger_compare_path(ledger_store *store, const ledger_snapshot *before, const char *path,
                              bool check, ledger_difference_visit visit, void *argument);

#endif
