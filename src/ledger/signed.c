/* signed.c: signed reports of `eadem verify`. */
#include "ledger/signed.h"
#include "ledger/record.h"

#include <stdio.h>

static const char *const signed_steps[] = {
    "CREATE TABLE run_signed (run TEXT NOT NULL, report BLOB NOT NULL, signature BLOB NOT NULL,"
    "  PRIMARY KEY (run, report, signature)) WITHOUT ROWID;",
};

const ledger_schema ledger_signed_schema = { "signed", signed_steps, 1 };

ea_status ledger_signed_save(ledger_store *store, const char *run, const ledger_digest *report,
                             const ledger_digest *signature)
{
    char owner[LEDGER_RUN_ID + 8];
    snprintf(owner, sizeof owner, "signed:%.16s", run);
    EA_TRY(ledger_exec(store,
                       "INSERT OR IGNORE INTO run_signed (run, report, signature) VALUES (?, ?, ?)",
                       "thh", run, report, signature));
    EA_TRY(ledger_ref(store, owner, report, LEDGER_FILE));
    return ledger_ref(store, owner, signature, LEDGER_FILE);
}

ea_status ledger_signed_each(ledger_store *store, const char *run, ledger_signed_visit visit,
                             void *argument)
{
    sqlite3_stmt *rows;
    bool row;
    ea_status status;
    EA_TRY(ledger_query(store, &rows, "SELECT report, signature FROM run_signed WHERE run = ?", "t",
                        run));
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        ledger_digest report, signature;
        if (ledger_column_digest(rows, 0, &report) && ledger_column_digest(rows, 1, &signature))
            status = visit(argument, &report, &signature);
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}
