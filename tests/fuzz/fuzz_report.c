/* Reports of runs: a program, or a stranger's bundle, may hold any bytes. */
#include "fuzz.h"
#include "ledger/report.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ledger_report report;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (ledger_report_read(fuzz_context(), text, size, &report) == EA_OK) {
        for (size_t i = 0; i < report.count; i++)
            if (report.points[i].key >= report.key_count)
                abort();
        json_decref(ledger_report_summary(&report));
        ledger_report_free(&report);
    }
    free(text);
    return 0;
}
