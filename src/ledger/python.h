/* python.h: a Python interpreter's version and packages, without starting a Python program. */
#ifndef LEDGER_PYTHON_H
#define LEDGER_PYTHON_H

#include <jansson.h>

/* {"path", "version", "packages": {name: version}}, a new reference; NULL when `program` neither is
 * a Python interpreter nor a script that names one in its first line. */
json_t *ledger_python(const char *program);

#endif
