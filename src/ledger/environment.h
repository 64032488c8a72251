/* environment.h: the machine and the software that a run happens on. */
#ifndef LEDGER_ENVIRONMENT_H
#define LEDGER_ENVIRONMENT_H

#include "core/context.h"

#include <jansson.h>

/* The record's "environment" (docs/runs.md), a new reference. `program` is the absolute path of
 * what runs: when that is a Python interpreter or a script of one, its version and packages are
 * there too. What cannot be found out is left out. NULL only when there is no memory. */
json_t *ledger_environment(const char *program);

/* The record's "variables": those of `environment` ("NAME=value", ends with NULL) that are on the
 * list in secret.c. */
json_t *ledger_variables(char *const *environment);

/* The absolute path of the program that `name` starts, looked for in `path` (PATH's value) when it
 * has no slash and from `folder` when it is relative. False: there is none. `out` has PATH_MAX
 * bytes. */
bool ledger_find_program(const char *name, const char *path, const char *folder, char *out);

#endif
