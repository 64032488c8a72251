/* unicode.c: normalisation forms, by utf8proc.
 *
 * The data is that of Unicode 9, as in Hugging Face's `tokenizers`: characters that came later and
 * would be decomposed or reordered by newer data are left alone, and nothing moves across them. */
#include "core/memory.h"
#include "llm/pieces.h"

#include <utf8proc.h>

static int form_options(llm_step_kind form)
{
    int compatible = form == LLM_STEP_NFKC || form == LLM_STEP_NFKD ? UTF8PROC_COMPAT : 0;
    int compose =
        form == LLM_STEP_NFC || form == LLM_STEP_NFKC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
    return UTF8PROC_STABLE | compatible | compose;
}

static bool is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/* Characters since Unicode 10 that have a decomposition or a combining class. */
static const uint32_t later[][2] = {
    { 0x7fd, 0x7fd },     { 0x898, 0x89f },     { 0x8ca, 0x8d3 },     { 0x9fe, 0x9fe },
    { 0xc3c, 0xc3c },     { 0xd3b, 0xd3c },     { 0xeba, 0xeba },     { 0x1715, 0x1715 },
    { 0x1abf, 0x1ace },   { 0x1df6, 0x1dfa },   { 0x32ff, 0x32ff },   { 0xa7f2, 0xa7f4 },
    { 0xa82c, 0xa82c },   { 0xab69, 0xab69 },   { 0x10781, 0x10785 }, { 0x10787, 0x107b0 },
    { 0x107b2, 0x107ba }, { 0x10d24, 0x10d27 }, { 0x10eab, 0x10eac }, { 0x10efd, 0x10eff },
    { 0x10f46, 0x10f50 }, { 0x10f82, 0x10f85 }, { 0x11070, 0x11070 }, { 0x1133b, 0x1133b },
    { 0x1145e, 0x1145e }, { 0x11839, 0x1183a }, { 0x11938, 0x11938 }, { 0x1193d, 0x1193e },
    { 0x11943, 0x11943 }, { 0x119e0, 0x119e0 }, { 0x11a34, 0x11a34 }, { 0x11a47, 0x11a47 },
    { 0x11a99, 0x11a99 }, { 0x11d42, 0x11d42 }, { 0x11d44, 0x11d45 }, { 0x11d97, 0x11d97 },
    { 0x11f41, 0x11f42 }, { 0x16ff0, 0x16ff1 }, { 0x1e030, 0x1e06d }, { 0x1e08f, 0x1e08f },
    { 0x1e130, 0x1e136 }, { 0x1e2ae, 0x1e2ae }, { 0x1e2ec, 0x1e2ef }, { 0x1e4ec, 0x1e4ef },
    { 0x1f16c, 0x1f16c }, { 0x1fbf0, 0x1fbf9 }
};

static bool is_later(uint32_t code)
{
    size_t low = 0, high = sizeof later / sizeof later[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > later[middle][1])
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof later / sizeof later[0] && code >= later[low][0];
}

/* `codes` has room for `length` code points. */
static ea_status write_codes(ea_context *ctx, utf8proc_int32_t *codes, utf8proc_ssize_t length,
                             int options, llm_text *out)
{
    length = utf8proc_normalize_utf32(codes, length, (utf8proc_option_t)options);
    for (utf8proc_ssize_t i = 0; i < length; i++) {
        char bytes[4];
        EA_TRY(llm_text_append(ctx, out, bytes, (size_t)llm_utf8_write((uint32_t)codes[i], bytes)));
    }
    return EA_OK;
}

static ea_status normalize(ea_context *ctx, llm_step_kind form, const char *text, size_t size,
                           llm_text *out)
{
    if (is_ascii(text, size))
        return llm_text_append(ctx, out, text, size);
    int options = form_options(form);
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t room =
        utf8proc_decompose(bytes, (utf8proc_ssize_t)size, NULL, 0, (utf8proc_option_t)options);
    if (room < 0)
        return core_fail(ctx, EA_ERR_FORMAT, "normalisation: %s", utf8proc_errmsg(room));
    utf8proc_int32_t *codes = core_alloc(((size_t)room + 1) * sizeof *codes);
    if (!codes)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to normalise %zu bytes", size);
    utf8proc_decompose(bytes, (utf8proc_ssize_t)size, codes, room, (utf8proc_option_t)options);
    ea_status status = write_codes(ctx, codes, room, options, out);
    core_free(codes);
    return status;
}

ea_status llm_unicode_normalize(ea_context *ctx, llm_step_kind form, const char *text, size_t size,
                                llm_text *out)
{
    size_t done = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = (size_t)llm_utf8_read(text + at, size - at, &code);
        if (is_later(code)) {
            EA_TRY(normalize(ctx, form, text + done, at - done, out));
            EA_TRY(llm_text_append(ctx, out, text + at, length));
            done = at + length;
        }
        at += length;
    }
    return normalize(ctx, form, text + done, size - done, out);
}
