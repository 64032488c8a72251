/* added.c: finding added tokens, by the rules of Hugging Face's `tokenizers`. */
#include "llm/added.h"
#include "core/memory.h"
#include "llm/pieces.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

ea_status llm_added_set_add(ea_context *ctx, llm_added_set *set, const char *text, size_t size,
                            const llm_added *token)
{
    if (size == 0)
        return EA_OK;
    EA_TRY(llm_reserve(ctx, (void **)&set->list, set->count, &set->capacity, 1, sizeof *set->list));
    char *copy = core_alloc(size);
    if (!copy)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for an added token");
    memcpy(copy, text, size);
    set->list[set->count].text = copy;
    set->list[set->count].size = size;
    set->list[set->count++].token = token;
    return EA_OK;
}

static int by_bytes(const void *a, const void *b)
{
    const struct llm_added_text *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
    if (order != 0 || x->size == y->size)
        return order;
    return x->size < y->size ? -1 : 1;
}

void llm_added_set_sort(llm_added_set *set)
{
    if (set->count > 1)
        qsort(set->list, set->count, sizeof *set->list, by_bytes);
}

void llm_added_set_free(llm_added_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        core_free(set->list[i].text);
    core_free(set->list);
    *set = (llm_added_set){ 0 };
}

/* The byte at `depth`, or −1 past the end: such texts sort first. */
static int byte_at(const struct llm_added_text *entry, size_t depth)
{
    return depth < entry->size ? (unsigned char)entry->text[depth] : -1;
}

/* First index in [low, high) whose byte at `depth` is at least `byte`. */
static size_t lower_bound(const llm_added_set *set, size_t low, size_t high, size_t depth, int byte)
{
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (byte_at(&set->list[middle], depth) < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest text of the set that `text` begins with, or NULL. */
static const struct llm_added_text *longest_match(const llm_added_set *set, const char *text,
                                                  size_t size)
{
    const struct llm_added_text *best = NULL;
    size_t low = 0, high = set->count;
    for (size_t depth = 0; depth < size && low < high; depth++) {
        int byte = (unsigned char)text[depth];
        low = lower_bound(set, low, high, depth, byte);
        high = lower_bound(set, low, high, depth, byte + 1);
        if (low < high && set->list[low].size == depth + 1)
            best = &set->list[low];
    }
    return best;
}

static bool is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == 32 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

/* \w of Unicode TR18: Alphabetic, marks, decimal digits, connectors, joiners. */
static bool is_word(uint32_t code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    case UTF8PROC_CATEGORY_CN: /* utf8proc may be older than Unicode 16; U+1D2C0 … are No */
        return llm_class_gained("L", code) || llm_class_gained("M", code) ||
               (llm_class_gained("N", code) && !(code >= 0x1d2c0 && code <= 0x1d2d3));
    default: /* circled and squared letters are Alphabetic though they are symbols */
        return code == 0x200c || code == 0x200d || (code >= 0x24b6 && code <= 0x24e9) ||
               (code >= 0x1f130 && code <= 0x1f149) || (code >= 0x1f150 && code <= 0x1f169) ||
               (code >= 0x1f170 && code <= 0x1f189);
    }
}

/* The character that ends at `end`, and where it starts. */
static uint32_t character_before(const char *text, size_t end, size_t *start)
{
    uint32_t code = 0;
    *start = end - 1;
    while (*start > 0 && ((unsigned char)text[*start] & 0xc0) == 0x80)
        --*start;
    llm_utf8_read(text + *start, end - *start, &code);
    return code;
}

static bool stands_alone(const char *text, size_t size, size_t start, size_t end)
{
    uint32_t code;
    size_t before;
    if (start > 0 && is_word(character_before(text, start, &before)))
        return false;
    return end == size || llm_utf8_read(text + end, size - end, &code) < 0 || !is_word(code);
}

/* Widens a match over the white space that its token swallows, but not over the part before. */
static void swallow_space(const llm_added *token, const char *text, size_t size, size_t done,
                          size_t *start, size_t *end)
{
    size_t before;
    uint32_t code;
    while (token->lstrip && *start > done && is_space(character_before(text, *start, &before)))
        *start = before;
    while (token->rstrip && *end < size) {
        int length = llm_utf8_read(text + *end, size - *end, &code);
        if (length < 0 || !is_space(code))
            break;
        *end += (size_t)length;
    }
}

static ea_status add_part(ea_context *ctx, llm_added_parts *parts, const llm_added *token,
                          size_t start, size_t end)
{
    EA_TRY(llm_reserve(ctx, (void **)&parts->list, parts->count, &parts->capacity, 1,
                       sizeof *parts->list));
    parts->list[parts->count++] = (llm_added_part){ token, start, end };
    return EA_OK;
}

ea_status llm_added_cut(ea_context *ctx, const llm_added_set *set, const char *text, size_t size,
                        llm_added_parts *parts)
{
    parts->count = 0;
    size_t done = 0;
    for (size_t at = 0; at < size && set->count > 0;) {
        const struct llm_added_text *match = longest_match(set, text + at, size - at);
        if (!match) {
            at++;
            continue;
        }
        size_t start = at, end = at + match->size;
        at = end;
        if (match->token->single_word && !stands_alone(text, size, start, end))
            continue;
        swallow_space(match->token, text, size, done, &start, &end);
        if (done < start)
            EA_TRY(add_part(ctx, parts, NULL, done, start));
        EA_TRY(add_part(ctx, parts, match->token, start, end));
        done = end;
    }
    return done < size ? add_part(ctx, parts, NULL, done, size) : EA_OK;
}
