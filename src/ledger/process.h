/* process.h: running a helper program, such as git, and reading what it prints. */
#ifndef LEDGER_PROCESS_H
#define LEDGER_PROCESS_H

#include "core/context.h"

#include <sys/types.h>

typedef struct ledger_process {
    pid_t pid;
    int output; /* the reading end of its standard output */
} ledger_process;

typedef struct ledger_process_options {
    const char *const *argv;      /* ends with NULL; argv[0] is searched in PATH */
    const char *folder;           /* where it runs; NULL: here */
    const char *const *variables; /* "NAME=value" to add or replace, ends with NULL; or NULL */
    int input;                    /* its standard input; 0: /dev/null */
    bool errors;                  /* standard error goes to the output too; else nowhere */
} ledger_process_options;

/* Errors: EA_ERR_IO (no such program, no more processes), EA_ERR_MEMORY. */
ea_status ledger_process_start(ea_context *ctx, const ledger_process_options *options,
                               ledger_process *out);

/* Reads to the end and waits. *text is NUL-terminated, for core_free(). Output beyond `limit` bytes
 * is EA_ERR_UNSUPPORTED. *exit_code is 128 + the signal's number when a signal ended it. */
ea_status ledger_process_finish(ea_context *ctx, ledger_process *process, size_t limit, char **text,
                                size_t *size, int *exit_code);

/* start and finish in one. */
ea_status ledger_process_run(ea_context *ctx, const ledger_process_options *options, size_t limit,
                             char **text, size_t *size, int *exit_code);

/* A copy of `base` (ends with NULL) in which the `changes` replace variables of the same name. One
 * block, for core_free(); the strings are the callers'. NULL when there is no memory. */
char **ledger_environment_merge(char *const *base, const char *const *changes);

#endif
