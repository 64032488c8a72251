/* bert_text.c: the steps of BERT's tokenizers over one text, character by character
 * (BertNormalizer and BertPreTokenizer of `tokenizers`). */
#include "llm/bert_text.h"

#include <utf8proc.h>

/* `tokenizers` classifies by Unicode 8: what utf8proc's newer data put into a class since. */
static const uint32_t later_marks[][2] = {
    { 0x7fd, 0x7fd },     { 0x898, 0x89f },     { 0x8ca, 0x8e1 },     { 0x9fe, 0x9fe },
    { 0xafa, 0xaff },     { 0xb55, 0xb55 },     { 0xc04, 0xc04 },     { 0xc3c, 0xc3c },
    { 0xd00, 0xd00 },     { 0xd3b, 0xd3c },     { 0xd81, 0xd81 },     { 0xeba, 0xeba },
    { 0xece, 0xece },     { 0x180f, 0x180f },   { 0x1885, 0x1886 },   { 0x1abf, 0x1ace },
    { 0x1df6, 0x1dfb },   { 0xa82c, 0xa82c },   { 0xa8c5, 0xa8c5 },   { 0xa8ff, 0xa8ff },
    { 0xa9bd, 0xa9bd },   { 0x10d24, 0x10d27 }, { 0x10eab, 0x10eac }, { 0x10efd, 0x10eff },
    { 0x10f46, 0x10f50 }, { 0x10f82, 0x10f85 }, { 0x11070, 0x11070 }, { 0x11073, 0x11074 },
    { 0x110c2, 0x110c2 }, { 0x111c9, 0x111c9 }, { 0x111cf, 0x111cf }, { 0x1123e, 0x1123e },
    { 0x11241, 0x11241 }, { 0x1133b, 0x1133b }, { 0x11438, 0x1143f }, { 0x11442, 0x11444 },
    { 0x11446, 0x11446 }, { 0x1145e, 0x1145e }, { 0x1182f, 0x11837 }, { 0x11839, 0x1183a },
    { 0x1193b, 0x1193c }, { 0x1193e, 0x1193e }, { 0x11943, 0x11943 }, { 0x119d4, 0x119d7 },
    { 0x119da, 0x119db }, { 0x119e0, 0x119e0 }, { 0x11a01, 0x11a0a }, { 0x11a33, 0x11a38 },
    { 0x11a3b, 0x11a3e }, { 0x11a47, 0x11a47 }, { 0x11a51, 0x11a56 }, { 0x11a59, 0x11a5b },
    { 0x11a8a, 0x11a96 }, { 0x11a98, 0x11a99 }, { 0x11c30, 0x11c36 }, { 0x11c38, 0x11c3d },
    { 0x11c3f, 0x11c3f }, { 0x11c92, 0x11ca7 }, { 0x11caa, 0x11cb0 }, { 0x11cb2, 0x11cb3 },
    { 0x11cb5, 0x11cb6 }, { 0x11d31, 0x11d36 }, { 0x11d3a, 0x11d3a }, { 0x11d3c, 0x11d3d },
    { 0x11d3f, 0x11d45 }, { 0x11d47, 0x11d47 }, { 0x11d90, 0x11d91 }, { 0x11d95, 0x11d95 },
    { 0x11d97, 0x11d97 }, { 0x11ef3, 0x11ef4 }, { 0x11f00, 0x11f01 }, { 0x11f36, 0x11f3a },
    { 0x11f40, 0x11f40 }, { 0x11f42, 0x11f42 }, { 0x13440, 0x13440 }, { 0x13447, 0x13455 },
    { 0x16f4f, 0x16f4f }, { 0x16fe4, 0x16fe4 }, { 0x1cf00, 0x1cf2d }, { 0x1cf30, 0x1cf46 },
    { 0x1e000, 0x1e006 }, { 0x1e008, 0x1e018 }, { 0x1e01b, 0x1e021 }, { 0x1e023, 0x1e024 },
    { 0x1e026, 0x1e02a }, { 0x1e08f, 0x1e08f }, { 0x1e130, 0x1e136 }, { 0x1e2ae, 0x1e2ae },
    { 0x1e2ec, 0x1e2ef }, { 0x1e4ec, 0x1e4ef }, { 0x1e944, 0x1e94a }
};
static const uint32_t later_punctuation[][2] = {
    { 0x61d, 0x61d },     { 0x9fd, 0x9fd },     { 0xa76, 0xa76 },     { 0xc77, 0xc77 },
    { 0xc84, 0xc84 },     { 0x1b7d, 0x1b7e },   { 0x2e43, 0x2e4f },   { 0x2e52, 0x2e5d },
    { 0x10ead, 0x10ead }, { 0x10f55, 0x10f59 }, { 0x10f86, 0x10f89 }, { 0x1144b, 0x1144f },
    { 0x1145a, 0x1145b }, { 0x1145d, 0x1145d }, { 0x11660, 0x1166c }, { 0x116b9, 0x116b9 },
    { 0x1183b, 0x1183b }, { 0x11944, 0x11946 }, { 0x119e2, 0x119e2 }, { 0x11a3f, 0x11a46 },
    { 0x11a9a, 0x11a9c }, { 0x11a9e, 0x11aa2 }, { 0x11b00, 0x11b09 }, { 0x11c41, 0x11c45 },
    { 0x11c70, 0x11c71 }, { 0x11ef7, 0x11ef8 }, { 0x11f43, 0x11f4f }, { 0x11fff, 0x11fff },
    { 0x12ff1, 0x12ff2 }, { 0x16e97, 0x16e9a }, { 0x16fe2, 0x16fe2 }, { 0x1e95e, 0x1e95f }
};
static const uint32_t later_others[][2] = {
    { 0x890, 0x891 }, { 0x8e2, 0x8e2 }, { 0x110cd, 0x110cd }, { 0x13430, 0x1343f }
};

#define IN_RANGES(code, ranges) in_ranges(code, ranges, sizeof(ranges) / sizeof(ranges)[0])

static bool in_ranges(uint32_t code, const uint32_t (*ranges)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return false;
}

static bool is_mark(uint32_t code)
{
    if (utf8proc_category((utf8proc_int32_t)code) != UTF8PROC_CATEGORY_MN)
        return code == 0x1734; /* left the class in Unicode 14 */
    return !IN_RANGES(code, later_marks);
}

static bool is_other(uint32_t code)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)code);
    return (c == UTF8PROC_CATEGORY_CC || c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_CO) &&
           !IN_RANGES(code, later_others);
}

/* The property White_Space. */
bool llm_is_space(uint32_t code)
{
    return (code >= '\t' && code <= '\r') || code == ' ' || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool llm_is_bert_punctuation(uint32_t code)
{
    if (code < 0x80)
        return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') ||
               (code >= '[' && code <= '`') || (code >= '{' && code <= '~');
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)code);
    if (code == 0x166d || code == 0x111c9) /* left the class */
        return true;
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO &&
           !IN_RANGES(code, later_punctuation);
}

static bool is_ideograph(uint32_t code)
{
    static const uint32_t ranges[][2] = { { 0x4e00, 0x9fff },   { 0x3400, 0x4dbf },
                                          { 0x20000, 0x2a6df }, { 0x2a700, 0x2b73f },
                                          { 0x2b740, 0x2b81f }, { 0x2b920, 0x2ceaf },
                                          { 0xf900, 0xfaff },   { 0x2f800, 0x2fa1f } };
    return IN_RANGES(code, ranges);
}

static ea_status append(ea_context *ctx, llm_text *out, uint32_t code)
{
    char bytes[4];
    return llm_text_append(ctx, out, bytes, (size_t)llm_utf8_write(code, bytes));
}

/* Control characters go, white space becomes a space; tab and line ends are white space first. */
static ea_status clean(ea_context *ctx, uint32_t code, llm_text *out)
{
    if (code == '\t' || code == '\n' || code == '\r')
        return append(ctx, out, ' ');
    if (code == 0 || code == 0xfffd || is_other(code))
        return EA_OK;
    return append(ctx, out, llm_is_space(code) ? ' ' : code);
}

static ea_status separate_ideograph(ea_context *ctx, uint32_t code, llm_text *out)
{
    if (!is_ideograph(code))
        return append(ctx, out, code);
    EA_TRY(append(ctx, out, ' '));
    EA_TRY(append(ctx, out, code));
    return append(ctx, out, ' ');
}

/* Pairs of letters that are younger than utf8proc's data, up to Unicode 17. */
static uint32_t later_lower(uint32_t code)
{
    if (code >= 0x10d50 && code <= 0x10d65)
        return code + 0x20;
    if (code >= 0x16ea0 && code <= 0x16eb8)
        return code + 0x1b;
    switch (code) {
    case 0x1c89:
    case 0xa7cc:
    case 0xa7ce:
    case 0xa7d2:
    case 0xa7d4:
    case 0xa7da:
        return code + 1;
    case 0xa7cb:
        return 0x264;
    case 0xa7dc:
        return 0x19b;
    default:
        return code;
    }
}

/* Without context; one character has two as its lower case. */
static ea_status lower(ea_context *ctx, uint32_t code, llm_text *out)
{
    uint32_t known = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    EA_TRY(append(ctx, out, known == code ? later_lower(code) : known));
    return code == 0x130 ? append(ctx, out, 0x307) : EA_OK;
}

static ea_status run(ea_context *ctx, llm_step_kind kind, uint32_t code, llm_text *out)
{
    switch (kind) {
    case LLM_STEP_BERT_CLEAN:
        return clean(ctx, code, out);
    case LLM_STEP_BERT_IDEOGRAPHS:
        return separate_ideograph(ctx, code, out);
    case LLM_STEP_STRIP_MARKS:
        return is_mark(code) ? EA_OK : append(ctx, out, code);
    default:
        return lower(ctx, code, out);
    }
}

ea_status llm_bert_normalize(ea_context *ctx, llm_step_kind kind, const char *text, size_t size,
                             llm_text *out)
{
    for (size_t at = 0; at < size;) {
        uint32_t code;
        int length = llm_utf8_read(text + at, size - at, &code);
        EA_TRY(run(ctx, kind, code, out));
        at += (size_t)(length < 0 ? -length : length);
    }
    return EA_OK;
}
