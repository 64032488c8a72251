/* output.c: the end of a program's standard output. */
#include "cli/cli.h"

#include <stdio.h>

int cli_end(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "eadem: standard output cannot be written\n");
    return code == CLI_OK ? CLI_FAILED : code;
}
