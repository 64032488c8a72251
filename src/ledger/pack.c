/* pack.c: records of pack files as bytes. */
#include "ledger/pack.h"
#include "ledger/chunk.h"

#define XXH_INLINE_ALL
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

void ledger_put_le64(unsigned char *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

uint64_t ledger_get_le64(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

uint64_t ledger_check(const void *payload, size_t size)
{
    return XXH3_64bits(payload, size);
}

void ledger_record_encode(const ledger_record *record, unsigned char bytes[LEDGER_RECORD_SIZE])
{
    memset(bytes, 0, LEDGER_RECORD_SIZE);
    memcpy(bytes, "OBJ", 3);
    bytes[3] = (unsigned char)record->encoding;
    ledger_put_le64(bytes + 8, (uint64_t)record->size);
    ledger_put_le64(bytes + 16, (uint64_t)record->stored);
    ledger_put_le64(bytes + 24, record->check);
    memcpy(bytes + 32, record->digest.bytes, LEDGER_DIGEST_SIZE);
}

/* The sizes that the encoding allows. They bound every allocation made for a record. */
static bool sizes_are_possible(const ledger_record *record)
{
    if (record->size < 0 || record->stored < 0)
        return false;
    switch (record->encoding) {
    case LEDGER_RAW:
        return record->size <= LEDGER_CHUNK_MAX && record->stored == record->size;
    case LEDGER_ZSTD:
        return record->size <= LEDGER_CHUNK_MAX && record->stored < record->size;
    case LEDGER_LIST:
        return record->stored % LEDGER_LIST_ENTRY == 0 &&
               record->stored / LEDGER_LIST_ENTRY <= LEDGER_LIST_MAX &&
               record->size / LEDGER_CHUNK_MAX <= record->stored / LEDGER_LIST_ENTRY;
    }
    return false;
}

ea_status ledger_record_decode(ea_context *ctx, const char *where,
                               const unsigned char bytes[LEDGER_RECORD_SIZE], ledger_record *out)
{
    static const unsigned char zeros[4];
    if (memcmp(bytes, "OBJ", 3) != 0 || memcmp(bytes + 4, zeros, 4) != 0)
        return core_fail(ctx, EA_ERR_FORMAT, "%s: no object record where one should be", where);
    out->encoding = (ledger_encoding)bytes[3];
    out->size = (int64_t)ledger_get_le64(bytes + 8);
    out->stored = (int64_t)ledger_get_le64(bytes + 16);
    out->check = ledger_get_le64(bytes + 24);
    memcpy(out->digest.bytes, bytes + 32, LEDGER_DIGEST_SIZE);
    if (!sizes_are_possible(out))
        return core_fail(ctx, EA_ERR_FORMAT,
                         "%s: a record with encoding %d, size %lld, stored %lld is not possible",
                         where, (int)bytes[3], (long long)out->size, (long long)out->stored);
    return EA_OK;
}

bool ledger_pread(int fd, void *data, size_t size, int64_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, (char *)data + done, size - done, (off_t)offset + (off_t)done);
        if (n == 0)
            errno = 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

bool ledger_write(int fd, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += (size_t)n;
    }
    return true;
}
