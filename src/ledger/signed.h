/* signed.h: signed reports of `eadem verify`, kept with the run that they are about, so that a
 * bundle of the run carries them. */
#ifndef LEDGER_SIGNED_H
#define LEDGER_SIGNED_H

#include "ledger/store.h"

/* Notes that the object `signature` (64 bytes, sign.h) signs the object `report`, and holds both.
 * Inside a transaction. */
ea_status ledger_signed_save(ledger_store *store, const char *run, const ledger_digest *report,
                             const ledger_digest *signature);

typedef ea_status (*ledger_signed_visit)(void *argument, const ledger_digest *report,
                                         const ledger_digest *signature);
ea_status ledger_signed_each(ledger_store *store, const char *run, ledger_signed_visit visit,
                             void *argument);

#endif
