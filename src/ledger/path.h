/* path.h: names of files in a record: relative to the project where they lie in it. */
#ifndef LEDGER_PATH_H
#define LEDGER_PATH_H

#include <stdbool.h>

/* Writes folder/path (or path, when it is absolute) without ".", ".." and doubled slashes; links
 * are not looked at. `out` has PATH_MAX bytes; false: too long. */
bool ledger_path_absolute(const char *folder, const char *path, char *out);

/* The part of an absolute path behind root: "." for root itself, the path itself when it lies
 * outside. */
const char *ledger_path_relative(const char *root, const char *path);

#endif
