/* digest.c: SHA-256 of tensors, by libcrypto. */
#include "core/view.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { CHUNK = 4096 }; /* elements converted at a time */

/* Little-endian bytes of one element, NaN made canonical; returns their number. */
static size_t element_bytes(const ea_view *view, int64_t offset, unsigned char *out)
{
    size_t size = core_dtype_size(view->dtype);
    uint64_t bits = 0;
    const char *source = (const char *)view->data + offset * (int64_t)size;
    if (size == 1) {
        *out = *(const unsigned char *)source;
        return 1;
    } else if (size == 2) {
        uint16_t half;
        memcpy(&half, source, 2);
        bits = half;
        if (view->dtype == CORE_F16 && (half & 0x7fff) > 0x7c00)
            bits = 0x7e00;
        if (view->dtype == CORE_BF16 && (half & 0x7fff) > 0x7f80)
            bits = 0x7fc0;
    } else if (size == 4) {
        uint32_t word;
        memcpy(&word, source, 4);
        bits = view->dtype == CORE_F32 && (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word;
    } else {
        memcpy(&bits, source, 8);
        if (view->dtype == CORE_F64 && (bits & INT64_MAX) > 0x7ff0000000000000)
            bits = 0x7ff8000000000000;
    }
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(bits >> 8 * i);
    return size;
}

static bool digest_view(EVP_MD_CTX *sha, const ea_view *view)
{
    unsigned char buffer[CHUNK * 8];
    int64_t n = core_numel(view);
    bool contiguous = core_is_contiguous(view);
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        size_t used = 0;
        for (int64_t i = begin; i < n && i < begin + CHUNK; i++)
            used += element_bytes(view, contiguous ? i : core_offset(view, i), buffer + used);
        if (EVP_DigestUpdate(sha, buffer, used) != 1)
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
