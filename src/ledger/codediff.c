/* codediff.c: what differs between the code of two runs. Both are rebuilt as trees of git (in an
 * index and an object folder of our own), so git itself says which files and lines differ. */
#include "ledger/codediff.h"
#include "core/memory.h"
#include "ledger/checkout.h"
#include "ledger/json.h"
#include "ledger/process.h"
#include "ledger/scratch.h"
#include "ledger/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_MAX = 256 << 20, VARIABLE = PATH_MAX + 64 };

static const char *const write_tree[] = { "git", "write-tree", NULL };

/* The variables that keep git's writing in the scratch folder. */
typedef struct git_place {
    char index[VARIABLE], objects[VARIABLE], alternate[VARIABLE];
    const char *list[4];
} git_place;

static ea_status run_git(const char *folder, const char *const *argv, const git_place *place,
                         char **text, size_t *size, int *code)
{
    ledger_process_options options = {
        .argv = argv, .folder = folder, .variables = place ? place->list : NULL, .errors = true
    };
    return ledger_process_run(NULL, &options, OUTPUT_MAX, text, size, code);
}

static ea_status make_place(const char *folder, const char *scratch, const char *name,
                            git_place *place, bool *is_git)
{
    static const char *const where[] = { "git", "rev-parse", "--git-path", "objects", NULL };
    char *text, path[PATH_MAX];
    size_t size;
    int code;
    EA_TRY(run_git(folder, where, NULL, &text, &size, &code));
    text[strcspn(text, "\n")] = 0;
    *is_git = code == 0;
    snprintf(place->index, VARIABLE, "GIT_INDEX_FILE=%s/%s.index", scratch, name);
    snprintf(place->objects, VARIABLE, "GIT_OBJECT_DIRECTORY=%s/objects", scratch);
    snprintf(place->alternate, VARIABLE, "GIT_ALTERNATE_OBJECT_DIRECTORIES=%s%s%s",
             text[0] == '/' ? "" : folder, text[0] == '/' ? "" : "/", text);
    memcpy(place->list, (const char *[]){ place->index, place->objects, place->alternate, NULL },
           sizeof place->list);
    core_free(text);
    snprintf(path, sizeof path, "%.*s/objects", PATH_MAX - 16, scratch);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return core_fail(NULL, EA_ERR_IO, "cannot make %s: %s", path, strerror(errno));
    return EA_OK;
}

/* Runs a step; false, with the first line of what git said in `why`, when it fails. */
static ea_status step(const char *folder, const char *const *argv, const git_place *place,
                      char *out, size_t out_size, bool *good, char why[256])
{
    char *text;
    size_t size;
    int code;
    EA_TRY(run_git(folder, argv, place, &text, &size, &code));
    text[strcspn(text, "\n")] = 0;
    *good = code == 0;
    if (code)
        snprintf(why, 256, "git %s: %.200s", argv[1], text);
    else if (out)
        snprintf(out, out_size, "%s", text);
    core_free(text);
    return EA_OK;
}

/* The commit with the patch applied. Like all trees here it is written to scratch/objects; *tree
 * stays "" when it cannot be made, and `why` says why not. */
static ea_status tree_of_commit(ledger_store *store, const json_t *code, const char *scratch,
                                const char *name, char tree[LEDGER_HEX_SIZE], char why[256])
{
    const char *folder = ledger_project(store), *commit = ledger_json_string(code, "commit");
    char patch_path[PATH_MAX];
    git_place place;
    ledger_digest digest;
    bool good;
    EA_TRY(make_place(folder, scratch, name, &place, &good));
    if (!good) {
        snprintf(why, 256, "this project is in no git repository");
        return EA_OK;
    }
    snprintf(patch_path, sizeof patch_path, "%.*s/%s.patch", PATH_MAX - 32, scratch, name);
    const char *read_tree[] = { "git", "read-tree", *commit ? commit : "--empty", NULL };
    const char *apply[] = { "git", "apply", "--cached", "--whitespace=nowarn", patch_path, NULL };
    EA_TRY(step(folder, read_tree, &place, NULL, 0, &good, why));
    if (good && ledger_record_digest(code, "patch", &digest)) {
        EA_TRY(ledger_get_file(store, &digest, patch_path, 0600));
        EA_TRY(step(folder, apply, &place, NULL, 0, &good, why));
    }
    if (good)
        EA_TRY(step(folder, write_tree, &place, tree, LEDGER_HEX_SIZE, &good, why));
    return EA_OK;
}

/* The folder that came with an imported run, in a repository of its own: scratch/NAME. */
static ea_status tree_of_folder(ledger_store *store, const ledger_digest *source,
                                const char *scratch, const char *name, char tree[LEDGER_HEX_SIZE],
                                char why[256])
{
    static const char *const init[] = { "git", "init", "--quiet", NULL };
    static const char *const add[] = { "git", "add", "--all", "--force", NULL };
    char folder[PATH_MAX];
    git_place place;
    bool good;
    snprintf(folder, sizeof folder, "%.*s/%s", PATH_MAX - 16, scratch, name);
    EA_TRY(ledger_checkout(store, LEDGER_FOLDER_ENTRY, source, folder,
                           &(ledger_checkout_options){ 0 }));
    EA_TRY(step(folder, init, NULL, NULL, 0, &good, why));
    if (good)
        EA_TRY(make_place(folder, scratch, name, &place, &good));
    if (good)
        EA_TRY(step(folder, add, &place, NULL, 0, &good, why));
    if (good)
        EA_TRY(step(folder, write_tree, &place, tree, LEDGER_HEX_SIZE, &good, why));
    return EA_OK;
}

static ea_status make_tree(ledger_store *store, const json_t *record, const char *scratch,
                           const char *name, char tree[LEDGER_HEX_SIZE], char why[256])
{
    ledger_digest source;
    bool found;
    tree[0] = 0;
    EA_TRY(ledger_source_find(store, ledger_json_string(record, "id"), &found, &source));
    return found ? tree_of_folder(store, &source, scratch, name, tree, why)
                 : tree_of_commit(store, json_object_get(record, "code"), scratch, name, tree, why);
}

/* "3\t1\tpath\0…" as git's --numstat -z prints it; "-" stands for a binary file. */
static json_t *read_numstat(const char *text, size_t size)
{
    json_t *files = json_array();
    for (const char *entry = text; entry < text + size; entry += strlen(entry) + 1) {
        char *end;
        long added = strtol(entry, &end, 10);
        const char *tab = strchr(entry, '\t'), *path = tab ? strchr(tab + 1, '\t') : NULL;
        if (!path)
            break;
        json_t *file = json_object();
        json_object_set_new(file, "path", ledger_json_text(path + 1));
        if (end != entry) {
            json_object_set_new(file, "added", json_integer(added));
            json_object_set_new(file, "removed", json_integer(strtol(tab + 1, NULL, 10)));
        }
        json_array_append_new(files, file);
    }
    return files;
}

static ea_status diff_trees(const char *project, const char *scratch, const char *tree_a,
                            const char *tree_b, json_t *out)
{
    const char *numstat[] = { "git",           "diff", "--numstat", "-z", "--no-renames",
                              "--no-ext-diff", tree_a, tree_b,      NULL };
    const char *diff[] = { "git",           "diff", "--no-color", "--no-renames",
                           "--no-ext-diff", tree_a, tree_b,       NULL };
    git_place place;
    char *text, folder[PATH_MAX];
    size_t size;
    int code;
    bool is_git;
    snprintf(folder, sizeof folder, "%s", project);
    EA_TRY(make_place(folder, scratch, "diff", &place, &is_git));
    if (!is_git) { /* then both are folders, each with a repository */
        snprintf(folder, sizeof folder, "%.*s/a", PATH_MAX - 8, scratch);
        EA_TRY(make_place(folder, scratch, "diff", &place, &is_git));
    }
    EA_TRY(run_git(folder, numstat, &place, &text, &size, &code));
    json_object_set_new(out, "files", read_numstat(text, code ? 0 : size));
    core_free(text);
    EA_TRY(run_git(folder, diff, &place, &text, &size, &code));
    json_object_set_new(out, "diff", ledger_json_text_n(text, code ? 0 : size));
    core_free(text);
    return EA_OK;
}

static ea_status compare_in(ledger_store *store, const char *scratch, const json_t *a,
                            const json_t *b, json_t *out)
{
    char tree_a[LEDGER_HEX_SIZE], tree_b[LEDGER_HEX_SIZE] = "", why[256] = "";
    EA_TRY(make_tree(store, a, scratch, "a", tree_a, why));
    if (*tree_a)
        EA_TRY(make_tree(store, b, scratch, "b", tree_b, why));
    if (*tree_a && *tree_b)
        return diff_trees(ledger_project(store), scratch, tree_a, tree_b, out);
    json_object_set_new(out, "why", ledger_json_text(why));
    return EA_OK;
}

static bool same_member(const json_t *a, const json_t *b, const char *key)
{
    return strcmp(ledger_json_string(a, key), ledger_json_string(b, key)) == 0;
}

ea_status ledger_code_compare(ledger_store *store, const json_t *a, const json_t *b, json_t **out)
{
    const json_t *code_a = json_object_get(a, "code"), *code_b = json_object_get(b, "code");
    ledger_scratch scratch;
    if (same_member(code_a, code_b, "commit") && same_member(code_a, code_b, "patch")) {
        *out = json_null();
        return EA_OK;
    }
    *out = json_pack("{s:[s, s]}", "commit", ledger_json_string(code_a, "commit"),
                     ledger_json_string(code_b, "commit"));
    if (!*out)
        return core_fail(NULL, EA_ERR_MEMORY, "no memory to compare code");
    ea_status status = ledger_scratch_make(NULL, &scratch);
    if (status == EA_OK) {
        status = compare_in(store, scratch.path, a, b, *out);
        ledger_scratch_remove(&scratch);
    }
    bool same =
        status == EA_OK && json_object_get(*out, "files") &&
        json_array_size(json_object_get(*out, "files")) == 0; /* another commit, equal files */
    if (status != EA_OK || same) {
        json_decref(*out);
        *out = status == EA_OK ? json_null() : NULL;
    }
    return status;
}
