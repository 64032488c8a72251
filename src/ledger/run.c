/* run.c: running a command and recording it.
 *
 * Before the command starts: code, inputs and command are in the store under the status "running",
 * because the command may change files; beside that, a thread looks at the machine and the
 * software. While it runs, the folder runs/ID takes its output and reports. After it: all of that
 * moves into the store in one transaction. A lock on runs/ID/lock, which the command inherits,
 * tells the living from the dead. */
#define _GNU_SOURCE /* getrandom */
#include "ledger/run.h"
#include "core/memory.h"
#include "ledger/child.h"
#include "ledger/collect.h"
#include "ledger/environment.h"
#include "ledger/git.h"
#include "ledger/json.h"
#include "ledger/path.h"
#include "ledger/process.h"
#include "ledger/python.h"
#include "ledger/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define RUNS "runs"

enum { ORPHAN_AGE = 60 }; /* seconds */

/* A run in the making. */
typedef struct running {
    ledger_store *store;
    ea_context *ctx;
    const ledger_run_options *options;
    const char *root; /* the project's folder, or what stands for it */
    char id[LEDGER_RUN_ID];
    char program[PATH_MAX];
    char folder[PATH_MAX]; /* .eadem/runs/ID */
    int folder_fd, lock;
    json_t *record;
    char **environment;
    char variables[3][PATH_MAX + 32];
    pthread_t capture;
    bool capturing;
    json_t *captured; /* what the thread found */
    ledger_digest program_digest;
    bool has_program_digest;
} running;

static ea_status no_memory(const running *r)
{
    return core_fail(r->ctx, EA_ERR_MEMORY, "no memory for a run's record");
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* --- The run's folder ---------------------------------------------------------------------------
 */

static ea_status io_error(const running *r, const char *doing, const char *name)
{
    return core_fail(r->ctx, EA_ERR_IO, "cannot %s %s: %s", doing, name, strerror(errno));
}

static ea_status make_id(running *r)
{
    unsigned char bytes[(LEDGER_RUN_ID - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return io_error(r, "get", "random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        sprintf(r->id + 2 * i, "%02x", bytes[i]);
    return EA_OK;
}

static ea_status make_folder(running *r)
{
    char parent[PATH_MAX];
    EA_TRY(make_id(r));
    if (snprintf(parent, sizeof parent, "%s/" RUNS, ledger_path(r->store)) >= PATH_MAX - 64)
        return core_fail(r->ctx, EA_ERR_ARGUMENT, "the path of %s is too long",
                         ledger_path(r->store));
    snprintf(r->folder, sizeof r->folder, "%.*s/%s", PATH_MAX - 32, parent, r->id);
    if (mkdir(parent, 0777) != 0 && errno != EEXIST)
        return io_error(r, "make", parent);
    if (mkdir(r->folder, 0777) != 0)
        return io_error(r, "make", r->folder);
    r->folder_fd = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->folder_fd < 0)
        return io_error(r, "open", r->folder);
    r->lock = openat(r->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (r->lock < 0 || flock(r->lock, LOCK_EX) != 0)
        return io_error(r, "lock", r->folder);
    return EA_OK;
}

/* --- Before the command -------------------------------------------------------------------------
 */

static json_t *text_list(char *const *texts)
{
    json_t *list = json_array();
    for (size_t i = 0; list && texts && texts[i]; i++)
        if (json_array_append_new(list, ledger_json_text(texts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static ea_status describe_command(running *r)
{
    const ledger_run_options *o = r->options;
    const char *folder = ledger_path_relative(r->root, o->folder);
    json_t *params = o->params ? json_deep_copy(o->params) : json_object();
    r->record = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:{s:I}}", "format", LEDGER_RECORD_FORMAT, "id",
        r->id, "status", "running", "command", text_list(o->argv), "folder",
        ledger_json_text(folder), "program", ledger_json_text(r->program), "params", params, "tags",
        text_list((char *const *)(uintptr_t)o->tags), "times", "started", (json_int_t)now());
    if (!r->record)
        return no_memory(r);
    json_object_set_new(r->record, "project", ledger_json_text(r->root));
    if (o->name && *o->name)
        json_object_set_new(r->record, "name", ledger_json_text(o->name));
    if (o->repeat)
        json_object_set_new(r->record, "repeats", json_string(o->repeat->id));
    json_t *variables =
        ledger_variables(o->repeat ? o->repeat->environment : (char *const *)environ);
    return json_object_set_new(r->record, "variables", variables) == 0 ? EA_OK : no_memory(r);
}

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts && texts[count])
        count++;
    return count;
}

/* The absolute paths of inputs and then outputs, one block for core_free(), ending with NULL. */
static ea_status declared_paths(const running *r, char ***out)
{
    const char *const *lists[] = { r->options->inputs, r->options->outputs };
    size_t count = count_texts(lists[0]) + count_texts(lists[1]), n = 0;
    char **paths = core_alloc((count + 1) * sizeof *paths + count * PATH_MAX);
    if (!paths)
        return no_memory(r);
    char *text = (char *)(paths + count + 1);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; lists[k] && lists[k][i]; i++, text += PATH_MAX) {
            if (!ledger_path_absolute(r->options->folder, lists[k][i], text)) {
                core_free(paths);
                return core_fail(r->ctx, EA_ERR_ARGUMENT, "the path %.60s… is too long",
                                 lists[k][i]);
            }
            paths[n++] = text;
        }
    paths[n] = NULL;
    *out = paths;
    return EA_OK;
}

static ea_status take_inputs(running *r, char *const *paths)
{
    json_t *inputs = json_array();
    if (!inputs || json_object_set_new(r->record, "inputs", inputs) != 0)
        return no_memory(r);
    for (size_t i = 0; i < count_texts(r->options->inputs); i++)
        EA_TRY(ledger_collect_file(r->store, inputs, r->root, paths[i], false));
    return EA_OK;
}

static ea_status take_code(running *r, ledger_git *git, const char *const *declared)
{
    char scratch[PATH_MAX];
    ledger_git_state state;
    ledger_object object;
    char hex[LEDGER_HEX_SIZE];
    snprintf(scratch, sizeof scratch, "%.*s/git", PATH_MAX - 8, r->folder);
    if (mkdir(scratch, 0777) != 0) {
        ledger_git_cancel(git);
        return io_error(r, "make", scratch);
    }
    EA_TRY(ledger_git_finish(git, scratch, declared, &state));
    ledger_remove_folder(scratch);
    ea_status status = EA_OK;
    if (state.patch_size) {
        status = ledger_put_bytes(r->store, state.patch, state.patch_size, &object);
        if (status == EA_OK) {
            json_object_set_new(state.code, "patch", json_string(ledger_hex(&object.digest, hex)));
            json_object_set_new(state.code, "patch_size", json_integer(object.size));
        }
    }
    core_free(state.patch);
    if (json_object_set_new(r->record, "code", state.code) != 0)
        return no_memory(r);
    return status;
}

/* A repetition's work tree was made from the record, so its code is the record's. */
static ea_status adopt_code(running *r)
{
    json_t *code = json_deep_copy(r->options->repeat->code);
    return json_object_set_new(r->record, "code", code) == 0 ? EA_OK : no_memory(r);
}

static ea_status save(running *r)
{
    EA_TRY(ledger_begin(r->store));
    ea_status status = ledger_record_save(r->store, r->record);
    if (status != EA_OK) {
        ledger_rollback(r->store);
        return status;
    }
    return ledger_commit(r->store);
}

/* Everything that must be known before the command can change it. */
static ea_status record_before(running *r)
{
    ledger_git *git = NULL;
    char **declared = NULL;
    if (!r->options->repeat)
        EA_TRY(ledger_git_start(r->ctx, r->root, &git));
    ea_status status = make_folder(r);
    if (status == EA_OK)
        status = describe_command(r);
    if (status == EA_OK)
        status = declared_paths(r, &declared);
    if (status != EA_OK) {
        ledger_git_cancel(git);
        return status;
    }
    status = take_inputs(r, declared);
    if (status != EA_OK)
        ledger_git_cancel(git);
    else
        status = git ? take_code(r, git, (const char *const *)declared) : adopt_code(r);
    core_free(declared);
    return status == EA_OK ? save(r) : status;
}

/* --- The command --------------------------------------------------------------------------------
 */

static ea_status make_environment(running *r)
{
    const char *changes[4];
    int n = 0;
    snprintf(r->variables[0], sizeof r->variables[0], "EADEM_RUN_DIR=%s", r->folder);
    snprintf(r->variables[1], sizeof r->variables[1], "EADEM_RUN_ID=%s", r->id);
    changes[n++] = r->variables[0];
    changes[n++] = r->variables[1];
    if (r->options->trace) {
        snprintf(r->variables[2], sizeof r->variables[2], "EADEM_TRACE=%s/trace", r->folder);
        changes[n++] = r->variables[2];
    }
    changes[n] = NULL;
    r->environment = ledger_environment_merge(
        r->options->repeat ? r->options->repeat->environment : environ, changes);
    return r->environment ? EA_OK : no_memory(r);
}

/* Its own SHA-256 and no store: this runs beside the thread that owns the store. */
static bool digest_program(const char *path, ledger_digest *out)
{
    char data[1 << 16];
    ledger_sha *sha = NULL;
    ssize_t got = -1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && ledger_sha_create(NULL, &sha) == EA_OK && ledger_sha_begin(sha) == EA_OK)
        do
            got = read(file, data, sizeof data);
        while (got > 0 && ledger_sha_add(sha, data, (size_t)got) == EA_OK);
    bool good = got == 0 && ledger_sha_end(sha, out) == EA_OK;
    ledger_sha_destroy(sha);
    if (file >= 0)
        close(file);
    return good;
}

static void *capture_environment(void *argument)
{
    running *r = argument;
    r->captured = ledger_environment(r->program);
    r->has_program_digest = digest_program(r->program, &r->program_digest);
    return NULL;
}

/* Starts the thread, deaf to all signals: they are for the main thread, which hands them on.
 * Without it the capture happens when it is asked for. */
static void start_capture(running *r)
{
    sigset_t all, saved;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    r->capturing = pthread_create(&r->capture, NULL, capture_environment, r) == 0;
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

static void set_times(json_t *record, const ledger_child_result *result)
{
    json_t *times = json_object_get(record, "times");
    const struct rusage *usage = &result->usage;
    json_object_set_new(times, "started", json_integer(result->started));
    json_object_set_new(times, "ended", json_integer(result->ended));
    json_object_set_new(
        times, "user_us",
        json_integer((json_int_t)usage->ru_utime.tv_sec * 1000000 + usage->ru_utime.tv_usec));
    json_object_set_new(
        times, "system_us",
        json_integer((json_int_t)usage->ru_stime.tv_sec * 1000000 + usage->ru_stime.tv_usec));
    json_object_set_new(record, "peak_memory", json_integer((json_int_t)usage->ru_maxrss * 1024));
    json_object_set_new(record, "exit", json_integer(result->exit_code));
    if (result->signal)
        json_object_set_new(record, "signal", json_integer(result->signal));
    if (result->output_lost)
        json_object_set_new(record, "output_lost", json_true());
    json_object_set_new(record, "status",
                        json_string(result->exit_code == 0 ? "finished" : "failed"));
}

static ea_status run_command(running *r, ledger_child_result *result)
{
    ledger_child *child;
    int exit_code = 126;
    bool quiet = r->options->quiet;
    EA_TRY(make_environment(r));
    ledger_child_options options = { .program = r->program,
                                     .argv = r->options->argv,
                                     .environment = r->environment,
                                     .folder = r->options->folder,
                                     .run_folder = r->folder_fd,
                                     .inherited = r->lock,
                                     .shown = { quiet                ? -1
                                                : r->options->repeat ? 2
                                                                     : 1,
                                                quiet ? -1 : 2 } };
    ea_status status = ledger_child_start(r->ctx, &options, &exit_code, &child);
    if (status != EA_OK) {
        *result = (ledger_child_result){ .exit_code = exit_code, .started = now(), .ended = now() };
        return status;
    }
    return ledger_child_wait(r->ctx, child, result);
}

/* --- After the command --------------------------------------------------------------------------
 */

static ea_status take_outputs(running *r)
{
    char path[PATH_MAX];
    json_t *outputs = json_array();
    if (!outputs || json_object_set_new(r->record, "outputs", outputs) != 0)
        return no_memory(r);
    for (size_t i = 0; r->options->outputs && r->options->outputs[i]; i++) {
        ledger_path_absolute(r->options->folder, r->options->outputs[i], path);
        EA_TRY(ledger_collect_file(r->store, outputs, r->root, path, true));
    }
    return EA_OK;
}

/* A Python that something else started (a shell, make, uv) has left its path in the run's folder
 * when it imported eadem.run. */
static void take_python(running *r)
{
    char path[PATH_MAX] = "";
    int file = openat(r->folder_fd, "python", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 || json_object_get(r->captured, "python")) {
        if (file >= 0)
            close(file);
        return;
    }
    ssize_t size = read(file, path, sizeof path - 1);
    close(file);
    json_t *python = size > 0 && path[0] == '/' ? ledger_python(path) : NULL;
    if (python)
        json_object_set_new(r->captured, "python", python);
}

static ea_status record_after(running *r, const ledger_child_result *result)
{
    char hex[LEDGER_HEX_SIZE];
    if (r->capturing)
        pthread_join(r->capture, NULL);
    else
        capture_environment(r);
    r->capturing = false;
    if (!r->captured || json_object_set_new(r->record, "environment", r->captured) != 0)
        return no_memory(r);
    take_python(r);
    if (r->has_program_digest)
        json_object_set_new(r->record, "program_digest",
                            json_string(ledger_hex(&r->program_digest, hex)));
    set_times(r->record, result);
    EA_TRY(take_outputs(r));
    EA_TRY(ledger_collect_folder(r->store, r->record, r->folder, result->output_bytes));
    EA_TRY(save(r));
    ledger_remove_folder(r->folder);
    return EA_OK;
}

static void running_free(running *r)
{
    if (r->capturing) {
        pthread_join(r->capture, NULL);
        json_decref(r->captured);
    }
    json_decref(r->record);
    core_free(r->environment);
    if (r->folder_fd >= 0)
        close(r->folder_fd);
    if (r->lock >= 0)
        close(r->lock);
}

static const char *path_variable(const ledger_repeat *repeat)
{
    char *const *environment = repeat ? repeat->environment : (char *const *)environ;
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return NULL;
}

/* As a shell: 126 for a file that cannot be run, 127 when there is none. */
static ea_status no_program(const running *r, int *exit_code)
{
    const char *name = r->options->argv[0];
    char path[PATH_MAX];
    bool there = strchr(name, '/') && ledger_path_absolute(r->options->folder, name, path) &&
                 access(path, F_OK) == 0;
    *exit_code = there ? 126 : 127;
    if (there)
        return core_fail(r->ctx, EA_ERR_ARGUMENT,
                         "'%.200s' cannot be run: it is not executable (chmod +x) or is a folder",
                         name);
    return core_fail(r->ctx, EA_ERR_ARGUMENT, "there is no program '%.200s' that can be run", name);
}

ea_status ledger_run(ledger_store *store, const ledger_run_options *options,
                     ledger_run_result *result)
{
    running r = { .store = store,
                  .ctx = ledger_context(store),
                  .options = options,
                  .root = options->repeat ? options->repeat->root : ledger_project(store),
                  .folder_fd = -1,
                  .lock = -1 };
    ledger_child_result child = { .exit_code = 126 };
    *result = (ledger_run_result){ .exit_code = 127 };
    if (options->repeat && options->repeat->program)
        snprintf(r.program, sizeof r.program, "%s", options->repeat->program);
    else if (!ledger_find_program(options->argv[0], path_variable(options->repeat), options->folder,
                                  r.program))
        return no_program(&r, &result->exit_code);
    result->exit_code = 1;
    start_capture(&r);
    ea_status status = record_before(&r);
    if (status != EA_OK && r.folder[0])
        ledger_remove_folder(r.folder);
    if (status == EA_OK) {
        ea_status ran = run_command(&r, &child);
        result->exit_code = child.exit_code;
        status = record_after(&r, &child);
        strcpy(result->id, r.id);
        if (status == EA_OK && ran == EA_OK)
            result->record = json_incref(r.record);
        status = ran != EA_OK ? ran : status;
    }
    running_free(&r);
    return status;
}

/* --- After a crash ------------------------------------------------------------------------------
 */

static ea_status finish_dead(ledger_store *store, const char *id)
{
    running r = { .store = store, .ctx = ledger_context(store), .folder_fd = -1, .lock = -1 };
    snprintf(r.folder, sizeof r.folder, "%s/" RUNS "/%s", ledger_path(store), id);
    EA_TRY(ledger_record_load(store, id, &r.record));
    json_object_set_new(r.record, "status", json_string("interrupted"));
    ea_status status = ledger_collect_folder(store, r.record, r.folder, NULL);
    if (status == EA_OK)
        status = save(&r);
    if (status == EA_OK)
        ledger_remove_folder(r.folder);
    running_free(&r);
    return status;
}

/* Takes the lock of a run's folder; −1 while its recorder or its command lives. A folder that is
 * gone has no living recorder. */
static bool is_alive(ledger_store *store, const char *id, int *lock)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" RUNS "/%s/lock", ledger_path(store), id);
    *lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return *lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) != 0;
}

static ea_status still_running(ledger_store *store, const char *id, int64_t *running_now)
{
    *running_now = 0;
    return ledger_value(store, running_now,
                        "SELECT count(*) FROM run WHERE id = ? AND status = 'running'", "t", id);
}

static ea_status next_running(ledger_store *store, int64_t *after, char id[LEDGER_RUN_ID],
                              bool *found)
{
    sqlite3_stmt *rows;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT number, id FROM run WHERE status = 'running' AND number > ?"
                        " ORDER BY number LIMIT 1",
                        "i", *after));
    ea_status status = ledger_step(store, rows, found);
    if (status == EA_OK && *found) {
        *after = sqlite3_column_int64(rows, 0);
        snprintf(id, LEDGER_RUN_ID, "%s", (const char *)sqlite3_column_text(rows, 1));
    }
    ledger_done(store, rows);
    return status;
}

static ea_status finish_all_dead(ledger_store *store)
{
    char id[LEDGER_RUN_ID];
    int64_t after = 0, running_now;
    bool found = true;
    ea_status status = EA_OK;
    while (status == EA_OK && (status = next_running(store, &after, id, &found)) == EA_OK &&
           found) {
        int lock;
        bool alive = is_alive(store, id, &lock);
        if (!alive) /* it may have finished between the question and the lock */
            status = still_running(store, id, &running_now);
        if (!alive && status == EA_OK && running_now)
            status = finish_dead(store, id);
        if (lock >= 0)
            close(lock);
    }
    return status;
}

/* Removes the folder of a run that has no use for it: killed before it was known to the database,
 * or after it was finished. A young folder may be one whose owner is about to lock it. */
static ea_status remove_orphan(ledger_store *store, const char *parent, const char *id)
{
    char path[PATH_MAX];
    struct stat info;
    int64_t running_now;
    int lock;
    if (snprintf(path, sizeof path, "%s/%s", parent, id) >= PATH_MAX || lstat(path, &info) != 0 ||
        !S_ISDIR(info.st_mode) || time(NULL) - info.st_mtime < ORPHAN_AGE)
        return EA_OK;
    bool alive = is_alive(store, id, &lock);
    ea_status status = still_running(store, id, &running_now);
    if (!alive && status == EA_OK && !running_now)
        ledger_remove_folder(path);
    if (lock >= 0)
        close(lock);
    return status;
}

ea_status ledger_run_recover(ledger_store *store)
{
    char parent[PATH_MAX];
    EA_TRY(finish_all_dead(store));
    snprintf(parent, sizeof parent, "%s/" RUNS, ledger_path(store));
    DIR *folder = opendir(parent);
    ea_status status = EA_OK;
    for (struct dirent *entry; folder && status == EA_OK && (entry = readdir(folder));)
        if (strlen(entry->d_name) == LEDGER_RUN_ID - 1)
            status = remove_orphan(store, parent, entry->d_name);
    if (folder)
        closedir(folder);
    return status;
}
