/* digest.c: `eadem digest FILE…`. */
#include "cli/cli.h"

#include <stdio.h>

int cli_digest(int argc, char **argv)
{
    (void)argc;
    fprintf(stderr, "eadem %s: not built yet\n", argv[0]);
    return CLI_FAILED;
}
