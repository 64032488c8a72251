/* digest.c: SHA-256 by libcrypto. */
#include "ledger/digest.h"
#include "core/memory.h"

#include <openssl/evp.h>
#include <string.h>

char *ledger_hex(const ledger_digest *digest, char hex[LEDGER_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < LEDGER_DIGEST_SIZE; i++) {
        hex[2 * i] = digits[digest->bytes[i] >> 4];
        hex[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    hex[2 * LEDGER_DIGEST_SIZE] = 0;
    return hex;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ledger_from_hex(const char *hex, ledger_digest *out)
{
    for (int i = 0; i < LEDGER_DIGEST_SIZE; i++) {
        int high = hex_value(hex[2 * i]);
        int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
        if (low < 0)
            return false;
        out->bytes[i] = (unsigned char)(high << 4 | low);
    }
    return hex[2 * LEDGER_DIGEST_SIZE] == 0;
}

bool ledger_digest_equal(const ledger_digest *a, const ledger_digest *b)
{
    return memcmp(a->bytes, b->bytes, LEDGER_DIGEST_SIZE) == 0;
}

struct ledger_sha {
    ea_context *ctx;
    EVP_MD *algorithm;
    EVP_MD_CTX *state;
};

static ea_status crypto_error(ledger_sha *sha)
{
    return core_fail(sha->ctx, EA_ERR_MEMORY, "libcrypto failed in SHA-256");
}

ea_status ledger_sha_create(ea_context *ctx, ledger_sha **out)
{
    ledger_sha *sha = core_alloc_zero(sizeof *sha);
    if (sha) {
        sha->ctx = ctx;
        sha->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
        sha->state = EVP_MD_CTX_new();
    }
    *out = sha;
    if (sha && sha->algorithm && sha->state)
        return EA_OK;
    ledger_sha_destroy(sha);
    *out = NULL;
    return core_fail(ctx, EA_ERR_MEMORY, "libcrypto cannot start a SHA-256");
}

void ledger_sha_destroy(ledger_sha *sha)
{
    if (!sha)
        return;
    EVP_MD_CTX_free(sha->state);
    EVP_MD_free(sha->algorithm);
    core_free(sha);
}

ea_status ledger_sha_begin(ledger_sha *sha)
{
    return EVP_DigestInit_ex2(sha->state, sha->algorithm, NULL) == 1 ? EA_OK : crypto_error(sha);
}

ea_status ledger_sha_add(ledger_sha *sha, const void *data, size_t size)
{
    return EVP_DigestUpdate(sha->state, data, size) == 1 ? EA_OK : crypto_error(sha);
}

ea_status ledger_sha_end(ledger_sha *sha, ledger_digest *out)
{
    return EVP_DigestFinal_ex(sha->state, out->bytes, NULL) == 1 ? EA_OK : crypto_error(sha);
}

ea_status ledger_sha_of(ledger_sha *sha, const void *data, size_t size, ledger_digest *out)
{
    EA_TRY(ledger_sha_begin(sha));
    EA_TRY(ledger_sha_add(sha, data, size));
    return ledger_sha_end(sha, out);
}
