/* The reader of chunks and lists: the input is the body of a pack, and every record that its header
 * allows is read. Cut points: never empty, never too long, and the same for the same bytes. */
#include "core/memory.h"
#include "fuzz.h"
#include "ledger/chunk.h"
#include "ledger/pack.h"

#include <string.h>

static ledger_packer *packer(void)
{
    static ledger_packer *one;
    if (!one && ledger_packer_create(fuzz_context(), &one) != EA_OK)
        abort();
    return one;
}

static void read_records(const uint8_t *data, size_t size)
{
    static unsigned char content[LEDGER_CHUNK_MAX];
    ledger_record record;
    while (size >= LEDGER_RECORD_SIZE &&
           ledger_record_decode(fuzz_context(), "input", data, &record) == EA_OK) {
        data += LEDGER_RECORD_SIZE;
        size -= LEDGER_RECORD_SIZE;
        if ((uint64_t)record.stored > size)
            return;
        if (record.encoding == LEDGER_ZSTD)
            ledger_expand(packer(), data, (size_t)record.stored, content, (size_t)record.size);
        data += record.stored;
        size -= (size_t)record.stored;
    }
}

static void check_cuts(const uint8_t *data, size_t size)
{
    size_t whole = size * 512;
    unsigned char *many = core_alloc(whole + 1);
    if (!many)
        abort();
    for (size_t i = 0; i < 512; i++) /* long enough to be cut */
        memcpy(many + i * size, data, size);
    for (size_t at = 0; at < whole;) {
        size_t length = ledger_chunk_cut(many + at, whole - at);
        size_t seen = whole - at < LEDGER_CHUNK_MAX ? whole - at : LEDGER_CHUNK_MAX;
        if (length == 0 || length > seen || ledger_chunk_cut(many + at, seen) != length)
            abort();
        if (length < LEDGER_CHUNK_MIN && at + length < whole)
            abort();
        at += length;
    }
    core_free(many);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const void *small;
    size_t small_size;
    static unsigned char back[1 << 16];
    read_records(data, size);
    check_cuts(data, size);
    if (size > sizeof back || ledger_compress(packer(), data, size, &small, &small_size) != EA_OK)
        return 0;
    if (small && (ledger_expand(packer(), small, small_size, back, size) != EA_OK ||
                  memcmp(back, data, size) != 0))
        abort();
    return 0;
}
