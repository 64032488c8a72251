/* tree_check.h: a stranger's tree: is everything there, do the sizes agree, how large would it
 * become? */
#ifndef LEDGER_TREE_CHECK_H
#define LEDGER_TREE_CHECK_H

#include "ledger/tree.h"

typedef struct ledger_tree_total {
    int64_t entries; /* files, links and folders, each as often as a checkout would make it */
    int64_t files;   /* files and links */
    int64_t bytes;
} ledger_tree_total;

/* Each folder is read once, however often it is named: a few folders that name each other twice
 * would otherwise take for ever. Errors: EA_ERR_FORMAT; EA_ERR_UNSUPPORTED for more than `limit`
 * entries. */
ea_status ledger_tree_check(ledger_store *store, const ledger_digest *digest, int64_t limit,
                            ledger_tree_total *out);

#endif
