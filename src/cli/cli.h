/* cli.h: the subcommands, one file each, and what they share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "eadem/eadem.h"

#include <stdbool.h>

/* Exit codes of every subcommand, unless its help says otherwise. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

typedef struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
    const char *summary;
} cli_command;

int cli_bundle(int argc, char **argv);
int cli_data(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_digest(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_feature(int argc, char **argv);
int cli_fsck(int argc, char **argv);
int cli_gc(int argc, char **argv);
int cli_generate(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_keygen(int argc, char **argv);
int cli_lineage(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_model(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_runs(int argc, char **argv);
int cli_score(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_tokenize(int argc, char **argv);
int cli_train(int argc, char **argv);
int cli_verify(int argc, char **argv);

/* What a program ends with: `code`, or a failure if its standard output could not be written. */
int cli_end(int code);

/* The path of the running program, into path[PATH_MAX]. */
bool cli_own_path(char *path);

#endif
