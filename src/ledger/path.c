/* path.c: names of files in a record. */
#include "ledger/path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static void drop_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
}

bool ledger_path_absolute(const char *folder, const char *path, char *out)
{
    char all[2 * PATH_MAX], *rest;
    if (snprintf(all, sizeof all, "%s/%s", path[0] == '/' ? "" : folder, path) >= PATH_MAX)
        return false;
    out[0] = 0;
    for (char *part = strtok_r(all, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
        if (strcmp(part, "..") == 0) {
            drop_last(out);
        } else if (strcmp(part, ".") != 0) {
            strcat(out, "/");
            strcat(out, part);
        }
    }
    if (!out[0])
        strcpy(out, "/");
    return true;
}

const char *ledger_path_relative(const char *root, const char *path)
{
    size_t length = strlen(root);
    if (strncmp(root, path, length) != 0 || (path[length] && path[length] != '/'))
        return path;
    return path[length] ? path + length + 1 : ".";
}
