/* record.h: `eadem train` as a run of the ledger: the same program, started again by the recorder.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <stdbool.h>

/* True where a training should record itself: no run is under way, and the project has a ledger or
 * is a git work tree, where one is made. False with a note when it cannot be opened. */
bool cli_record_wanted(void);

typedef struct cli_record_options {
    char **argv; /* of the subcommand: argv[0] is its name; ends with NULL */
    int argc;
    const char *recipe; /* its values become the run's parameters */
    const char *out;    /* the output folder; NULL: none */
    const char *trace;  /* the trace file; NULL: none */
    bool resume;        /* the output folder is read as well */
} cli_record_options;

/* Runs the subcommand again as a recorded run and returns its exit code. */
int cli_record(const cli_record_options *options);

#endif
