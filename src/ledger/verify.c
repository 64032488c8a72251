/* verify.c: repeating a recorded run in isolation and comparing the results. */
#include "ledger/verify.h"
#include "core/memory.h"
#include "ledger/cause.h"
#include "ledger/checkout.h"
#include "ledger/effect.h"
#include "ledger/environment.h"
#include "ledger/json.h"
#include "ledger/path.h"
#include "ledger/run.h"
#include "ledger/scratch.h"
#include "ledger/snapshot.h"
#include "ledger/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WHY = 512 };

extern char **environ;

/* A verification under way. */
typedef struct verification {
    ledger_store *store;
    const ledger_verify_options *options;
    json_t *record;
    json_t *missing, *notes;
    ledger_scratch scratch;
    ledger_source source;
    bool has_source;
    char folder[PATH_MAX];  /* where the command runs */
    char program[PATH_MAX]; /* what runs */
    /* Blocks of texts, ending with NULL, each text its own block. */
    char **argv, **environment, **outputs, **inputs;
} verification;

static ea_status no_memory(void)
{
    return core_fail(NULL, EA_ERR_MEMORY, "no memory to repeat a run");
}

static void say(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *list, const char *format, ...)
{
    char text[WHY];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(list, ledger_json_text(text));
}

/* --- Lists of texts -----------------------------------------------------------------------------
 */

static char **list_make(size_t count)
{
    return core_alloc_zero((count + 1) * sizeof(char *));
}

static void list_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        core_free(list[i]);
    core_free(list);
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* --- What is the same place here ----------------------------------------------------------------
 */

/* "../x" that leads out of the project leads elsewhere from a work tree: it becomes absolute. */
static char *map_upward(const verification *v, const char *path)
{
    const char *recorded = ledger_json_string(v->record, "project");
    char folder[PATH_MAX], full[PATH_MAX];
    bool known = *recorded &&
                 ledger_path_absolute(recorded, ledger_json_string(v->record, "folder"), folder) &&
                 ledger_path_absolute(folder, path, full);
    return core_strdup(known && ledger_path_relative(recorded, full) == full ? full : path);
}

/* A path inside the recorded project, as it is called in the work tree. What is not there, but is
 * in this project (a file that git ignores, such as a built program), stays where it is. */
static char *map_path(const verification *v, const char *path)
{
    const char *recorded = ledger_json_string(v->record, "project");
    const char *below = *recorded ? ledger_path_relative(recorded, path) : path;
    char there[PATH_MAX], here[PATH_MAX];
    if (strncmp(path, "../", 3) == 0)
        return map_upward(v, path);
    if (below == path || path[0] != '/')
        return core_strdup(path);
    snprintf(there, sizeof there, "%.*s/%s", PATH_MAX / 2, v->source.root, below);
    snprintf(here, sizeof here, "%.*s/%s", PATH_MAX / 2, ledger_project(v->store), below);
    for (size_t i = 0; v->outputs[i]; i++)
        if (strcmp(ledger_path_relative(v->outputs[i], there), there) != 0)
            return core_strdup(there);
    return core_strdup(!exists(there) && exists(here) ? here : there);
}

/* An argument: a path, or an option's "--data=/path". */
static char *map_argument(const verification *v, const char *argument)
{
    const char *equals = argument[0] == '-' ? strchr(argument, '=') : NULL;
    if (!equals)
        return map_path(v, argument);
    char *path = map_path(v, equals + 1);
    size_t prefix = (size_t)(equals + 1 - argument), room = path ? prefix + strlen(path) + 1 : 0;
    char *mapped = path ? core_alloc(room) : NULL;
    if (mapped)
        snprintf(mapped, room, "%.*s%s", (int)prefix, argument, path);
    core_free(path);
    return mapped;
}

/* A value that may be a list of paths, such as PATH's. */
static char *map_value(const verification *v, const char *value)
{
    char *mapped = core_alloc_zero(1), *copy = core_strdup(value), *rest = copy;
    size_t used = 0;
    for (char *part; mapped && copy && (part = strsep(&rest, ":"));) {
        char *path = map_path(v, part);
        size_t length = path ? strlen(path) : 0;
        char *larger = path ? core_realloc(mapped, used + 1, used + length + 2) : NULL;
        if (larger) {
            memcpy(larger + used, path, length + 1);
            used += length;
            if (rest)
                larger[used++] = ':';
            larger[used] = 0;
            mapped = larger;
        } else {
            core_free(mapped);
            mapped = NULL;
        }
        core_free(path);
    }
    core_free(copy);
    return mapped;
}

/* --- What the run needs -------------------------------------------------------------------------
 */

static bool is_ours(const json_t *record)
{
    const char *program = ledger_json_string(record, "program"), *slash = strrchr(program, '/');
    return (slash && strcmp(slash + 1, "eadem") == 0) ||
           json_object_get(json_object_get(record, "params"), "eadem.contract");
}

/* A run of another arithmetic than ours promises nothing on another processor. */
static void check_machine(verification *v, const json_t *here)
{
    const json_t *recorded = json_object_get(json_object_get(v->record, "environment"), "cpu");
    const json_t *cpu = json_object_get(here, "cpu");
    bool same = json_equal(json_object_get(recorded, "model"), json_object_get(cpu, "model")) &&
                json_equal(json_object_get(recorded, "instruction_sets"),
                           json_object_get(cpu, "instruction_sets"));
    if (same)
        return;
    say(is_ours(v->record) || v->options->anyway ? v->notes : v->missing,
        "the processor: the run was on %s, this is %s%s", ledger_json_string(recorded, "model"),
        ledger_json_string(cpu, "model"),
        is_ours(v->record) ? "; the bits are Eadem's, so it does not matter"
                           : " or has other instruction sets; --anyway repeats it all the same");
}

static bool has_output(const json_t *record)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(record, "outputs"), i, entry)
    {
        if (*ledger_json_string(entry, "digest"))
            return true;
    }
    return false;
}

static ea_status check_run(verification *v)
{
    const char *status = ledger_json_string(v->record, "status");
    const json_t *entry;
    size_t i;
    if (strcmp(status, "finished") != 0 && strcmp(status, "failed") != 0)
        say(v->missing, "an end: the run is %s", status);
    if (!has_output(v->record) && json_object_size(json_object_get(v->record, "metrics")) == 0 &&
        !json_object_get(v->record, "trace"))
        say(v->missing, "a result: the run has no outputs, metrics or trace to compare");
    json_array_foreach(json_object_get(json_object_get(v->record, "code"), "left_out"), i, entry)
    {
        char *path = ledger_json_bytes(json_object_get(entry, "path"));
        say(v->notes, "left out of the record's code: %.200s (%.100s)", path ? path : "",
            ledger_json_string(entry, "why"));
        core_free(path);
    }
    return EA_OK;
}

/* --- Code and data ------------------------------------------------------------------------------
 */

static ea_status make_code(verification *v)
{
    char path[PATH_MAX], why[256];
    EA_TRY(ledger_scratch_make(NULL, &v->scratch));
    snprintf(path, sizeof path, "%.*s/work", PATH_MAX - 8, v->scratch.path);
    EA_TRY(ledger_source_make(v->store, v->record, path, &v->source, why));
    v->has_source = !why[0];
    if (why[0])
        say(v->missing, "the code: %s", why);
    return EA_OK;
}

static bool make_parents(const char *path)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(parent, 0777) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

/* The paths of the record's inputs or outputs in the work tree. */
static ea_status place_files(verification *v, const char *list, char ***out)
{
    const json_t *entries = json_object_get(v->record, list), *entry;
    char full[PATH_MAX];
    size_t i;
    *out = list_make(json_array_size(entries));
    if (!*out)
        return no_memory();
    json_array_foreach(entries, i, entry)
    {
        char *path = ledger_json_bytes(json_object_get(entry, "path"));
        bool good = path && ledger_path_absolute(v->source.root, path, full);
        bool inside =
            good && (path[0] == '/' || ledger_path_relative(v->source.root, full) != full);
        core_free(path);
        if (!inside)
            return core_fail(NULL, EA_ERR_FORMAT, "the record names a file outside its project");
        if (!((*out)[i] = core_strdup(full)))
            return no_memory();
    }
    return EA_OK;
}

static ledger_type type_of(const json_t *entry)
{
    const char *type = ledger_json_string(entry, "type");
    return strcmp(type, "folder") == 0       ? LEDGER_FOLDER_ENTRY
           : strcmp(type, "executable") == 0 ? LEDGER_EXECUTABLE
                                             : LEDGER_PLAIN;
}

/* An input outside the project is used where it is, when it still is what it was. */
static ea_status check_outside(verification *v, const char *path, const ledger_digest *digest)
{
    ledger_snapshot now;
    ea_status status =
        ledger_snapshot_take(v->store, path, &(ledger_snapshot_options){ .hash_only = true }, &now);
    if (status == EA_OK && ledger_digest_equal(&now.digest, digest))
        say(v->notes, "read where it is, outside the project: %.300s", path);
    else
        say(v->missing, "the input %.300s: it lies outside the project and has changed", path);
    return EA_OK;
}

static ea_status make_input(verification *v, const char *path, const json_t *entry)
{
    ledger_digest digest;
    ledger_object object;
    bool found = false;
    if (!ledger_record_digest(entry, "digest", &digest)) {
        say(v->missing, "the content of the input %.300s", path);
        return EA_OK;
    }
    if (ledger_path_relative(v->source.root, path) == path)
        return check_outside(v, path, &digest);
    EA_TRY(ledger_find(v->store, &digest, &found, &object));
    if (!found) {
        say(v->missing, "the content of the input %.300s", path);
        return EA_OK;
    }
    ledger_remove_folder(path);
    if (!make_parents(path))
        return core_fail(NULL, EA_ERR_IO, "cannot make the folder of %s: %s", path,
                         strerror(errno));
    return ledger_checkout(v->store, type_of(entry), &digest, path,
                           &(ledger_checkout_options){ .read_only = true });
}

static ea_status make_inputs(verification *v)
{
    const json_t *entry;
    size_t i;
    EA_TRY(place_files(v, "outputs", &v->outputs));
    EA_TRY(place_files(v, "inputs", &v->inputs));
    json_array_foreach(json_object_get(v->record, "inputs"), i, entry)
        EA_TRY(make_input(v, v->inputs[i], entry));
    return EA_OK;
}

/* --- The command --------------------------------------------------------------------------------
 */

/* The recorded variables, and the few that a program needs to know its user by. */
static ea_status make_environment(verification *v)
{
    static const char *const passed[] = { "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR" };
    json_t *variables = json_object_get(v->record, "variables");
    const char *name;
    const json_t *value;
    size_t n = 0;
    v->environment = list_make(json_object_size(variables) + sizeof passed / sizeof passed[0]);
    if (!v->environment)
        return no_memory();
    json_object_foreach(variables, name, value)
    {
        char *bytes = ledger_json_bytes(value), *mapped = bytes ? map_value(v, bytes) : NULL;
        size_t room = strlen(name) + (mapped ? strlen(mapped) : 0) + 2;
        if (mapped && (v->environment[n] = core_alloc(room)))
            snprintf(v->environment[n++], room, "%s=%s", name, mapped);
        core_free(bytes);
        core_free(mapped);
        if (!mapped)
            return no_memory();
    }
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        for (size_t k = 0; environ[k]; k++)
            if (strncmp(environ[k], passed[i], strlen(passed[i])) == 0 &&
                environ[k][strlen(passed[i])] == '=' &&
                !(v->environment[n++] = core_strdup(environ[k])))
                return no_memory();
    return EA_OK;
}

static const char *path_of(char *const *environment)
{
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return NULL;
}

/* A program that git ignores is not in the work tree: then this project's is taken. */
static void find_program(verification *v)
{
    char here[PATH_MAX];
    char *folder = ledger_json_bytes(json_object_get(v->record, "folder"));
    bool found = ledger_find_program(v->argv[0], path_of(v->environment), v->folder, v->program);
    if (!found && folder && folder[0] != '/') {
        snprintf(here, sizeof here, "%.*s/%s", PATH_MAX / 2, ledger_project(v->store), folder);
        found = ledger_find_program(v->argv[0], path_of(v->environment), here, v->program);
        if (found)
            say(v->notes, "this project's program, which is no part of the record's code: %.300s",
                v->program);
    }
    if (!found)
        say(v->missing, "the program %.300s", v->argv[0]);
    core_free(folder);
}

static ea_status make_command(verification *v)
{
    const json_t *words = json_object_get(v->record, "command"), *word;
    char *folder = ledger_json_bytes(json_object_get(v->record, "folder"));
    size_t i;
    bool good = folder && ledger_path_absolute(v->source.root, folder, v->folder);
    core_free(folder);
    v->argv = list_make(json_array_size(words));
    if (!v->argv)
        return no_memory();
    json_array_foreach(words, i, word)
    {
        char *bytes = ledger_json_bytes(word);
        v->argv[i] = bytes ? map_argument(v, bytes) : NULL;
        core_free(bytes);
        if (!v->argv[i])
            return no_memory();
    }
    EA_TRY(make_environment(v));
    if (!good || !exists(v->folder))
        say(v->missing, "the working folder %s", ledger_json_string(v->record, "folder"));
    else
        find_program(v);
    return EA_OK;
}

/* --- The verdict --------------------------------------------------------------------------------
 */

ea_status ledger_record_hash(ledger_store *store, const char *id, char hex[LEDGER_HEX_SIZE])
{
    sqlite3_stmt *rows;
    ledger_digest digest;
    bool row = false;
    hex[0] = 0;
    EA_TRY(ledger_query(store, &rows, "SELECT record FROM run WHERE id = ?", "t", id));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row && ledger_column_digest(rows, 0, &digest))
        ledger_hex(&digest, hex);
    ledger_done(store, rows);
    return status;
}

static ea_status repeat(verification *v, ledger_run_result *result)
{
    bool declared = json_object_get(v->record, "declared_params") != NULL;
    ledger_repeat how = { .id = ledger_json_string(v->record, "id"),
                          .root = v->source.root,
                          .code = json_object_get(v->record, "code"),
                          .program = v->program,
                          .environment = v->environment };
    const char *tags[] = { "verify", NULL };
    ledger_run_options run = { .argv = v->argv,
                               .name = ledger_json_string(v->record, "name"),
                               .tags = tags,
                               .inputs = (const char *const *)v->inputs,
                               .outputs = (const char *const *)v->outputs,
                               .params = json_object_get(v->record,
                                                         declared ? "declared_params" : "params"),
                               .folder = v->folder,
                               .trace = json_object_get(v->record, "trace") != NULL,
                               .quiet = v->options->quiet,
                               .repeat = &how };
    return ledger_run(v->store, &run, result);
}

/* The repetition of an imported run has its code from the store too. */
static ea_status keep_source(verification *v, const char *id)
{
    ledger_digest tree;
    bool found;
    EA_TRY(ledger_source_find(v->store, ledger_json_string(v->record, "id"), &found, &tree));
    if (!found)
        return EA_OK;
    EA_TRY(ledger_begin(v->store));
    ea_status status = ledger_source_save(v->store, id, &tree);
    if (status == EA_OK)
        return ledger_commit(v->store);
    ledger_rollback(v->store);
    return status;
}

/* Of the command only the program's content can be a cause: the work tree's paths are other ones,
 * as they must be. */
static void keep_program(json_t *causes)
{
    json_t *command = json_object_get(causes, "command");
    for (size_t i = json_array_size(command); i-- > 0;)
        if (strcmp(ledger_json_string(json_array_get(command, i), "key"), "program_digest") != 0)
            json_array_remove(command, i);
    if (json_array_size(command) == 0)
        json_object_del(causes, "command");
}

static ea_status compare(verification *v, const json_t *repeated, json_t *report,
                         ledger_verdict *verdict)
{
    char hex[LEDGER_HEX_SIZE];
    const char *id = ledger_json_string(repeated, "id");
    json_t *effects, *causes;
    EA_TRY(ledger_effects(v->store, v->record, repeated, &effects));
    *verdict = ledger_json_true(effects, "identical") ? LEDGER_IDENTICAL : LEDGER_DIFFERS;
    json_object_set_new(report, "effects", effects);
    EA_TRY(ledger_causes(v->store, v->record, repeated, &causes));
    keep_program(causes);
    json_object_set_new(report, "causes", causes);
    EA_TRY(ledger_record_hash(v->store, id, hex));
    json_object_set_new(report, "repeated_as", json_string(id));
    json_object_set_new(report, "repeated_record", json_string(hex));
    json_object_set(report, "environment", json_object_get(repeated, "environment"));
    return EA_OK;
}

static ea_status prepare(verification *v)
{
    json_t *here = ledger_environment("/");
    EA_TRY(check_run(v));
    if (here)
        check_machine(v, here);
    json_decref(here);
    if (json_array_size(v->missing))
        return EA_OK;
    EA_TRY(make_code(v));
    if (!v->has_source)
        return EA_OK;
    EA_TRY(make_inputs(v));
    return make_command(v);
}

static ea_status run_and_compare(verification *v, json_t *report, ledger_verdict *verdict)
{
    ledger_run_result result = { 0 };
    *verdict = LEDGER_NOT_REPEATABLE;
    EA_TRY(prepare(v));
    if (json_array_size(v->missing))
        return EA_OK;
    EA_TRY(repeat(v, &result));
    ea_status status = keep_source(v, result.id);
    if (status == EA_OK)
        status = compare(v, result.record, report, verdict);
    json_decref(result.record);
    return status;
}

static ea_status begin_report(verification *v, const char *id, json_t **report)
{
    char hex[LEDGER_HEX_SIZE], when[32];
    time_t now = time(NULL);
    struct tm parts;
    EA_TRY(ledger_record_hash(v->store, id, hex));
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    *report = json_pack("{s:s, s:s, s:s, s:O, s:s, s:s, s:o, s:o}", "format", LEDGER_VERIFY_FORMAT,
                        "run", id, "record", hex, "command", json_object_get(v->record, "command"),
                        "time", when, "eadem", ea_version(), "missing", v->missing = json_array(),
                        "notes", v->notes = json_array());
    return *report ? EA_OK : no_memory();
}

ea_status ledger_verify(ledger_store *store, const char *id, const ledger_verify_options *options,
                        ledger_verdict *verdict, json_t **report)
{
    static const char *const verdicts[] = { "identical", "differs", "cannot be repeated" };
    verification v = { .store = store, .options = options };
    *report = NULL;
    EA_TRY(ledger_record_load(store, id, &v.record));
    ea_status status = begin_report(&v, id, report);
    if (status == EA_OK)
        status = run_and_compare(&v, *report, verdict);
    if (v.has_source)
        ledger_source_remove(store, &v.source);
    ledger_scratch_remove(&v.scratch);
    list_free(v.argv);
    list_free(v.environment);
    list_free(v.outputs);
    list_free(v.inputs);
    json_decref(v.record);
    if (status == EA_OK) {
        json_object_set_new(*report, "verdict", json_string(verdicts[*verdict]));
    } else {
        json_decref(*report);
        *report = NULL;
    }
    return status;
}
