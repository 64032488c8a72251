/* trace.h: reading traces (docs/trace.md) and finding where two part. A trace may come from a
 * stranger: whatever its bytes are, reading stays within them and in memory of their size. */
#ifndef LEDGER_TRACE_H
#define LEDGER_TRACE_H

#include "io/trace.h"

#include <stdio.h>

typedef struct ledger_trace ledger_trace;

/* Errors: EA_ERR_IO, EA_ERR_FORMAT (no trace, or of a later version), EA_ERR_MEMORY. The second
 * form takes over the file, also when it fails; `name` is for error texts. */
ea_status ledger_trace_open(ea_context *ctx, const char *path, ledger_trace **out);
ea_status ledger_trace_from(ea_context *ctx, FILE *file, const char *name, ledger_trace **out);
void ledger_trace_close(ledger_trace *trace);

/* The next tensor record; *got is false at the end. A record that is damaged ends the trace: see
 * ledger_trace_ending. Errors: EA_ERR_IO, EA_ERR_MEMORY. */
ea_status ledger_trace_next(ledger_trace *trace, io_trace_record *record, bool *got);

/* A string of a record (record->name, record->shape), valid until close. */
const char *ledger_trace_string(const ledger_trace *trace, uint32_t number);

/* NULL when the trace was read to its closing record; else a sentence part: "it was not closed …".
 */
const char *ledger_trace_ending(const ledger_trace *trace);

const char *ledger_trace_contract(const ledger_trace *trace); /* "": none */
const char *ledger_trace_role(uint8_t role);                  /* "gradient" … */

/* --- Comparison ---------------------------------------------------------------------------------
 */

typedef enum ledger_trace_outcome {
    LEDGER_TRACES_SAME,
    LEDGER_TRACES_VALUE,     /* the same tensor has other values */
    LEDGER_TRACES_STRUCTURE, /* the programs computed different tensors */
    LEDGER_TRACES_LENGTH     /* one trace ends before the other */
} ledger_trace_outcome;

typedef struct ledger_trace_difference {
    ledger_trace_outcome outcome;
    io_trace_record a, b; /* where they part; after LENGTH only the longer one's */
    bool has_a, has_b;
    uint64_t equal;                /* records that were equal before */
    uint64_t skipped_a, skipped_b; /* records before the first step that both have */
    uint64_t differing;            /* VALUE: tensors of that step that differ, the first included */
} ledger_trace_difference;

/* Walks both from their beginnings. */
ea_status ledger_trace_compare(ledger_trace *a, ledger_trace *b, ledger_trace_difference *out);

#endif
