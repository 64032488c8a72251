/* bundle.h: runs, data and models with all they need, in one file. docs/ledger.md gives the bytes.
 *
 * A bundle may come from a stranger. Reading one writes into the store and nowhere else, runs
 * nothing, checks every digest, and allocates no more than a chunk, a list or the manifest, each
 * bounded and only as far as bytes really come. Nothing is kept of a bundle that breaks a rule.
 */
#ifndef LEDGER_BUNDLE_H
#define LEDGER_BUNDLE_H

#include "ledger/store.h"

#include <jansson.h>
#include <stdio.h>

enum { LEDGER_MANIFEST_MAX = 64 << 20 };

typedef struct ledger_bundle_result {
    int64_t objects, bytes; /* written, or new in the store */
    json_t *manifest; /* what it holds; for reading: the names that it got here; a new reference */
} ledger_bundle_result;

/* `references` ends with NULL; each is a run, data version or model, as for lineage.h. Writes
 * `path` whole or not at all. */
ea_status ledger_bundle_write(ledger_store *store, const char *const *references, const char *path,
                              ledger_bundle_result *out);

/* Whether a file begins as a bundle does. */
ea_status ledger_bundle_is(ea_context *ctx, const char *path, bool *is_bundle);

/* A data version or model whose name is taken here by other content gets "-imported" behind its
 * name. Aliases do not come along: a stranger promotes nothing. `any_size` allows content a
 * thousand times larger than the bundle. Errors: EA_ERR_FORMAT, EA_ERR_UNSUPPORTED (too large
 * without any_size), EA_ERR_STATE (a run that is here already with another record). */
ea_status ledger_bundle_read(ledger_store *store, const char *path, bool any_size,
                             ledger_bundle_result *out);
ea_status ledger_bundle_read_file(ledger_store *store, FILE *file, const char *name, bool any_size,
                                  ledger_bundle_result *out);

#endif
