/* run.h: running a command and recording it. */
#ifndef LEDGER_RUN_H
#define LEDGER_RUN_H

#include "ledger/record.h"

/* For a run that repeats another one (verify.c). */
typedef struct ledger_repeat {
    const char *id;           /* the run that is repeated */
    const char *root;         /* absolute path of the folder that stands for the project */
    const json_t *code;       /* the record's "code", which `root` was made from */
    const char *program;      /* absolute path of what runs; NULL: as argv[0] says */
    char *const *environment; /* all variables of the program */
} ledger_repeat;

typedef struct ledger_run_options {
    char *const *argv;          /* ends with NULL */
    const char *name;           /* NULL or "": none */
    const char *const *tags;    /* lists end with NULL; NULL: none */
    const char *const *inputs;  /* files and folders, relative to `folder` or absolute */
    const char *const *outputs; /* the same */
    const json_t *params;       /* NULL: none */
    const char *folder;         /* absolute: where the command runs */
    bool trace;                 /* give the program EADEM_TRACE, a file to trace into */
    bool quiet; /* do not show the program's output; a repetition's is shown on standard error */
    const ledger_repeat *repeat;
} ledger_run_options;

typedef struct ledger_run_result {
    char id[LEDGER_RUN_ID];
    int exit_code;
    json_t *record; /* the finished record, a new reference */
} ledger_run_result;

/* Records and runs. A failure after the command began does not stop it: the run then stays in the
 * ledger as what could be recorded. Errors: EA_ERR_ARGUMENT (no such program: exit_code is 127; no
 * such input), and the store's. result->record is NULL on failure. */
ea_status ledger_run(ledger_store *store, const ledger_run_options *options,
                     ledger_run_result *result);

/* Finishes, as "interrupted", the runs whose recorder died. What their programs reported and
 * printed until then is kept. */
ea_status ledger_run_recover(ledger_store *store);

#endif
