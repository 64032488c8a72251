/* data.h: named, numbered versions of data. Version numbers count from 1 and are never used again.
 */
#ifndef LEDGER_DATA_H
#define LEDGER_DATA_H

#include "ledger/snapshot.h"

typedef struct ledger_version {
    char name[256];
    int64_t version;
    ledger_snapshot content; /* left_out is not kept */
    int64_t time;            /* milliseconds since 1970, UTC */
    char *source, *note;     /* "" when there is none */
} ledger_version;

void ledger_version_free(ledger_version *version);

/* Makes the next version of `name` inside a transaction, and its reference. When the newest version
 * has this very content no new one is made: *fresh is false and *out is that one. */
ea_status ledger_data_record(ledger_store *store, const char *name, const ledger_snapshot *content,
                             const char *source, const char *note, ledger_version *out,
                             bool *fresh);

/* "NAME@VERSION", or "NAME" for the newest. EA_ERR_STATE when there is none. */
ea_status ledger_data_find(ledger_store *store, const char *reference, ledger_version *out);

/* Newest first within a name, names in order; name NULL for all. The callback's version is freed by
 * the caller. A failure of the callback ends the walk. */
typedef ea_status (*ledger_version_visit)(void *argument, const ledger_version *version);
ea_status ledger_data_each(ledger_store *store, const char *name, ledger_version_visit visit,
                           void *argument);

/* Removes one version. EA_ERR_STATE while something was made from it, unless `force`. The content
 * goes at the next gc if nothing else refers to it. */
ea_status ledger_data_remove(ledger_store *store, const ledger_version *version, bool force);

/* Names are 1 to 200 bytes of UTF-8 without '@' and control characters. */
ea_status ledger_check_name(ea_context *ctx, const char *what, const char *name);
/* Splits "NAME@12"; *version 0 when no number is given. */
ea_status ledger_split_reference(ea_context *ctx, const char *what, const char *reference,
                                 char name[256], int64_t *version);
int64_t ledger_now(void); /* milliseconds since 1970, UTC */

#endif
