/* Traces: whatever the bytes are, reading and comparing stays within them. The checks of records
 * would turn nearly every change away, so for inputs whose first byte is even they are made right
 * first. */
#include "fuzz.h"
#include "ledger/trace.h"

#include <string.h>

/* Recomputes the checks of a record, and of the string behind it. */
static size_t repair(uint8_t *record, size_t left)
{
    uint32_t length;
    uint64_t hash;
    size_t padded = 0;
    memcpy(&length, record + 20, sizeof length);
    if (record[4] == IO_TRACE_STRING && length <= left - IO_TRACE_RECORD) {
        hash = io_trace_hash(record + IO_TRACE_RECORD, length);
        memcpy(record + 24, &hash, sizeof hash);
        padded = ((size_t)length + IO_TRACE_RECORD - 1) / IO_TRACE_RECORD * IO_TRACE_RECORD;
    }
    hash = io_trace_hash(record + 4, IO_TRACE_RECORD - 4);
    memcpy(record, &hash, 4);
    return IO_TRACE_RECORD + padded;
}

static ledger_trace *open_trace(const uint8_t *data, size_t size)
{
    ledger_trace *trace;
    FILE *file = fopen(fuzz_file(data, size), "r");
    if (!file)
        abort();
    ea_status status = ledger_trace_from(fuzz_context(), file, "input", &trace);
    fuzz_check(status, trace);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t header[IO_TRACE_RECORD] = IO_TRACE_MAGIC "\1";
    size_t total = size ? IO_TRACE_RECORD + size - 1 : 0;
    uint8_t *bytes = malloc(total + 1);
    if (!size || !bytes) {
        free(bytes);
        return 0;
    }
    memcpy(bytes, header, IO_TRACE_RECORD);
    memcpy(bytes + IO_TRACE_RECORD, data + 1, size - 1);
    if (data[0] % 2 == 0)
        for (size_t at = IO_TRACE_RECORD; at + IO_TRACE_RECORD <= total;)
            at += repair(bytes + at, total - at);
    ledger_trace *a = open_trace(bytes, total), *b = open_trace(bytes, total);
    ledger_trace_difference difference;
    if (ledger_trace_compare(a, b, &difference) != EA_OK ||
        difference.outcome != LEDGER_TRACES_SAME)
        abort(); /* a trace equals itself */
    ledger_trace_close(a);
    ledger_trace_close(b);
    if (data[0] % 3 == 0) { /* the raw bytes, header included */
        a = NULL;
        FILE *file = fopen(fuzz_file(data, size), "r");
        if (file && ledger_trace_from(fuzz_context(), file, "input", &a) == EA_OK)
            ledger_trace_close(a);
    }
    free(bytes);
    return 0;
}
