/* csv.h: reading and writing CSV as RFC 4180 defines it: UTF-8 or any bytes, fields in quotes where
 * they hold commas, quotes or ends of lines, records ended by CRLF or LF. A byte order mark at the
 * front is skipped.
 */
#ifndef LEDGER_CSV_H
#define LEDGER_CSV_H

#include "core/context.h"

#include <stdio.h>

enum { LEDGER_CSV_RECORD = 16 << 20, LEDGER_CSV_FIELDS = 16384 };

typedef struct ledger_csv {
    ea_context *ctx;
    FILE *file;
    const char *name; /* for error texts */
    int64_t line;     /* where the record began, from 1 */

    char **fields; /* of the record read last; each ends with NUL */
    int count;

    /* inside */
    int64_t next_line;
    char *text;
    size_t used, capacity;
    size_t *starts;
    int start_capacity;
} ledger_csv;

void ledger_csv_open(ea_context *ctx, FILE *file, const char *name, ledger_csv *out);
void ledger_csv_close(ledger_csv *csv); /* the file stays open */

/* Reads the next record; *more is false at the end. Errors: EA_ERR_FORMAT (names the line),
 * EA_ERR_IO. */
ea_status ledger_csv_next(ledger_csv *csv, bool *more);

/* Writes a field, in quotes when it needs them. */
void ledger_csv_write(FILE *to, const char *field);

#endif
