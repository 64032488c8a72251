/* table.h: one feature table, for feature.c, join.c and tablecopy.c. */
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

/* Makes an empty table, inside a transaction; EA_ERR_STATE when the name is taken. */
ea_status ledger_table_make(ledger_store *store, const char *name, const char *key,
                            const char *time, const char *const *columns);

/* Adds the rows of a CSV file as the next version, inside a transaction. `content` is the file's
 * object, which must be in the store; `path` is for error texts and the record. */
ea_status ledger_table_add(ledger_store *store, ledger_table *table, FILE *file, const char *path,
                           const ledger_object *content, int64_t *version, int64_t *rows);

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
