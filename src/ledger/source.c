/* source.c: a run's code as files again. */
#include "ledger/source.h"
#include "core/memory.h"
#include "ledger/checkout.h"
#include "ledger/json.h"
#include "ledger/process.h"
#include "ledger/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20 };

static const char *const source_steps[] = {
    "CREATE TABLE run_source (id TEXT PRIMARY KEY, tree BLOB NOT NULL) WITHOUT ROWID;",
};

const ledger_schema ledger_source_schema = { "source", source_steps, 1 };

/* --- In the store -------------------------------------------------------------------------------
 */

ea_status ledger_source_save(ledger_store *store, const char *id, const ledger_digest *tree)
{
    char owner[32];
    snprintf(owner, sizeof owner, "source:%s", id);
    EA_TRY(ledger_exec(store, "INSERT OR REPLACE INTO run_source (id, tree) VALUES (?, ?)", "th",
                       id, tree));
    EA_TRY(ledger_unref(store, owner));
    return ledger_ref(store, owner, tree, LEDGER_TREE);
}

ea_status ledger_source_find(ledger_store *store, const char *id, bool *found, ledger_digest *tree)
{
    sqlite3_stmt *rows;
    *found = false;
    EA_TRY(ledger_query(store, &rows, "SELECT tree FROM run_source WHERE id = ?", "t", id));
    bool row;
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row)
        *found = ledger_column_digest(rows, 0, tree);
    ledger_done(store, rows);
    return status;
}

/* --- From git -----------------------------------------------------------------------------------
 */

/* Runs git; on failure the first line of what it said is in `why`. */
static ea_status run_git(const char *folder, const char *const *argv, bool *good, char why[256])
{
    ledger_process_options options = { .argv = argv, .folder = folder, .errors = true };
    char *text;
    size_t size;
    int code;
    if (ledger_process_run(NULL, &options, OUTPUT_MAX, &text, &size, &code) != EA_OK) {
        snprintf(why, 256, "%.250s", ea_error_text(NULL));
        *good = false;
        return EA_OK;
    }
    text[strcspn(text, "\n")] = 0;
    *good = code == 0;
    if (code)
        snprintf(why, 256, "git: %.200s", text);
    core_free(text);
    return EA_OK;
}

static ea_status apply_patch(ledger_store *store, const json_t *code, const char *path, bool *good,
                             char why[256])
{
    char patch[PATH_MAX];
    ledger_digest digest;
    if (!ledger_record_digest(code, "patch", &digest))
        return EA_OK;
    snprintf(patch, sizeof patch, "%.*s.patch", PATH_MAX - 8, path);
    const char *apply[] = { "git", "apply", "--whitespace=nowarn", patch, NULL };
    EA_TRY(ledger_get_file(store, &digest, patch, 0600));
    ea_status status = run_git(path, apply, good, why);
    unlink(patch);
    return status;
}

static ea_status make_from_git(ledger_store *store, const json_t *code, const char *path,
                               bool *good, char why[256])
{
    const char *commit = ledger_json_string(code, "commit"), *project = ledger_project(store);
    const char *has[] = { "git", "cat-file", "-e", commit, NULL };
    const char *add[] = { "git",      "-c",  "core.hooksPath=/dev/null",
                          "worktree", "add", "--quiet",
                          "--detach", path,  commit,
                          NULL };
    const char *init[] = { "git", "init", "--quiet", path, NULL };
    const char *prune[] = { "git", "worktree", "remove", "--force", path, NULL };
    char ignored[256];
    bool removed;
    if (strspn(commit, "0123456789abcdef") != strlen(commit)) {
        *good = false; /* a stranger's record: nothing but a hash reaches git's command line */
        snprintf(why, 256, "the record's commit is none");
        return EA_OK;
    }
    *good = true;
    if (*commit)
        EA_TRY(run_git(project, has, good, why));
    if (*commit && !*good)
        snprintf(why, 256, "commit %.64s is not in this project's repository", commit);
    if (*good)
        EA_TRY(run_git(project, *commit ? add : init, good, why));
    if (!*good)
        return EA_OK;
    EA_TRY(apply_patch(store, code, path, good, why));
    if (!*good) {
        EA_TRY(run_git(project, prune, &removed, ignored));
        ledger_remove_folder(path);
    }
    return EA_OK;
}

void ledger_source_remove(ledger_store *store, ledger_source *source)
{
    const char *prune[] = { "git", "worktree", "remove", "--force", source->top, NULL };
    char ignored[256];
    bool removed;
    if (source->worktree)
        run_git(ledger_project(store), prune, &removed, ignored);
    ledger_remove_folder(source->top);
}

/* --- Either way ---------------------------------------------------------------------------------
 */

static ea_status place_root(ledger_source *source, const char *below)
{
    size_t length = strlen(below);
    if (length && below[length - 1] == '/')
        length--;
    if (below[0] == '/' || strstr(below, "..") ||
        snprintf(source->root, PATH_MAX, "%s%s%.*s", source->top, length ? "/" : "", (int)length,
                 below) >= PATH_MAX)
        return core_fail(NULL, EA_ERR_FORMAT, "the record's code lies in '%.60s', outside itself",
                         below);
    return EA_OK;
}

ea_status ledger_source_make(ledger_store *store, const json_t *record, const char *path,
                             ledger_source *out, char why[256])
{
    const json_t *code = json_object_get(record, "code");
    ledger_digest tree;
    bool found = false, is_git = strcmp(ledger_json_string(code, "system"), "git") == 0;
    *out = (ledger_source){ 0 };
    why[0] = 0;
    if (snprintf(out->top, PATH_MAX, "%s", path) >= PATH_MAX)
        return core_fail(NULL, EA_ERR_ARGUMENT, "the path of the work tree is too long");
    snprintf(why, 256, "the run was in no git repository, so its code was not recorded");
    if (is_git)
        EA_TRY(make_from_git(store, code, path, &found, why));
    out->worktree = found && *ledger_json_string(code, "commit");
    if (!found) {
        EA_TRY(ledger_source_find(store, ledger_json_string(record, "id"), &found, &tree));
        if (found)
            EA_TRY(ledger_checkout(store, LEDGER_FOLDER_ENTRY, &tree, path,
                                   &(ledger_checkout_options){ 0 }));
    }
    if (!found)
        return EA_OK;
    why[0] = 0;
    return place_root(out, ledger_json_string(code, "folder"));
}

ea_status ledger_source_keep(ledger_store *store, const json_t *record, bool *found,
                             ledger_digest *tree)
{
    ledger_scratch scratch;
    ledger_source source;
    ledger_snapshot snapshot;
    char path[PATH_MAX], why[256];
    EA_TRY(ledger_source_find(store, ledger_json_string(record, "id"), found, tree));
    if (*found)
        return EA_OK;
    EA_TRY(ledger_scratch_make(NULL, &scratch));
    snprintf(path, sizeof path, "%.*s/code", PATH_MAX - 8, scratch.path);
    ea_status status = ledger_source_make(store, record, path, &source, why);
    *found = status == EA_OK && !why[0];
    if (*found) {
        status = ledger_snapshot_take(store, path, &(ledger_snapshot_options){ .check = true },
                                      &snapshot);
        *tree = snapshot.digest;
        ledger_source_remove(store, &source);
    }
    ledger_scratch_remove(&scratch);
    return status;
}
