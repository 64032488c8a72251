/* regex.c: the regular expressions of tokenizer.json, written for Oniguruma, run by PCRE2.
 *
 * Character classes are those of Unicode 16, as in Hugging Face's `tokenizers`, whatever the PCRE2
 * of the machine knows (10.42 has Unicode 14): the younger characters are spelled out. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/memory.h"
#include "llm/pieces.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

struct llm_regex {
    pcre2_code *code;
};

/* Characters that entered each class between Unicode 14 and 16; none has left it. */
static const struct {
    const char *name, *added;
} classes[] = {
    { "L", "1c89-1c8a a7cb-a7cd a7da-a7dc 105c0-105f3 10d4a-10d65 10d6f-10d85 "
           "10ec2-10ec4 1123f-11240 11380-11389 1138b 1138e 11390-113b5 113b7 "
           "113d1 113d3 11bc0-11be0 11f02 11f04-11f10 11f12-11f33 1342f "
           "13441-13446 13460-143fa 16100-1611d 16d40-16d6c 18cff 1b132 1b155 "
           "1df25-1df2a 1e030-1e06d 1e4d0-1e4eb 1e5d0-1e5ed 1e5f0 2b739 "
           "2ebf0-2ee5d 31350-323af" },
    { "Lu", "1c89 a7cb-a7cc a7da a7dc 10d50-10d65" },
    { "Ll", "1c8a a7cd a7db 10d70-10d85 1df25-1df2a" },
    { "Lt", "" },
    { "Lm", "10d4e 10d6f 16d40-16d42 16d6b-16d6c 1e030-1e06d 1e4eb" },
    { "Lo", "105c0-105f3 10d4a-10d4d 10d4f 10ec2-10ec4 1123f-11240 11380-11389 "
            "1138b 1138e 11390-113b5 113b7 113d1 113d3 11bc0-11be0 11f02 "
            "11f04-11f10 11f12-11f33 1342f 13441-13446 13460-143fa 16100-1611d "
            "16d43-16d6a 18cff 1b132 1b155 1e4d0-1e4ea 1e5d0-1e5ed 1e5f0 2b739 "
            "2ebf0-2ee5d 31350-323af" },
    { "M", "897 cf3 ece 10d69-10d6d 10efc-10eff 11241 113b8-113c0 113c2 113c5 "
           "113c7-113ca 113cc-113d0 113d2 113e1-113e2 11f00-11f01 11f03 "
           "11f34-11f3a 11f3e-11f42 11f5a 13440 13447-13455 1611e-1612f 1e08f "
           "1e4ec-1e4ef 1e5ee-1e5ef" },
    { "N", "10d40-10d49 116d0-116e3 11bf0-11bf9 11f50-11f59 16130-16139 "
           "16d70-16d79 1ccf0-1ccf9 1d2c0-1d2d3 1e4f0-1e4f9 1e5f1-1e5fa" },
};

bool llm_class_gained(const char *name, uint32_t code)
{
    const char *at = NULL;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(classes[i].name, name) == 0)
            at = classes[i].added;
    while (at && *at) {
        char *next;
        unsigned long first = strtoul(at, &next, 16), last = first;
        if (*next == '-')
            last = strtoul(next + 1, &next, 16);
        if (code >= first && code <= last)
            return true;
        at = next + strspn(next, " ");
    }
    return false;
}

/* Escapes and brackets that the two engines read differently and that no supported family uses. */
static const char *foreign_syntax(const char *pattern)
{
    static const char *const foreign[] = { "\\w", "\\W", "\\b", "\\B", "\\h", "\\H", "\\R", "\\X",
                                           "\\K", "\\G", "\\y", "\\Y", "\\P", "&&",  "[[" };
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (strstr(pattern, foreign[i]))
            return foreign[i];
    return NULL;
}

static ea_status append(ea_context *ctx, llm_text *out, const char *text)
{
    return llm_text_append(ctx, out, text, strlen(text));
}

/* "10d4a-10d65 1138b" as a pattern: \x{10d4a}-\x{10d65}\x{1138b} */
static ea_status append_ranges(ea_context *ctx, llm_text *out, const char *ranges)
{
    bool open = false;
    for (const char *p = ranges; *p; p++) {
        bool digit = *p != '-' && *p != ' ';
        if (digit != open)
            EA_TRY(append(ctx, out, digit ? "\\x{" : "}"));
        open = digit;
        if (*p != ' ')
            EA_TRY(llm_text_append(ctx, out, p, 1));
    }
    return open ? append(ctx, out, "}") : EA_OK;
}

/* Translates the \p{NAME} at `p`; *size is its length. */
static ea_status translate_class(ea_context *ctx, const char *p, bool in_brackets, llm_text *out,
                                 size_t *size)
{
    *size = strcspn(p, "}") + 1;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        size_t name = strlen(classes[i].name);
        if (*size != name + 4 || strncmp(p + 3, classes[i].name, name) != 0)
            continue;
        if (!in_brackets)
            EA_TRY(append(ctx, out, "["));
        EA_TRY(llm_text_append(ctx, out, p, *size));
        EA_TRY(append_ranges(ctx, out, classes[i].added));
        return in_brackets ? EA_OK : append(ctx, out, "]");
    }
    return core_fail(ctx, EA_ERR_UNSUPPORTED, "character class '%.*s' is not supported",
                     (int)(*size > 40 ? 40 : *size), p);
}

/* \s is Unicode's White_Space for Oniguruma; PCRE2's has U+180E too. */
static ea_status translate(ea_context *ctx, const char *pattern, llm_text *out)
{
    bool in_brackets = false;
    for (const char *p = pattern; *p;) {
        size_t size = *p == '\\' && p[1] ? 2 : 1;
        if (strncmp(p, "\\p{", 3) == 0 && strchr(p, '}'))
            EA_TRY(translate_class(ctx, p, in_brackets, out, &size));
        else if (size == 2 && (p[1] == 's' || p[1] == 'S'))
            EA_TRY(append(ctx, out, p[1] == 's' ? "\\p{White_Space}" : "\\P{White_Space}"));
        else
            EA_TRY(llm_text_append(ctx, out, p, size));
        if (size == 1)
            in_brackets = *p == '[' || (in_brackets && *p != ']');
        p += size;
    }
    return EA_OK;
}

static ea_status compile(ea_context *ctx, const char *pattern, const llm_text *source,
                         uint32_t options, llm_regex **out)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)source->data, source->size, options, &error, &at, NULL);
    if (!code) {
        char why[128];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
        return core_fail(ctx, EA_ERR_FORMAT, "pattern '%.200s': %s", pattern, why);
    }
    pcre2_jit_compile(code,
                      PCRE2_JIT_COMPLETE); /* a machine without JIT interprets: same matches */
    *out = core_alloc(sizeof **out);
    if (!*out) {
        pcre2_code_free(code);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a pattern");
    }
    (*out)->code = code;
    return EA_OK;
}

ea_status llm_regex_compile(ea_context *ctx, const char *pattern, bool literal, llm_regex **out)
{
    *out = NULL;
    llm_text source = { 0 };
    ea_status status = EA_OK;
    if (literal)
        status = llm_text_append(ctx, &source, pattern, strlen(pattern));
    else if (foreign_syntax(pattern))
        status = core_fail(ctx, EA_ERR_UNSUPPORTED, "pattern '%.200s': '%s' is not supported",
                           pattern, foreign_syntax(pattern));
    else
        status = translate(ctx, pattern, &source);
    if (status == EA_OK && source.size == 0)
        status = core_fail(ctx, EA_ERR_FORMAT, "an empty pattern cuts nothing");
    if (status == EA_OK)
        status = compile(ctx, pattern, &source,
                         literal ? PCRE2_UTF | PCRE2_LITERAL
                                 : PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                         out);
    llm_text_free(&source);
    return status;
}

ea_status llm_regex_next(ea_context *ctx, const llm_regex *regex, const char *text, size_t size,
                         size_t from, size_t *start, size_t *end, bool *found)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a match");
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int rc = pcre2_match(regex->code, subject, size, from, PCRE2_NO_UTF_CHECK, match, NULL);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(regex->code, subject, size, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match,
                         NULL);
    *found = rc >= 0;
    if (*found) {
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);
        *start = ends[0];
        *end = ends[1];
    }
    pcre2_match_data_free(match);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
        return EA_OK;
    char why[128];
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)why, sizeof why);
    return core_fail(ctx, EA_ERR_UNSUPPORTED, "the tokenizer's pattern gave up on this text: %s",
                     why);
}

void llm_regex_free(llm_regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->code);
    core_free(regex);
}
