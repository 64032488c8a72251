/* CSV: what was read, written and read again is the same; times are read without fault. */
#include "fuzz.h"
#include "ledger/csv.h"
#include "ledger/moment.h"

#include <string.h>

/* Reads a record of `from`, writes it to memory and reads that. */
static void round_trip(const ledger_csv *csv)
{
    char *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    for (int i = 0; i < csv->count; i++) {
        if (i)
            putc(',', to);
        ledger_csv_write(to, csv->fields[i]);
    }
    putc('\n', to);
    if (fclose(to) != 0)
        abort();
    ledger_csv again;
    bool more;
    FILE *from = fmemopen(text, size, "rb");
    ledger_csv_open(fuzz_context(), from, "again", &again);
    again.next_line = 2; /* a byte order mark is only skipped at the front */
    if (ledger_csv_next(&again, &more) != EA_OK || !more || again.count != csv->count)
        abort();
    for (int i = 0; i < csv->count; i++)
        if (strcmp(again.fields[i], csv->fields[i]) != 0)
            abort();
    ledger_csv_close(&again);
    fclose(from);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ledger_csv csv;
    bool more = true;
    int64_t moment;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    if (!file)
        return 0; /* no bytes at all */
    ledger_csv_open(fuzz_context(), file, "input", &csv);
    while (ledger_csv_next(&csv, &more) == EA_OK && more) {
        round_trip(&csv);
        for (int i = 0; i < csv.count; i++)
            ledger_moment_parse(csv.fields[i], &moment);
    }
    ledger_csv_close(&csv);
    fclose(file);
    return 0;
}
