/* git.h: the code that a run is made by: a commit of git and what the work tree adds to it. */
#ifndef LEDGER_GIT_H
#define LEDGER_GIT_H

#include "core/context.h"

#include <jansson.h>

enum {
    LEDGER_PATCH_FILE_MAX = 8 << 20, /* a changed or untracked file that is larger is left out */
    LEDGER_PATCH_MAX = 64 << 20      /* all such files together */
};

typedef struct ledger_git ledger_git;

/* Starts git in `folder`; the work goes on while the caller does other things. */
ea_status ledger_git_start(ea_context *ctx, const char *folder, ledger_git **out);

typedef struct ledger_git_state {
    json_t *code; /* the record's "code": docs/runs.md; a new reference */
    char *patch;  /* uncommitted and untracked changes, for core_free(); NULL: none */
    size_t patch_size;
} ledger_git_state;

/* Waits for git and makes the patch. `scratch` is an empty folder for temporary files; `declared`
 * are absolute paths that the record holds by other means (inputs, outputs), ending with NULL: they
 * and all below them stay out of the patch. A folder without git is no failure: "code" says so. */
ea_status ledger_git_finish(ledger_git *git, const char *scratch, const char *const *declared,
                            ledger_git_state *out);
void ledger_git_cancel(ledger_git *git); /* for a caller that fails before finish; takes NULL */

#endif
