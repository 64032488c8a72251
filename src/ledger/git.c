/* git.c: asking git for the commit, and making the patch of what is not committed.
 *
 * The patch is made through an index of our own (and a place of our own for the objects that `git
 * add` writes), so that the user's index and repository are only read. */
#include "ledger/git.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/process.h"
#include "ledger/secret.h"
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_MAX = 256 << 20, VARIABLES = 5, IGNORED_LISTED = 100 };

struct ledger_git {
    ea_context *ctx;
    char *folder;
    ledger_process where, status;
    bool has_git;
};

/* What the parts of finish() share. */
typedef struct patch_work {
    ledger_git *git;
    const char *scratch;
    const char *const *declared;
    char *top;     /* the work tree */
    char *objects; /* the repository's objects */
    char *paths;   /* what goes into the patch: names ending with NUL, one after another */
    size_t paths_size;
    int64_t bytes;
    json_t *left_out, *ignored;
    int64_t more_ignored; /* than are listed */
} patch_work;

/* --- Starting -----------------------------------------------------------------------------------
 */

ea_status ledger_git_start(ea_context *ctx, const char *folder, ledger_git **out)
{
    static const char *const where[] = { "git",        "rev-parse", "--show-toplevel",
                                         "--git-path", "objects",   "--show-prefix",
                                         NULL };
    static const char *const status[] = { "git",
                                          "--no-optional-locks",
                                          "-c",
                                          "status.relativePaths=false",
                                          "status",
                                          "--porcelain=v2",
                                          "--branch",
                                          "--no-renames",
                                          "--untracked-files=all",
                                          "--ignored=matching",
                                          "-z",
                                          NULL };
    ledger_git *git = core_alloc_zero(sizeof *git);
    *out = NULL;
    if (!git || !(git->folder = core_strdup(folder))) {
        core_free(git);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to ask git");
    }
    git->ctx = ctx;
    ledger_process_options options = { .argv = where, .folder = folder, .errors = true };
    git->has_git = ledger_process_start(ctx, &options, &git->where) == EA_OK;
    options = (ledger_process_options){ .argv = status, .folder = folder };
    if (git->has_git) {
        ea_status started = ledger_process_start(ctx, &options, &git->status);
        if (started != EA_OK) {
            ledger_git_cancel(git);
            return started;
        }
    }
    *out = git;
    return EA_OK;
}

static void stop(ledger_git *git, ledger_process *process)
{
    char *text = NULL;
    size_t size;
    int code;
    if (process->pid &&
        ledger_process_finish(git->ctx, process, STATUS_MAX, &text, &size, &code) == EA_OK)
        core_free(text);
}

void ledger_git_cancel(ledger_git *git)
{
    if (!git)
        return;
    stop(git, &git->where);
    stop(git, &git->status);
    core_free(git->folder);
    core_free(git);
}

/* --- Which files --------------------------------------------------------------------------------
 */

static ea_status no_memory(patch_work *work)
{
    return core_fail(work->git->ctx, EA_ERR_MEMORY, "no memory for the patch of this work tree");
}

static ea_status leave_out(patch_work *work, const char *path, const char *why)
{
    json_t *entry = json_object();
    if (!entry || json_object_set_new(entry, "path", ledger_json_text(path)) ||
        json_object_set_new(entry, "why", json_string(why)) ||
        json_array_append_new(work->left_out, entry))
        return no_memory(work);
    return EA_OK;
}

static bool is_declared(const patch_work *work, const char *path)
{
    char full[PATH_MAX];
    if (snprintf(full, sizeof full, "%s/%s", work->top, path) >= (int)sizeof full)
        return false;
    for (size_t i = 0; work->declared[i]; i++) {
        size_t length = strlen(work->declared[i]);
        if (strncmp(full, work->declared[i], length) == 0 &&
            (full[length] == 0 || full[length] == '/'))
            return true;
    }
    return false;
}

static ea_status add_path(patch_work *work, const char *path)
{
    size_t length = strlen(path) + 1;
    char *larger = core_realloc(work->paths, work->paths_size, work->paths_size + length);
    if (!larger)
        return no_memory(work);
    memcpy(larger + work->paths_size, path, length);
    work->paths = larger;
    work->paths_size += length;
    return EA_OK;
}

static ea_status consider(patch_work *work, const char *path, bool submodule)
{
    char full[PATH_MAX], why[80];
    struct stat info;
    if (is_declared(work, path)) /* the record holds it as an input or output */
        return EA_OK;
    if (ledger_secret_file(path))
        return leave_out(work, path, "its name is that of a secret");
    if (submodule || path[strlen(path) - 1] == '/')
        return leave_out(work, path, "a repository of its own");
    snprintf(full, sizeof full, "%s/%s", work->top, path);
    if (lstat(full, &info) == 0) {
        if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
            return leave_out(work, path, "neither a file nor a link");
        if (S_ISREG(info.st_mode) && ledger_secret_content(full))
            return leave_out(work, path, "it holds a private key");
        if (info.st_size > LEDGER_PATCH_FILE_MAX) {
            snprintf(why, sizeof why, "%lld bytes, more than %d", (long long)info.st_size,
                     LEDGER_PATCH_FILE_MAX);
            return leave_out(work, path, why);
        }
        if (work->bytes + info.st_size > LEDGER_PATCH_MAX) {
            snprintf(why, sizeof why, "the patch would have more than %d bytes", LEDGER_PATCH_MAX);
            return leave_out(work, path, why);
        }
        work->bytes += info.st_size;
    }
    return add_path(work, path);
}

/* What git ignores is named and not kept: data, builds and secrets are there. */
static ea_status note_ignored(patch_work *work, const char *path)
{
    static const char own[] = LEDGER_FOLDER "/";
    const char *found = strstr(path, own);
    if ((found && (found == path || found[-1] == '/')) || is_declared(work, path))
        return EA_OK;
    if (json_array_size(work->ignored) >= IGNORED_LISTED) {
        work->more_ignored++;
        return EA_OK;
    }
    return json_array_append_new(work->ignored, ledger_json_text(path)) == 0 ? EA_OK
                                                                             : no_memory(work);
}

/* Skips `count` fields of a line of porcelain v2. */
static const char *skip_fields(const char *line, int count)
{
    for (; count > 0 && line; count--) {
        line = strchr(line, ' ');
        line = line ? line + 1 : NULL;
    }
    return line;
}

static ea_status read_entry(patch_work *work, const char *entry, json_t *code)
{
    static const char oid[] = "# branch.oid ", head[] = "# branch.head ";
    if (strncmp(entry, oid, strlen(oid)) == 0) {
        const char *commit = entry + strlen(oid);
        json_object_set_new(code, "commit",
                            strcmp(commit, "(initial)") == 0 ? json_null() : json_string(commit));
    } else if (strncmp(entry, head, strlen(head)) == 0) {
        json_object_set_new(code, "branch", ledger_json_text(entry + strlen(head)));
    } else if (entry[0] == '?') {
        return consider(work, entry + 2, false);
    } else if (entry[0] == '!') {
        return note_ignored(work, entry + 2);
    } else if (entry[0] == '1' || entry[0] == 'u') {
        const char *sub = skip_fields(entry, 2),
                   *path = skip_fields(entry, entry[0] == '1' ? 8 : 10);
        if (sub && path)
            return consider(work, path, sub[0] == 'S');
    }
    return EA_OK;
}

/* --- The patch ----------------------------------------------------------------------------------
 */

static ea_status run_git(patch_work *work, const char *const *argv, const char *const *variables,
                         char **text, size_t *size)
{
    ledger_process_options options = { .argv = argv, .folder = work->top, .variables = variables };
    int code;
    EA_TRY(ledger_process_run(work->git->ctx, &options, STATUS_MAX, text, size, &code));
    if (code == 0)
        return EA_OK;
    core_free(*text);
    *text = NULL;
    return core_fail(work->git->ctx, EA_ERR_IO, "git %s failed with exit code %d", argv[1], code);
}

/* For a command that prints only complaints: the last of them says why it failed. */
static ea_status change_with_git(patch_work *work, const char *const *argv,
                                 const char *const *variables, int input)
{
    ledger_process_options options = {
        .argv = argv, .folder = work->top, .variables = variables, .input = input, .errors = true
    };
    char *text;
    size_t size;
    int code;
    EA_TRY(ledger_process_run(work->git->ctx, &options, STATUS_MAX, &text, &size, &code));
    while (size && text[size - 1] == '\n')
        text[--size] = 0;
    const char *last = strrchr(text, '\n');
    ea_status status = code
                           ? core_fail(work->git->ctx, EA_ERR_IO,
                                       "the uncommitted changes cannot be recorded: git %s: %.300s",
                                       argv[1], last ? last + 1 : text)
                           : EA_OK;
    core_free(text);
    return status;
}

static ea_status write_paths(patch_work *work, int *out)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/paths", work->scratch);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = file >= 0;
    for (size_t at = 0; written && at < work->paths_size;) {
        ssize_t n = write(file, work->paths + at, work->paths_size - at);
        written = n > 0;
        at += written ? (size_t)n : 0;
    }
    if (!written || lseek(file, 0, SEEK_SET) != 0) {
        ea_status status =
            core_fail(work->git->ctx, EA_ERR_IO, "cannot write %s: %s", path, strerror(errno));
        if (file >= 0)
            close(file);
        return status;
    }
    *out = file;
    return EA_OK;
}

static ea_status make_patch(patch_work *work, bool has_commit, ledger_git_state *out)
{
    static const char *const read_tree[] = { "git", "read-tree", "HEAD", NULL };
    static const char *const add[] = {
        "git", "add", "-A", "--pathspec-from-file=-", "--pathspec-file-nul", NULL
    };
    static const char *const diff[] = { "git",
                                        "diff",
                                        "--cached",
                                        "--binary",
                                        "--full-index",
                                        "--no-ext-diff",
                                        "--no-textconv",
                                        "--no-renames",
                                        "--no-color",
                                        "--src-prefix=a/",
                                        "--dst-prefix=b/",
                                        NULL };
    char index[PATH_MAX], objects[PATH_MAX], alternate[PATH_MAX];
    snprintf(index, sizeof index, "GIT_INDEX_FILE=%s/index", work->scratch);
    snprintf(objects, sizeof objects, "GIT_OBJECT_DIRECTORY=%s/objects", work->scratch);
    snprintf(alternate, sizeof alternate, "GIT_ALTERNATE_OBJECT_DIRECTORIES=%s", work->objects);
    const char *variables[VARIABLES] = { index, objects, alternate, "GIT_LITERAL_PATHSPECS=1",
                                         NULL };
    if (mkdir(objects + strlen("GIT_OBJECT_DIRECTORY="), 0700) != 0)
        return core_fail(work->git->ctx, EA_ERR_IO, "cannot make a folder in %s: %s", work->scratch,
                         strerror(errno));
    int list = -1;
    EA_TRY(write_paths(work, &list));
    ea_status status = has_commit ? change_with_git(work, read_tree, variables, 0) : EA_OK;
    if (status == EA_OK)
        status = change_with_git(work, add, variables, list);
    close(list);
    if (status == EA_OK)
        status = run_git(work, diff, variables, &out->patch, &out->patch_size);
    return status;
}

/* --- All of it ----------------------------------------------------------------------------------
 */

/* Reads "top\nobjects\nprefix\n"; a path with a newline in it is refused. */
static ea_status read_where(patch_work *work, const char *text, json_t *code)
{
    const char *first = strchr(text, '\n'), *second = first ? strchr(first + 1, '\n') : NULL;
    char objects[PATH_MAX];
    if (!second || strchr(second + 1, '\n') != second + strlen(second) - 1)
        return core_fail(work->git->ctx, EA_ERR_UNSUPPORTED,
                         "the path of this git work tree cannot be used: rename the folder");
    int length = (int)(second - first - 1);
    bool absolute = first[1] == '/';
    snprintf(objects, sizeof objects, "%s%s%.*s", absolute ? "" : work->git->folder,
             absolute ? "" : "/", length, first + 1);
    work->top = core_alloc((size_t)(first - text) + 1);
    work->objects = core_strdup(objects);
    if (!work->top || !work->objects)
        return no_memory(work);
    memcpy(work->top, text, (size_t)(first - text));
    work->top[first - text] = 0;
    size_t prefix = strlen(second + 1) - 1;
    json_object_set_new(code, "folder", ledger_json_text_n(second + 1, prefix));
    return EA_OK;
}

static ea_status read_status(patch_work *work, const char *text, size_t size, json_t *code)
{
    for (const char *entry = text; entry < text + size; entry += strlen(entry) + 1)
        EA_TRY(read_entry(work, entry, code));
    return EA_OK;
}

static ea_status describe(patch_work *work, const char *where, ledger_git_state *out)
{
    char *text = NULL;
    size_t size;
    int exit_code;
    EA_TRY(read_where(work, where, out->code));
    EA_TRY(ledger_process_finish(work->git->ctx, &work->git->status, STATUS_MAX, &text, &size,
                                 &exit_code));
    ea_status status = exit_code ? core_fail(work->git->ctx, EA_ERR_IO,
                                             "git status failed with exit code %d", exit_code)
                                 : read_status(work, text, size, out->code);
    core_free(text);
    EA_TRY(status);
    bool has_commit = json_is_string(json_object_get(out->code, "commit"));
    json_object_set_new(out->code, "system", json_string("git"));
    if (json_array_size(work->left_out))
        json_object_set(out->code, "left_out", work->left_out);
    if (json_array_size(work->ignored))
        json_object_set(out->code, "ignored", work->ignored);
    if (work->more_ignored)
        json_object_set_new(out->code, "more_ignored", json_integer(work->more_ignored));
    return work->paths_size ? make_patch(work, has_commit, out) : EA_OK;
}

ea_status ledger_git_finish(ledger_git *git, const char *scratch, const char *const *declared,
                            ledger_git_state *out)
{
    char *where = NULL;
    size_t size;
    int exit_code = 127;
    ea_status status = EA_OK;
    patch_work work = { .git = git,
                        .scratch = scratch,
                        .declared = declared,
                        .left_out = json_array(),
                        .ignored = json_array() };
    *out = (ledger_git_state){ .code = json_object() };
    if (!out->code || !work.left_out || !work.ignored)
        status = no_memory(&work);
    else if (git->has_git)
        status =
            ledger_process_finish(git->ctx, &git->where, PATH_MAX * 4, &where, &size, &exit_code);
    if (status == EA_OK && exit_code == 0) {
        status = describe(&work, where, out);
    } else if (status == EA_OK) {
        if (where)
            where[strcspn(where, "\n")] = 0;
        json_object_set_new(out->code, "system", json_null());
        json_object_set_new(out->code, "why",
                            ledger_json_text(where && *where ? where : "git is not installed"));
    }
    core_free(where);
    core_free(work.top);
    core_free(work.objects);
    core_free(work.paths);
    json_decref(work.left_out);
    json_decref(work.ignored);
    ledger_git_cancel(git);
    if (status != EA_OK) {
        json_decref(out->code);
        core_free(out->patch);
        *out = (ledger_git_state){ 0 };
    }
    return status;
}
