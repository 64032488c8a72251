/* pack.h: pack files: records of objects one after another. docs/ledger.md gives the bytes. */
#ifndef LEDGER_PACK_H
#define LEDGER_PACK_H

#include "ledger/digest.h"

enum {
    LEDGER_RECORD_SIZE = 64, /* bytes of a record's header */
    LEDGER_PACK_MAGIC_SIZE = 8,
    LEDGER_LIST_ENTRY = 40,   /* digest and size of one chunk */
    LEDGER_LIST_MAX = 1 << 24 /* chunks of one object: 4 TiB at the wanted size */
};

#define LEDGER_PACK_MAGIC "EADEMPK1"

typedef enum ledger_encoding {
    LEDGER_RAW = 1,  /* the payload is the content */
    LEDGER_ZSTD = 2, /* the payload is one zstd frame of the content */
    LEDGER_LIST = 3  /* the payload names the chunks that the content consists of */
} ledger_encoding;

typedef struct ledger_record {
    ledger_encoding encoding;
    int64_t size;         /* of the content */
    int64_t stored;       /* of the payload */
    uint64_t check;       /* XXH3-64 of the payload */
    ledger_digest digest; /* SHA-256 of the content */
} ledger_record;

void ledger_record_encode(const ledger_record *record, unsigned char bytes[LEDGER_RECORD_SIZE]);
/* Checks all that can be checked without the payload; `where` is for the error text. */
ea_status ledger_record_decode(ea_context *ctx, const char *where,
                               const unsigned char bytes[LEDGER_RECORD_SIZE], ledger_record *out);
uint64_t ledger_check(const void *payload, size_t size);

void ledger_put_le64(unsigned char *bytes, uint64_t value);
uint64_t ledger_get_le64(const unsigned char *bytes);

/* --- Whole reads and writes ---------------------------------------------------------------------
 */

/* Reads exactly `size` bytes at `offset`; false when there are fewer or the system refuses (errno;
 * 0 for fewer). */
bool ledger_pread(int fd, void *data, size_t size, int64_t offset);
bool ledger_write(int fd, const void *data, size_t size); /* false: errno */

#endif
