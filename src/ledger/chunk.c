/* chunk.c: FastCDC cut points, zstd. */
#include "ledger/chunk.h"
#include "core/memory.h"

#include <pthread.h>
#include <zstd.h>

/* --- Cut points ------------------------------------------------------------------------------- */

/* The wanted size is 2^18. Until it is reached 20 bits must be zero, afterwards 16: normalised
 * chunking at level 2. The bits are the high ones, which depend on the last 64 bytes. */
static const uint64_t mask_before = ~UINT64_C(0) << (64 - 20);
static const uint64_t mask_after = ~UINT64_C(0) << (64 - 16);

static uint64_t gear[256];

/* splitmix64 (Steele, Lea and Flood, 2014) from state 0: gear[i] is its (i+1)-th number. */
static void make_gear(void)
{
    uint64_t state = 0;
    for (int i = 0; i < 256; i++) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = state;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        gear[i] = z ^ (z >> 31);
    }
}

static size_t scan(const unsigned char *data, size_t begin, size_t end, uint64_t mask,
                   uint64_t *hash)
{
    uint64_t h = *hash;
    for (size_t i = begin; i < end; i++) {
        h = (h << 1) + gear[data[i]];
        if (!(h & mask))
            return i + 1;
    }
    *hash = h;
    return 0;
}

size_t ledger_chunk_cut(const unsigned char *data, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_gear);
    if (size <= LEDGER_CHUNK_MIN)
        return size;
    size_t end = size < LEDGER_CHUNK_MAX ? size : LEDGER_CHUNK_MAX;
    size_t middle = end < LEDGER_CHUNK_WANTED ? end : LEDGER_CHUNK_WANTED;
    uint64_t hash = 0;
    size_t cut = scan(data, LEDGER_CHUNK_MIN, middle, mask_before, &hash);
    if (!cut)
        cut = scan(data, middle, end, mask_after, &hash);
    return cut ? cut : end;
}

/* --- Compression ------------------------------------------------------------------------------ */

enum {
    LEVEL = 1,
    PROBE = 16 << 10 /* bytes tried first, so that incompressible chunks cost little */
};

struct ledger_packer {
    ea_context *ctx;
    ZSTD_CCtx *compress;
    ZSTD_DCtx *expand;
    size_t size;
    void *buffer;
};

ea_status ledger_packer_create(ea_context *ctx, ledger_packer **out)
{
    ledger_packer *packer = core_alloc_zero(sizeof *packer);
    *out = packer;
    if (packer) {
        packer->ctx = ctx;
        packer->size = ZSTD_compressBound(LEDGER_CHUNK_MAX);
        packer->buffer = core_alloc(packer->size);
        packer->compress = ZSTD_createCCtx();
        packer->expand = ZSTD_createDCtx();
        if (packer->buffer && packer->compress && packer->expand)
            return EA_OK;
    }
    ledger_packer_destroy(packer);
    *out = NULL;
    return core_fail(ctx, EA_ERR_MEMORY, "no memory for the compressor of the store");
}

void ledger_packer_destroy(ledger_packer *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->compress);
    ZSTD_freeDCtx(packer->expand);
    core_free(packer->buffer);
    core_free(packer);
}

/* Saving less than a sixteenth is not worth the reader's time. */
static bool pays(size_t compressed, size_t size)
{
    return !ZSTD_isError(compressed) && compressed < size - size / 16;
}

ea_status ledger_compress(ledger_packer *packer, const void *data, size_t size, const void **out,
                          size_t *out_size)
{
    *out = NULL;
    *out_size = 0;
    if (size < 64)
        return EA_OK;
    const char *middle = (const char *)data + size / 2;
    if (size >= 4 * PROBE && !pays(ZSTD_compressCCtx(packer->compress, packer->buffer, packer->size,
                                                     middle, PROBE, LEVEL),
                                   PROBE))
        return EA_OK;
    size_t compressed =
        ZSTD_compressCCtx(packer->compress, packer->buffer, packer->size, data, size, LEVEL);
    if (ZSTD_isError(compressed))
        return core_fail(packer->ctx, EA_ERR_MEMORY, "zstd cannot compress %zu bytes: %s", size,
                         ZSTD_getErrorName(compressed));
    if (pays(compressed, size)) {
        *out = packer->buffer;
        *out_size = compressed;
    }
    return EA_OK;
}

ea_status ledger_expand(ledger_packer *packer, const void *data, size_t size, void *out,
                        size_t wanted)
{
    size_t expanded = ZSTD_decompressDCtx(packer->expand, out, wanted, data, size);
    if (ZSTD_isError(expanded) || expanded != wanted)
        return core_fail(packer->ctx, EA_ERR_FORMAT,
                         "a compressed chunk of %zu bytes does not expand to the %zu that its "
                         "header promises",
                         size, wanted);
    return EA_OK;
}
