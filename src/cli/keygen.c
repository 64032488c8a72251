/* keygen.c: `eadem keygen FILE`: a key to sign reports with. */
#include "cli/cli.h"
#include "cli/ledger.h"
#include "ledger/sign.h"

#include <stdio.h>

int cli_keygen(int argc, char **argv)
{
    bool help = false;
    const cli_option options[] = { { "help", NULL, &help }, { 0 } };
    int count;
    char **names;
    if (!cli_options("keygen", options, argc, argv, &count, &names))
        return cli_usage("keygen");
    if (help) {
        printf(
            "usage: eadem keygen FILE\n"
            "\n"
            "Makes an Ed25519 key: the private one in FILE (keep it), the public one in FILE.pub\n"
            "(hand it out). Both are PEM, as openssl reads and writes them.\n"
            "Exit code 0: made. 1: it failed; files that are there stay. 2: usage.\n");
        return CLI_OK;
    }
    if (count != 1)
        return cli_usage("keygen");
    int code = cli_result("keygen", ledger_key_make(NULL, names[0]));
    if (code == CLI_OK)
        printf("%s and %s.pub\n", names[0], names[0]);
    return code;
}
