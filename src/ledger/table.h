/* table.h: one feature table, for feature.c and join.c. */
#ifndef LEDGER_TABLE_H
#define LEDGER_TABLE_H

#include "ledger/csv.h"
#include "ledger/store.h"

#include <jansson.h>

enum { LEDGER_COLUMN_MAX = 128 };

typedef struct ledger_table {
    int64_t id;
    char name[256], key[LEDGER_COLUMN_MAX], time[LEDGER_COLUMN_MAX];
    json_t *columns;         /* array of names */
    int64_t version, newest; /* the one asked for, and the last there is */
} ledger_table;

/* "NAME@VERSION", or "NAME" for the newest. */
ea_status ledger_table_find(ledger_store *store, const char *reference, ledger_table *out);
void ledger_table_free(ledger_table *table);

/* The value of `key` at a moment: columns cells and time of *rows, which is ledger_done's when
 * found. */
ea_status ledger_table_value(ledger_store *store, const ledger_table *table, const char *key,
                             int64_t moment, sqlite3_stmt **rows, bool *found);

/* --- CSV files with a header --------------------------------------------------------------------
 */

ea_status ledger_column_find(const ledger_csv *csv, const char *name, int *out);
ea_status ledger_check_fields(const ledger_csv *csv, int fields);
ea_status ledger_moment_of(const ledger_csv *csv, const char *text, int64_t *out);

#endif
