/* serve.c: `eadem serve`: becomes the program eadem-serve, which stands beside this one. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_serve(int argc, char **argv)
{
    static const char name[] = "eadem-serve";
    char program[PATH_MAX + sizeof name];
    (void)argc;
    if (!cli_own_path(program)) {
        fprintf(stderr, "eadem serve: this program cannot find its own folder\n");
        return CLI_FAILED;
    }
    strcpy(strrchr(program, '/') + 1, name);
    execv(program, argv);
    fprintf(stderr, "eadem serve: cannot start %s: %s: install Eadem's programs together\n",
            program, strerror(errno));
    return CLI_FAILED;
}
