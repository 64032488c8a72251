/* report.h: what a program reported: metrics step by step, and parameters. docs/runs.md has the
 * lines' form. */
#ifndef LEDGER_REPORT_H
#define LEDGER_REPORT_H

#include "ledger/number.h"
#include "ledger/store.h"

#include <jansson.h>

typedef struct ledger_point {
    int64_t step; /* EA_RUN_NO_STEP: none was given */
    int64_t time; /* nanoseconds since 1970 */
    uint32_t key;
    ledger_number value;
} ledger_point;

/* All of a report. Points are in the order in which they were reported. */
typedef struct ledger_report {
    char **keys; /* names of metrics, in the order of their first point */
    uint32_t key_count, key_capacity;
    ledger_point *points;
    size_t count, capacity;
    json_t *params;  /* the last text of each */
    int64_t damaged; /* lines that could not be read, such as one cut off by a full disk */
} ledger_report;

/* Reads a report from memory, which it changes. Errors: EA_ERR_MEMORY. */
ea_status ledger_report_read(ea_context *ctx, char *text, size_t size, ledger_report *out);
void ledger_report_free(ledger_report *report);

/* The record's "metrics": {key: {"last", "step", "min", "max", "count"}}, a new reference. NULL
 * when there is no memory. */
json_t *ledger_report_summary(const ledger_report *report);

#endif
