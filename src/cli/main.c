/* main.c: the command `eadem`: finds the subcommand and hands over. */
#include "cli/cli.h"
#include "io/nearest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const cli_command commands[] = {
    { "bundle", cli_bundle, "runs, data and models, with all they need, as one file" },
    { "data", cli_data, "versions of data: add, list, log, diff, checkout, verify, rm" },
    { "diff", cli_diff, "why two runs, or two traces, differ" },
    { "digest", cli_digest, "SHA-256 of each tensor in a file, and of the whole" },
    { "doctor", cli_doctor, "does this machine compute the contract's bits?" },
    { "feature", cli_feature, "values that change over time: define, ingest, join, get, list" },
    { "fsck", cli_fsck, "is the ledger whole?" },
    { "gc", cli_gc, "free what nothing in the ledger refers to" },
    { "generate", cli_generate, "continue a text with a language model" },
    { "import", cli_import, "take in what a bundle holds" },
    { "keygen", cli_keygen, "make a key to sign reports with" },
    { "lineage", cli_lineage, "what was made from what" },
    { "log", cli_log, "report metrics or parameters from inside a run" },
    { "model", cli_model, "the model registry: register, list, log, promote, note, get, rm" },
    { "run", cli_run, "run a command and record it" },
    { "runs", cli_runs, "list runs, or show one" },
    { "score", cli_score, "log-probability of each token of a text" },
    { "serve", cli_serve, "a language model over HTTP, with OpenAI's endpoints" },
    { "tokenize", cli_tokenize, "token ids of a text, and back" },
    { "train", cli_train, "train a model by a recipe" },
    { "verify", cli_verify, "repeat a run: identical, or the first difference" },
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

bool cli_own_path(char *path)
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

static void print_help(FILE *to)
{
    fprintf(to, "usage: eadem COMMAND [ARGUMENT ...]\n"
                "       eadem COMMAND --help\n\n"
                "Deep learning whose every bit is the same on every machine.\n\ncommands:\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\n  --version  print the version\n  --help     print this help\n");
}

static int unknown_command(const char *word)
{
    const char *names[COMMANDS + 1] = { NULL };
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *nearest = io_nearest(word, names);
    if (nearest)
        fprintf(stderr, "eadem: unknown command '%s': did you mean '%s'?\n", word, nearest);
    else
        fprintf(stderr, "eadem: unknown command '%s': see eadem --help\n", word);
    return CLI_USAGE;
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("eadem %s\n", ea_version());
        return CLI_OK;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    return cli_end(run_command(argc, argv));
}
