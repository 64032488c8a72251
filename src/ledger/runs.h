/* runs.h: asking the ledger which runs there are. */
#ifndef LEDGER_RUNS_H
#define LEDGER_RUNS_H

#include "ledger/record.h"

typedef struct ledger_runs_question {
    const char *const *where; /* conditions that all must hold, ends with NULL: "lr>0.01" */
    const char *const *tags;  /* all of these, ends with NULL */
    const char *name, *status;
    int64_t since;    /* started then or later, nanoseconds since 1970 */
    const char *sort; /* a key, "-key" for descending; NULL: newest first */
    int64_t limit;    /* at most so many; 0: all */
} ledger_runs_question;

typedef struct ledger_run_row {
    int64_t number;
    const char *id, *status, *name, *command;
    int64_t started, ended; /* nanoseconds since 1970; ended 0: not ended */
    int exit_code;          /* −1: none */
} ledger_run_row;

/* A condition is KEY OPERATOR VALUE without spaces around the operator: < <= > >= = != ~
 * (contains). A key is status, name, command, exit, seconds, or else a parameter or metric (its
 * last value); param.KEY and metric.KEY say which. Numbers compare as numbers, anything else as
 * text. Errors: EA_ERR_ARGUMENT (no condition; an unknown operator), the callback's, the store's.
 */
typedef ea_status (*ledger_run_visit)(void *argument, const ledger_run_row *row);
ea_status ledger_runs_each(ledger_store *store, const ledger_runs_question *question,
                           ledger_run_visit visit, void *argument);

/* The last text of a parameter or metric of a run, for core_free(); *out NULL when it has none. */
ea_status ledger_runs_value(ledger_store *store, int64_t number, const char *key, char **out);

/* {"params": {…}, "metrics": {…}, "tags": […]} of a run, from the index; a new reference. */
ea_status ledger_runs_values(ledger_store *store, int64_t number, json_t **out);

/* The key of a condition, for showing it as a column: its length at the start of `condition`. */
size_t ledger_runs_key_length(const char *condition);

/* "2026-11-20", "2026-11-20 09:30" (local time), "45m", "12h", "3d" (ago). False: none of them. */
bool ledger_runs_time(const char *text, int64_t *out);

#endif
