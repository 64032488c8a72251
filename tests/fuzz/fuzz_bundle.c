/* Bundles: whatever the bytes, the store stays whole, and a refused bundle leaves nothing in it. A
 * mutated byte would end at the first wrong check, so checks of objects and manifest are put right
 * before. */
#include "core/memory.h"
#include "fuzz.h"
#include "ledger/bundle.h"
#include "ledger/fsck.h"
#include "ledger/pack.h"

#include <string.h>

static ledger_store *store(void)
{
    static ledger_store *one;
    static char folder[] = "/tmp/eadem-fuzz-XXXXXX";
    char path[64];
    if (one)
        return one;
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof path, "EADEM_DIR=%s/.eadem", folder);
    putenv(strdup(path));
    if (ledger_open(fuzz_context(), NULL, LEDGER_CREATE, &one) != EA_OK)
        abort();
    sqlite3_exec(ledger_db(one), "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    return one;
}

static void put_right(uint8_t *data, size_t size)
{
    static ledger_sha *sha;
    ledger_digest digest;
    if (!sha && ledger_sha_create(fuzz_context(), &sha) != EA_OK)
        abort();
    for (size_t at = 8; at + LEDGER_RECORD_SIZE <= size;) {
        uint8_t *header = data + at, *payload = header + LEDGER_RECORD_SIZE;
        size_t left = size - at - LEDGER_RECORD_SIZE;
        bool manifest = memcmp(header, "MAN", 4) == 0;
        uint64_t stored = ledger_get_le64(header + (manifest ? 8 : 16));
        if (stored > left)
            return;
        if (manifest || header[3] == LEDGER_RAW) {
            ledger_sha_of(sha, payload, (size_t)stored, &digest);
            memcpy(header + 32, digest.bytes, LEDGER_DIGEST_SIZE);
        }
        if (!manifest)
            ledger_put_le64(header + 24, ledger_check(payload, (size_t)stored));
        at += LEDGER_RECORD_SIZE + (size_t)stored;
    }
}

static void fail_on_problem(void *argument, const char *problem)
{
    (void)argument;
    fprintf(stderr, "%s\n", problem);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int inputs;
    ledger_bundle_result result;
    ledger_health health;
    uint8_t *bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    put_right(bytes, size);
    FILE *file = fmemopen(bytes, size, "rb");
    if (file) {
        ea_status status = ledger_bundle_read_file(store(), file, "input", inputs % 2, &result);
        fuzz_check(status, result.manifest);
        json_decref(result.manifest);
        fclose(file);
    }
    if (++inputs % 256 == 0 && ledger_fsck(store(), fail_on_problem, NULL, &health) != EA_OK)
        abort();
    free(bytes);
    return 0;
}
