/* environment.c: the machine and the software that a run happens on, read from the system's files.
 */
#define _GNU_SOURCE /* CPU_COUNT, FNM_CASEFOLD */
#include "ledger/environment.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/process.h"
#include "ledger/python.h"
#include "ledger/secret.h"

#include <fnmatch.h>
#include <glob.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* --- Reading the system's small files -----------------------------------------------------------
 */

/* Calls `line` for each line of a file until it returns false. */
typedef bool (*line_reader)(void *argument, char *line);

static void read_lines(const char *path, line_reader line, void *argument)
{
    FILE *file = fopen(path, "re");
    char text[8192];
    while (file && fgets(text, sizeof text, file)) {
        text[strcspn(text, "\n")] = 0;
        if (!line(argument, text))
            break;
    }
    if (file)
        fclose(file);
}

/* The value of "key <separator> value", both trimmed; NULL when the line has another key. */
static char *value_of(char *line, const char *key, char separator)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return NULL;
    char *at = line + length + strspn(line + length, " \t");
    if (*at++ != separator)
        return NULL;
    at += strspn(at, " \t\"");
    size_t end = strlen(at);
    while (end && strchr(" \t\"", at[end - 1]))
        at[--end] = 0;
    return at;
}

static void set_text(json_t *object, const char *key, const char *value)
{
    if (value && *value)
        json_object_set_new(object, key, ledger_json_text(value));
}

/* --- Operating system and processor -------------------------------------------------------------
 */

static bool distribution_line(void *argument, char *line)
{
    char *value = value_of(line, "PRETTY_NAME", '=');
    set_text(argument, "distribution", value);
    return value == NULL;
}

static void add_system(json_t *environment)
{
    struct utsname name;
    if (uname(&name) == 0) {
        set_text(environment, "system", name.sysname);
        set_text(environment, "kernel", name.release);
        set_text(environment, "machine", name.machine);
        set_text(environment, "host", name.nodename);
    }
    read_lines("/etc/os-release", distribution_line, environment);
    char libc[64];
    snprintf(libc, sizeof libc, "glibc %s", gnu_get_libc_version());
    set_text(environment, "libc", libc);
}

/* The instruction sets that programs choose between; the rest of the flags say nothing of results.
 */
static bool is_instruction_set(const char *flag)
{
    static const char *const wanted[] = { "sse4_2", "avx*", "fma", "f16c",    "amx*",
                                          "asimd*", "sve*", "sme", "sme2*",   "bf16",
                                          "i8mm",   "fphp", "vx*", "altivec*" };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (fnmatch(wanted[i], flag, 0) == 0)
            return true;
    return false;
}

static bool cpu_line(void *argument, char *line)
{
    json_t *cpu = argument;
    char *model = value_of(line, "model name", ':'), *flags = value_of(line, "flags", ':');
    if (!flags)
        flags = value_of(line, "Features", ':');
    set_text(cpu, "model", model);
    if (flags) {
        json_t *sets = json_array();
        char *rest;
        for (char *flag = strtok_r(flags, " ", &rest); flag; flag = strtok_r(NULL, " ", &rest))
            if (is_instruction_set(flag))
                json_array_append_new(sets, json_string(flag));
        json_object_set_new(cpu, "instruction_sets", sets);
    }
    return !flags; /* the first processor stands for all */
}

static bool memory_line(void *argument, char *line)
{
    char *value = value_of(line, "MemTotal", ':');
    if (value)
        json_object_set_new(argument, "memory", json_integer(atoll(value) * 1024));
    return value == NULL;
}

static void add_cpu(json_t *environment)
{
    json_t *cpu = json_object();
    cpu_set_t allowed;
    read_lines("/proc/cpuinfo", cpu_line, cpu);
    json_object_set_new(cpu, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        json_object_set_new(cpu, "usable_cores", json_integer(CPU_COUNT(&allowed)));
    json_object_set_new(environment, "cpu", cpu);
    read_lines("/proc/meminfo", memory_line, environment);
}

/* --- GPUs ---------------------------------------------------------------------------------------
 */

static bool driver_line(void *argument, char *line)
{
    char *rest;
    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (strchr(word, '.') && strspn(word, "0123456789.") == strlen(word)) {
            set_text(argument, "driver", word);
            break;
        }
    return false;
}

static bool gpu_line(void *argument, char *line)
{
    char *model = value_of(line, "Model", ':');
    if (model)
        json_array_append_new(argument, ledger_json_text(model));
    return model == NULL;
}

static void add_cuda(json_t *environment)
{
    glob_t found;
    json_t *cuda = json_object(), *gpus = json_array();
    read_lines("/proc/driver/nvidia/version", driver_line, cuda);
    if (glob("/proc/driver/nvidia/gpus/*/information", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            read_lines(found.gl_pathv[i], gpu_line, gpus);
        globfree(&found);
    }
    json_t *toolkit = json_load_file("/usr/local/cuda/version.json", 0, NULL);
    set_text(cuda, "toolkit", ledger_json_string(json_object_get(toolkit, "cuda"), "version"));
    json_decref(toolkit);
    if (json_array_size(gpus))
        json_object_set(cuda, "gpus", gpus);
    json_decref(gpus);
    if (json_object_size(cuda))
        json_object_set(environment, "cuda", cuda);
    json_decref(cuda);
}

/* --- Software -----------------------------------------------------------------------------------
 */

static void add_compiler(json_t *environment, ledger_process *compiler)
{
    char *text = NULL;
    size_t size;
    int code;
    if (ledger_process_finish(NULL, compiler, 1 << 16, &text, &size, &code) != EA_OK)
        return;
    text[strcspn(text, "\n")] = 0;
    if (code == 0)
        set_text(environment, "compiler", text);
    core_free(text);
}

static void add_eadem(json_t *environment)
{
    const char *isa = NULL;
    for (int i = 0; ea_isa_available(i); i++)
        isa = ea_isa_available(i);
    const char *wanted = getenv("EADEM_ISA");
    json_object_set_new(environment, "eadem",
                        json_pack("{s:s, s:s, s:s, s:s}", "version", ea_version(), "contract",
                                  ea_contract_name(EA_CONTRACT_CHAIN), "instruction_set",
                                  wanted && *wanted ? wanted : isa, "built_with",
#if defined(__clang__)
                                  "clang " __clang_version__));
#else
                                  "gcc " __VERSION__));
#endif
}

json_t *ledger_environment(const char *program)
{
    const char *cc = getenv("CC") && *getenv("CC") ? getenv("CC") : "cc";
    const char *argv[] = { cc, "--version", NULL };
    ledger_process_options options = { .argv = argv };
    ledger_process compiler;
    json_t *environment = json_object();
    if (!environment)
        return NULL;
    bool has_compiler = ledger_process_start(NULL, &options, &compiler) == EA_OK;
    add_system(environment);
    add_cpu(environment);
    add_cuda(environment);
    add_eadem(environment);
    json_t *python = ledger_python(program);
    if (python)
        json_object_set_new(environment, "python", python);
    if (has_compiler)
        add_compiler(environment, &compiler);
    return environment;
}

json_t *ledger_variables(char *const *environment)
{
    json_t *variables = json_object();
    for (size_t i = 0; variables && environment[i]; i++) {
        char name[256];
        size_t length = strcspn(environment[i], "=");
        if (length >= sizeof name || !environment[i][length])
            continue;
        memcpy(name, environment[i], length);
        name[length] = 0;
        if (ledger_recorded_variable(name, environment[i] + length + 1))
            json_object_set_new(variables, name, ledger_json_text(environment[i] + length + 1));
    }
    return variables;
}

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

bool ledger_find_program(const char *name, const char *path, const char *folder, char *out)
{
    if (strchr(name, '/'))
        return snprintf(out, PATH_MAX, "%s%s%s", name[0] == '/' ? "" : folder,
                        name[0] == '/' ? "" : "/", name) < PATH_MAX &&
               is_program(out);
    for (const char *at = path ? path : "/usr/bin:/bin"; at;) {
        size_t length = strcspn(at, ":");
        bool absolute = at[0] == '/';
        int size = snprintf(out, PATH_MAX, "%s%s%.*s/%s", absolute ? "" : folder,
                            absolute ? "" : "/", (int)length, at, name);
        if (size < PATH_MAX && is_program(out))
            return true;
        at = at[length] ? at + length + 1 : NULL;
    }
    return false;
}
