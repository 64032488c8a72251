/* mark.h: what the references lead to. */
#ifndef LEDGER_MARK_H
#define LEDGER_MARK_H

#include "ledger/tree.h"

/* Told for an object that should be there and is not, or a tree that cannot be read (`why` is then
 * the sentence). Returning anything but EA_OK ends the walk. */
typedef ea_status (*ledger_missing)(void *argument, const char *owner, const ledger_digest *digest,
                                    const char *why);

/* Fills the temporary table `walked (digest, kind)` with every object that a reference leads to:
 * trees, what their entries name, and the chunks of all of these. */
ea_status ledger_mark(ledger_store *store, ledger_missing missing, void *argument);

#endif
