/* verify.h: repeating a recorded run in isolation and comparing the results bit for bit. */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "ledger/record.h"

#define LEDGER_VERIFY_FORMAT "eadem-verify-1"

typedef enum ledger_verdict {
    LEDGER_IDENTICAL,
    LEDGER_DIFFERS,
    LEDGER_NOT_REPEATABLE /* something that it needs is missing; nothing was run */
} ledger_verdict;

typedef struct ledger_verify_options {
    bool anyway; /* also on another processor than the record's */
    bool quiet;  /* do not show the program's output */
} ledger_verify_options;

/* Repeats the run `id`: its code in a fresh work tree, its inputs read-only from the store, its
 * recorded variables; then compares outputs, metrics, trace and exit code. The repetition is a run
 * of its own in the ledger. *report is a new reference (docs/runs.md lists its members).
 *
 * Errors are those of the ledger; that a run cannot be repeated is a verdict. */
ea_status ledger_verify(ledger_store *store, const char *id, const ledger_verify_options *options,
                        ledger_verdict *verdict, json_t **report);

/* SHA-256 of a run's record as it is stored: what a report names its run by. */
ea_status ledger_record_hash(ledger_store *store, const char *id, char hex[LEDGER_HEX_SIZE]);

#endif
