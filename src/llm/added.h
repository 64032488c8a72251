/* added.h: added tokens: texts that are found before anything else looks at the input. */
#ifndef LLM_ADDED_H
#define LLM_ADDED_H

#include "llm/utf8.h"

typedef struct llm_added {
    int32_t id;
    char *content; /* normalised, if `normalized` */
    size_t size;
    bool special;     /* left out of decoded text on request */
    bool single_word; /* only between characters that belong to no word */
    bool lstrip;      /* swallows white space before it … */
    bool rstrip;      /* … and after it */
    bool normalized;  /* searched for in the normalised text */
} llm_added;

/* Texts to search for, sorted by their bytes. */
typedef struct llm_added_set {
    struct llm_added_text {
        char *text;
        size_t size;
        const llm_added *token;
    } *list;
    size_t count, capacity;
} llm_added_set;

ea_status llm_added_set_add(ea_context *ctx, llm_added_set *set, const char *text, size_t size,
                            const llm_added *token);
/* Call once, after the last add. */
void llm_added_set_sort(llm_added_set *set);
void llm_added_set_free(llm_added_set *set);

/* One part of a text: an added token, or (token NULL) what lies between two. */
typedef struct llm_added_part {
    const llm_added *token;
    size_t start, end;
} llm_added_part;

typedef struct llm_added_parts {
    llm_added_part *list;
    size_t count, capacity;
} llm_added_parts;

/* Cuts well-formed text at the tokens of the set: leftmost first, and of those the longest. */
ea_status llm_added_cut(ea_context *ctx, const llm_added_set *set, const char *text, size_t size,
                        llm_added_parts *parts);

#endif
