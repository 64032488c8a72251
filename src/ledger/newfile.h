/* newfile.h: a file that appears whole or not at all. It has no name until it is finished, so a
 * program that is killed leaves nothing behind. */
#ifndef LEDGER_NEWFILE_H
#define LEDGER_NEWFILE_H

#include "core/context.h"

#include <limits.h>
#include <sys/types.h>

typedef struct ledger_newfile {
    int fd;
    char path[PATH_MAX];      /* what it will be called */
    char temporary[PATH_MAX]; /* what it is called until then; "": it has no name */
} ledger_newfile;

/* Opens one for writing in the folder of `path`. Errors: EA_ERR_IO, EA_ERR_ARGUMENT (the path is
 * too long). */
ea_status ledger_newfile_make(ea_context *ctx, const char *path, mode_t mode, ledger_newfile *out);
/* Puts it on the disk and gives it its name, in place of a file that has it; closes it. After a
 * failure it is gone. */
ea_status ledger_newfile_publish(ea_context *ctx, ledger_newfile *file);
void ledger_newfile_drop(ledger_newfile *file);

#endif
