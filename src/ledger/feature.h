/* feature.h: tables of values that change over time, and what was known at a moment.
 *
 * A feature table has one key column, one time column and value columns. Each ingested CSV file
 * makes the next version, which holds the rows of all versions up to it; rows never change. The
 * value of a key at a moment is its row with the latest time that is not after the moment; of
 * several with that time the one of the latest version, in a version the one that stands last in
 * the file.
 */
#ifndef LEDGER_FEATURE_H
#define LEDGER_FEATURE_H

#include "ledger/data.h"

#include <jansson.h>

/* `columns` ends with NULL. EA_ERR_STATE when the table is there already. */
ea_status ledger_feature_define(ledger_store *store, const char *name, const char *key,
                                const char *time, const char *const *columns);

/* The file needs the table's columns; others in it are left alone. *version is the new one. */
ea_status ledger_feature_ingest(ledger_store *store, const char *name, const char *path,
                                int64_t *version, int64_t *rows);

typedef struct ledger_join {
    const char *events; /* a CSV file */
    const char *const
        *features;    /* "user@3", "user" for the newest, or "user=customer" when the events' key
                         column has another name ("user@3=customer"); ends with NULL */
    const char *time; /* the events' time column */
    const char *name; /* of the data version that is made */
} ledger_join;

/* Adds to every event the values at its time, as columns FEATURE.COLUMN, empty where there is none,
 * and records the table as a data version made from the events and the features. */
ea_status ledger_feature_join(ledger_store *store, const ledger_join *join, ledger_version *out,
                              bool *fresh);

/* {"column": "value", …, "time": "…"} of `key` ("user@3" or "user") at a moment, INT64_MAX for the
 * latest; a new reference, NULL when nothing was known. */
ea_status ledger_feature_get(ledger_store *store, const char *reference, const char *key,
                             int64_t moment, json_t **out);

/* All tables, or the versions of one, as a JSON array; a new reference. */
ea_status ledger_feature_list(ledger_store *store, const char *name, json_t **out);

#endif
