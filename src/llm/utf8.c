/* utf8.c: reading, writing and repairing UTF-8. */
#include "llm/utf8.h"
#include "core/memory.h"

#include <string.h>

/* Bytes that follow this first byte, or −1; the range of the second byte (RFC 3629's table, which
 * leaves out overlong forms and surrogates). */
static int follow_count(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 0;
    if (first < 0xc2 || first > 0xf4)
        return -1;
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

int llm_utf8_read(const char *text, size_t size, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low, high;
    int follow = follow_count(p[0], &low, &high);
    if (follow < 0)
        return -1;
    *code = follow == 0 ? p[0] : p[0] & (0x3fu >> follow);
    for (int i = 1; i <= follow; i++) {
        if ((size_t)i >= size || p[i] < low || p[i] > high)
            return -i;
        *code = *code << 6 | (p[i] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    return follow + 1;
}

int llm_utf8_write(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    int follow = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (int i = follow; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xff00u >> (follow + 1) & 0xff) | code);
    return follow + 1;
}

size_t llm_utf8_tail(const char *text, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        const unsigned char *p = (const unsigned char *)text + size - back;
        if ((*p & 0xc0) == 0x80)
            continue;
        unsigned char low, high;
        uint32_t code;
        int follow = follow_count(*p, &low, &high);
        bool whole_so_far = llm_utf8_read((const char *)p, back, &code) == -(int)back;
        return follow >= (int)back && whole_so_far ? back : 0;
    }
    return 0;
}

ea_status llm_reserve(ea_context *ctx, void **array, size_t count, size_t *capacity, size_t more,
                      size_t size)
{
    if (more <= *capacity - count)
        return EA_OK;
    size_t wanted = *capacity < 64 ? 64 : *capacity * 2;
    if (wanted < count + more)
        wanted = count + more;
    void *grown =
        wanted > SIZE_MAX / 4 / size ? NULL : core_realloc(*array, count * size, wanted * size);
    if (!grown)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %zu more elements of %zu bytes", more,
                         size);
    *array = grown;
    *capacity = wanted;
    return EA_OK;
}

ea_status llm_text_append(ea_context *ctx, llm_text *text, const char *bytes, size_t size)
{
    if (size == 0)
        return EA_OK;
    EA_TRY(llm_reserve(ctx, (void **)&text->data, text->size, &text->capacity, size, 1));
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
    return EA_OK;
}

ea_status llm_text_append_lossy(ea_context *ctx, llm_text *text, const char *bytes, size_t size)
{
    size_t good = 0; /* start of the well-formed run that is not yet appended */
    for (size_t at = 0; at < size;) {
        uint32_t code;
        int length = llm_utf8_read(bytes + at, size - at, &code);
        if (length > 0) {
            at += (size_t)length;
            continue;
        }
        EA_TRY(llm_text_append(ctx, text, bytes + good, at - good));
        EA_TRY(llm_text_append(ctx, text, "\xef\xbf\xbd", 3));
        at += (size_t)-length;
        good = at;
    }
    return good < size ? llm_text_append(ctx, text, bytes + good, size - good) : EA_OK;
}

void llm_text_free(llm_text *text)
{
    core_free(text->data);
    *text = (llm_text){ 0 };
}
