/* python.c: a Python interpreter's version and packages. Packages are the names of the `.dist-info`
 * and `.egg-info` entries in its site folders: the same that importlib.metadata lists, without the
 * 50 ms that a start of the interpreter takes. */
#include "ledger/python.h"
#include "core/memory.h"
#include "ledger/environment.h"
#include "ledger/process.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_python_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strncmp(name, "python", 6) == 0 && strspn(name + 6, "0123456789.") == strlen(name + 6);
}

/* The interpreter of a script, from "#!/usr/bin/python3" or "#!/usr/bin/env python3". */
static bool read_shebang(const char *script, char *out)
{
    char line[512];
    int file = open(script, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = read(file, line, sizeof line - 1);
    close(file);
    if (size < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[size] = 0;
    line[strcspn(line, "\n")] = 0;
    char *rest, *word = strtok_r(line + 2, " \t", &rest);
    const char *slash = word ? strrchr(word, '/') : NULL;
    if (slash && strcmp(slash + 1, "env") == 0) {
        do
            word = strtok_r(NULL, " \t", &rest);
        while (word && word[0] == '-');
    }
    return word && is_python_name(word) && ledger_find_program(word, getenv("PATH"), "/", out);
}

/* "numpy-1.26.4.dist-info" gives "numpy" its "1.26.4". */
static void add_package(json_t *packages, char *entry)
{
    char *end = strstr(entry, ".dist-info");
    if (!end)
        end = strstr(entry, ".egg-info");
    char *dash = end ? strchr(entry, '-') : NULL;
    if (!dash || dash >= end)
        return;
    *end = *dash = 0;
    for (char *c = entry; *c; c++)
        *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    char *version = dash + 1, *python = strstr(version, "-py");
    if (python)
        *python = 0;
    if (!json_object_get(packages, entry)) /* the folder that is searched first wins */
        json_object_set_new(packages, entry, json_string(version));
}

static void add_folder(json_t *packages, const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char name[NAME_MAX + 1];
        strcpy(name, entry->d_name);
        add_package(packages, name);
    }
    closedir(folder);
}

static void add_python_path(json_t *packages)
{
    const char *value = getenv("PYTHONPATH");
    char copy[8192], *rest;
    if (!value || snprintf(copy, sizeof copy, "%s", value) >= (int)sizeof copy)
        return;
    for (char *path = strtok_r(copy, ":", &rest); path; path = strtok_r(NULL, ":", &rest))
        add_folder(packages, path);
}

static void add_site(json_t *packages, const char *prefix, const char *minor)
{
    static const char *const forms[] = { "%s/lib/python%s/site-packages",
                                         "%s/local/lib/python%s/dist-packages",
                                         "%s/lib/python%s/dist-packages" };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (snprintf(path, sizeof path, forms[i], prefix, minor) < (int)sizeof path)
            add_folder(packages, path);
    if (snprintf(path, sizeof path, "%s/lib/python3/dist-packages", prefix) < (int)sizeof path)
        add_folder(packages, path);
}

/* True for a virtual environment that hides the system's packages. */
static bool is_closed_venv(const char *prefix)
{
    char path[PATH_MAX], text[2048] = "";
    if (snprintf(path, sizeof path, "%s/pyvenv.cfg", prefix) >= (int)sizeof path)
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    return size > 0 && !strstr(text, "include-system-site-packages = true");
}

static json_t *find_packages(const char *interpreter, const char *minor)
{
    char prefix[PATH_MAX], real[PATH_MAX], user[PATH_MAX];
    json_t *packages = json_object();
    if (!packages || !realpath(interpreter, real))
        return packages;
    add_python_path(packages);
    strcpy(prefix, interpreter);
    dirname(dirname(prefix));
    add_site(packages, prefix, minor);
    if (is_closed_venv(prefix))
        return packages;
    const char *home = getenv("HOME");
    if (home && snprintf(user, sizeof user, "%s/.local", home) < (int)sizeof user)
        add_site(packages, user, minor);
    dirname(dirname(real));
    add_site(packages, real, minor);
    return packages;
}

/* A launcher such as pyenv's is a script under the interpreter's name: it is asked what it starts.
 */
static void resolve_launcher(char interpreter[PATH_MAX])
{
    char begin[2] = "", *text = NULL;
    size_t size;
    int code, file = open(interpreter, O_RDONLY | O_CLOEXEC);
    bool script = file >= 0 && read(file, begin, 2) == 2 && memcmp(begin, "#!", 2) == 0;
    if (file >= 0)
        close(file);
    const char *argv[] = { interpreter, "-ISc", "import sys; print(sys.executable)", NULL };
    ledger_process_options options = { .argv = argv };
    if (!script || ledger_process_run(NULL, &options, PATH_MAX, &text, &size, &code) != EA_OK)
        return;
    text[strcspn(text, "\n")] = 0;
    if (code == 0 && text[0] == '/' && strlen(text) < PATH_MAX)
        strcpy(interpreter, text);
    core_free(text);
}

json_t *ledger_python(const char *program)
{
    char interpreter[PATH_MAX], *text = NULL, minor[16];
    size_t size;
    int code;
    if (is_python_name(program))
        strcpy(interpreter, program);
    else if (!read_shebang(program, interpreter))
        return NULL;
    resolve_launcher(interpreter);
    const char *argv[] = { interpreter, "--version", NULL };
    ledger_process_options options = { .argv = argv };
    json_t *python = json_pack("{s:s}", "path", interpreter);
    if (!python || ledger_process_run(NULL, &options, 4096, &text, &size, &code) != EA_OK)
        return python;
    const char *version = strncmp(text, "Python ", 7) == 0 ? text + 7 : "";
    text[strcspn(text, "\n")] = 0;
    size_t major = strcspn(version, "."), dot = version[major] ? major + 1 : major;
    size_t length = dot + strcspn(version + dot, ".");
    if (code == 0 && *version && length < sizeof minor) {
        snprintf(minor, sizeof minor, "%.*s", (int)length, version);
        json_object_set_new(python, "version", json_string(version));
        json_object_set_new(python, "packages", find_packages(interpreter, minor));
    }
    core_free(text);
    return python;
}
