/* leftover.h: files in the store's folders that no row of the database knows. */
#ifndef LEDGER_LEFTOVER_H
#define LEDGER_LEFTOVER_H

#include "ledger/store.h"

/* Counts them, and with `remove` removes them. The store must be locked alone: the file that a
 * writer is writing looks just the same. */
ea_status ledger_leftovers(ledger_store *store, bool remove, int64_t *count);

#endif
