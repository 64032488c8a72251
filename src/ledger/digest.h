/* digest.h: SHA-256 content digests, the names of everything in the store. */
#ifndef LEDGER_DIGEST_H
#define LEDGER_DIGEST_H

#include "core/context.h"

enum { LEDGER_DIGEST_SIZE = 32, LEDGER_HEX_SIZE = 65 };

typedef struct ledger_digest {
    unsigned char bytes[LEDGER_DIGEST_SIZE];
} ledger_digest;

/* Writes 64 hexadecimal digits and the NUL, and returns `hex`. */
char *ledger_hex(const ledger_digest *digest, char hex[LEDGER_HEX_SIZE]);
/* False unless `hex` is exactly 64 hexadecimal digits. */
bool ledger_from_hex(const char *hex, ledger_digest *out);
bool ledger_digest_equal(const ledger_digest *a, const ledger_digest *b);

/* A running SHA-256. One is reused for many digests: libcrypto's look-up of the algorithm costs
 * more than hashing a small file. */
typedef struct ledger_sha ledger_sha;

ea_status ledger_sha_create(ea_context *ctx, ledger_sha **out);
void ledger_sha_destroy(ledger_sha *sha);
ea_status ledger_sha_begin(ledger_sha *sha);
ea_status ledger_sha_add(ledger_sha *sha, const void *data, size_t size);
ea_status ledger_sha_end(ledger_sha *sha, ledger_digest *out);
/* begin, add and end in one call. */
ea_status ledger_sha_of(ledger_sha *sha, const void *data, size_t size, ledger_digest *out);

#endif
