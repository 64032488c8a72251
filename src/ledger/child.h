/* child.h: running the recorded program: its output shown live and kept, its signals, its end.
 *
 * Where a stream is shown on a terminal the program gets a terminal too, and
 * elsewhere a pipe: it sees what it would have seen without us, so colours and buffering stay as
 * they were. Bytes are passed on and kept as they come; within each stream their order is the
 * program's.
 */
#ifndef LEDGER_CHILD_H
#define LEDGER_CHILD_H

#include "core/context.h"

#include <sys/resource.h>

/* What is kept of a stream: the first and the last `limit` bytes. */
enum { LEDGER_OUTPUT_LIMIT = 8 << 20 };

typedef struct ledger_child_options {
    const char *program; /* absolute path */
    char *const *argv;
    char *const *environment;
    const char *folder; /* where it runs */
    int run_folder; /* descriptor of the folder that gets stdout, stdout.tail, stderr, stderr.tail
                     */
    int inherited;  /* a descriptor that the program keeps under the same number */
    int shown[2];   /* where standard output and error are shown; −1: nowhere */
} ledger_child_options;

typedef struct ledger_child_result {
    int exit_code; /* as a shell gives it: 128 + the signal's number when a signal ended the program
                    */
    int signal;    /* 0: none */
    int64_t started, ended;  /* nanoseconds since 1970 */
    int64_t output_bytes[2]; /* all that it wrote, standard output and standard error */
    bool output_lost;        /* not all could be kept: the disk was full or failed */
    struct rusage usage;
} ledger_child_result;

typedef struct ledger_child ledger_child;

/* Starts it. From here on the process's signals (SIGINT, SIGTERM, SIGHUP, SIGQUIT) are for the
 * program. Errors: EA_ERR_IO with *exit_code 127 (no such program), 126 (it cannot be run) or 125
 * (its output cannot be kept). */
ea_status ledger_child_start(ea_context *ctx, const ledger_child_options *options, int *exit_code,
                             ledger_child **out);

/* Waits for its end and frees the child. What background processes write later is not kept. */
ea_status ledger_child_wait(ea_context *ctx, ledger_child *child, ledger_child_result *out);

#endif
