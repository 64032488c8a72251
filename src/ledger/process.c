/* process.c: running a helper program and reading what it prints. */
#define _GNU_SOURCE /* posix_openpt, pipe2, spawn in a folder */
#include "ledger/process.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool same_name(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");
    return strncmp(a, b, length) == 0 && b[length] == '=';
}

char **ledger_environment_merge(char *const *base, const char *const *changes)
{
    size_t count = 0, n = 0;
    while (base[count])
        count++;
    for (size_t i = 0; changes && changes[i]; i++)
        count++;
    char **merged = core_alloc((count + 1) * sizeof *merged);
    if (!merged)
        return NULL;
    for (size_t i = 0; base[i]; i++) {
        bool replaced = false;
        for (size_t k = 0; changes && changes[k]; k++)
            replaced |= same_name(changes[k], base[i]);
        if (!replaced)
            merged[n++] = base[i];
    }
    for (size_t k = 0; changes && changes[k]; k++)
        merged[n++] = (char *)(uintptr_t)changes[k];
    merged[n] = NULL;
    return merged;
}

static int prepare(posix_spawn_file_actions_t *actions, const ledger_process_options *options,
                   int output)
{
    int error = 0;
    if (options->folder)
        error = posix_spawn_file_actions_addchdir_np(actions, options->folder);
    if (!error && options->input)
        error = posix_spawn_file_actions_adddup2(actions, options->input, 0);
    else if (!error)
        error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, output, 1);
    if (!error && options->errors)
        error = posix_spawn_file_actions_adddup2(actions, 1, 2);
    else if (!error)
        error = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
    return error;
}

ea_status ledger_process_start(ea_context *ctx, const ledger_process_options *options,
                               ledger_process *out)
{
    int ends[2];
    *out = (ledger_process){ .output = -1 };
    char **environment = ledger_environment_merge(environ, options->variables);
    if (!environment)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to start %s", options->argv[0]);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        core_free(environment);
        return core_fail(ctx, EA_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (!error) {
        error = prepare(&actions, options, ends[1]);
        if (!error)
            error = posix_spawnp(&out->pid, options->argv[0], &actions, NULL,
                                 (char *const *)(uintptr_t)options->argv, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    core_free(environment);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return core_fail(ctx, EA_ERR_IO, "cannot start %s: %s", options->argv[0], strerror(error));
    }
    out->output = ends[0];
    return EA_OK;
}

static ea_status read_all(ea_context *ctx, int file, size_t limit, char **text, size_t *size)
{
    size_t room = 1 << 16, used = 0;
    char *data = core_alloc(room);
    ea_status status =
        data ? EA_OK : core_fail(ctx, EA_ERR_MEMORY, "no memory for a program's output");
    while (status == EA_OK) {
        if (used + 1 == room) {
            char *larger = core_realloc(data, used, 2 * room);
            if (!larger) {
                status = core_fail(ctx, EA_ERR_MEMORY, "no memory for a program's output");
                break;
            }
            data = larger;
            room *= 2;
        }
        ssize_t got = read(file, data + used, room - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status =
                core_fail(ctx, EA_ERR_IO, "cannot read a program's output: %s", strerror(errno));
        if (got <= 0)
            break;
        used += (size_t)got;
        if (used > limit)
            status =
                core_fail(ctx, EA_ERR_UNSUPPORTED, "a program printed more than %zu bytes", limit);
    }
    if (status != EA_OK) {
        core_free(data);
        return status;
    }
    data[used] = 0;
    *text = data;
    *size = used;
    return EA_OK;
}

ea_status ledger_process_finish(ea_context *ctx, ledger_process *process, size_t limit, char **text,
                                size_t *size, int *exit_code)
{
    int result = 0;
    *text = NULL;
    *size = 0;
    ea_status status = read_all(ctx, process->output, limit, text, size);
    close(process->output);
    while (waitpid(process->pid, &result, 0) < 0 && errno == EINTR)
        ;
    *exit_code = WIFSIGNALED(result) ? 128 + WTERMSIG(result) : WEXITSTATUS(result);
    *process = (ledger_process){ .output = -1 };
    return status;
}

ea_status ledger_process_run(ea_context *ctx, const ledger_process_options *options, size_t limit,
                             char **text, size_t *size, int *exit_code)
{
    ledger_process process;
    EA_TRY(ledger_process_start(ctx, options, &process));
    return ledger_process_finish(ctx, &process, limit, text, size, exit_code);
}
