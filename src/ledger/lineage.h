/* lineage.h: what was made from what.
 *
 * A node is named KIND:NAME: "run:3f2a…", "data:mnist@2", "model:lenet@1", "feature:user@3". A link
 * says that the child was made from, or by, the parent.
 */
#ifndef LEDGER_LINEAGE_H
#define LEDGER_LINEAGE_H

#include "ledger/store.h"

/* Inside a transaction. `role` is a word such as "input", "output", "model", "join". */
ea_status ledger_link(ledger_store *store, const char *child, const char *parent, const char *role);
/* All links of a node, for when it is removed. */
ea_status ledger_unlink(ledger_store *store, const char *node);

#endif
