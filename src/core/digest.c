/* digest.c: SHA-256 of tensors, by libcrypto. */
#include "core/digest.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdio.h>

enum { CHUNK = 4096 }; /* elements converted at a time */

static uint64_t element_bits(const char *source, size_t size)
{
    uint8_t byte;
    uint16_t half;
    uint32_t word;
    uint64_t bits;
    switch (size) {
    case 1:
        memcpy(&byte, source, 1);
        return byte;
    case 2:
        memcpy(&half, source, 2);
        return half;
    case 4:
        memcpy(&word, source, 4);
        return word;
    default:
        memcpy(&bits, source, 8);
        return bits;
    }
}

static uint64_t canonical_bits(core_dtype dtype, uint64_t bits)
{
    switch (dtype) {
    case CORE_F16:
        return (bits & 0x7fff) > 0x7c00 ? 0x7e00 : bits;
    case CORE_BF16:
        return (bits & 0x7fff) > 0x7f80 ? 0x7fc0 : bits;
    case CORE_F32:
        return (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
    case CORE_F64:
        return (bits & INT64_MAX) > 0x7ff0000000000000 ? 0x7ff8000000000000 : bits;
    default:
        return bits;
    }
}

/* The common case, in a loop that compilers turn into vector code. */
static void canonical_f32(const float *in, int64_t count, unsigned char *out)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, 4);
        bits = htole32((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits);
        memcpy(out + 4 * i, &bits, 4);
    }
}

void core_canonical_bytes(const ea_view *view, int64_t begin, int64_t count, unsigned char *out)
{
    size_t size = core_dtype_size(view->dtype);
    bool contiguous = core_is_contiguous(view);
    if (contiguous && view->dtype == CORE_F32) {
        canonical_f32((const float *)view->data + begin, count, out);
        return;
    }
    for (int64_t i = begin; i < begin + count; i++) {
        int64_t offset = contiguous ? i : core_offset(view, i);
        uint64_t bits = element_bits((const char *)view->data + offset * (int64_t)size, size);
        bits = canonical_bits(view->dtype, bits);
        for (size_t k = 0; k < size; k++)
            *out++ = (unsigned char)(bits >> 8 * k);
    }
}

static bool digest_view(EVP_MD_CTX *sha, const ea_view *view)
{
    unsigned char buffer[CHUNK * 8];
    size_t size = core_dtype_size(view->dtype);
    int64_t n = core_numel(view);
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        int64_t count = n - begin < CHUNK ? n - begin : CHUNK;
        core_canonical_bytes(view, begin, count, buffer);
        if (EVP_DigestUpdate(sha, buffer, (size_t)count * size) != 1)
            return false;
    }
    return true;
}

ea_status ea_digest_many(ea_context *ctx, const DLTensor *const *tensors, int count,
                         char hex[EA_DIGEST_HEX])
{
    hex[0] = 0;
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    if (!sha || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(sha);
        return core_fail(ctx, EA_ERR_MEMORY, "libcrypto cannot start a SHA-256");
    }
    ea_status status = EA_OK;
    for (int i = 0; i < count && status == EA_OK; i++) {
        ea_view view;
        status = core_view_of(ctx, "ea_digest", "tensor", tensors[i],
                              CORE_BIT(CORE_DTYPE_COUNT) - 1, &view);
        if (status == EA_OK && !digest_view(sha, &view))
            status = core_fail(ctx, EA_ERR_MEMORY, "libcrypto failed in SHA-256");
    }
    unsigned char raw[32];
    if (status == EA_OK && EVP_DigestFinal_ex(sha, raw, NULL) != 1)
        status = core_fail(ctx, EA_ERR_MEMORY, "libcrypto failed in SHA-256");
    EVP_MD_CTX_free(sha);
    for (int i = 0; i < 32 && status == EA_OK; i++)
        sprintf(hex + 2 * i, "%02x", raw[i]);
    return status;
}

ea_status ea_digest(ea_context *ctx, const DLTensor *tensor, char hex[EA_DIGEST_HEX])
{
    return ea_digest_many(ctx, &tensor, 1, hex);
}
