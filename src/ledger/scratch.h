/* scratch.h: a temporary folder for git and for programs that are repeated. */
#ifndef LEDGER_SCRATCH_H
#define LEDGER_SCRATCH_H

#include "core/context.h"

#include <limits.h>

typedef struct ledger_scratch {
    char path[PATH_MAX]; /* absolute; "" when there is none */
} ledger_scratch;

/* Makes an empty folder below TMPDIR (or /tmp) that only its owner may enter. */
ea_status ledger_scratch_make(ea_context *ctx, ledger_scratch *out);
/* Removes it and all in it, also what is read-only. */
void ledger_scratch_remove(ledger_scratch *scratch);
/* Removes a folder and all in it. */
void ledger_remove_folder(const char *path);

#endif
