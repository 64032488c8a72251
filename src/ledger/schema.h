/* schema.h: bringing a store's database to this program's tables. */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

#include "ledger/store.h"

/* Runs the steps that the database lacks, each in a transaction. EA_ERR_STATE when the database was
 * written by a newer program. */
ea_status ledger_migrate(ledger_store *store);

#endif
