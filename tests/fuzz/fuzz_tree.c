/* Folder objects: what decodes encodes to the same bytes. */
#include "core/memory.h"
#include "fuzz.h"
#include "ledger/tree.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ledger_listing listing;
    char *again;
    size_t again_size;
    ea_status status = ledger_tree_decode(fuzz_context(), (const char *)data, size, &listing);
    if (status != EA_OK) {
        fuzz_check(status, NULL);
        return 0;
    }
    for (size_t i = 0; i < listing.count; i++)
        if (!ledger_name_allowed(listing.entries[i].name, strlen(listing.entries[i].name)))
            abort();
    if (ledger_tree_encode(fuzz_context(), &listing, &again, &again_size) != EA_OK)
        abort();
    if (again_size != size || memcmp(again, data, size) != 0)
        abort();
    core_free(again);
    ledger_listing_free(&listing);
    return 0;
}
