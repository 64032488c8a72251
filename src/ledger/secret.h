/* secret.h: what may not enter a record. Of contents only private keys are recognised. */
#ifndef LEDGER_SECRET_H
#define LEDGER_SECRET_H

#include <stdbool.h>

/* True for a file that by its name holds a secret: .env, *.pem, id_rsa, anything below .ssh/ … */
bool ledger_secret_file(const char *path);

/* True when the file there begins with a private key in PEM form. */
bool ledger_secret_content(const char *path);

/* True for an environment variable that a record keeps: on the list of those that can change a
 * result, and neither its name nor its value looks like a secret. */
bool ledger_recorded_variable(const char *name, const char *value);

#endif
