/* cache.h: pages of keys and values. Full pages are kept after use and found again by what they
 * hold: the same tokens after the same pages before. Pages nobody uses are reused, the longest
 * unused first. */
#ifndef LLM_CACHE_H
#define LLM_CACHE_H

#include "core/context.h"

enum { LLM_NO_PAGE = -1 };

typedef struct llm_cache llm_cache;

/* `tokens` a page, `floats` numbers a page, as many pages as fit in `bytes` (at least one). */
ea_status llm_cache_create(ea_context *ctx, int tokens, int64_t floats, int64_t bytes,
                           llm_cache **out);
void llm_cache_destroy(llm_cache *cache);

/* A page nobody uses, now used once; LLM_NO_PAGE when all are in use or memory is out. */
int32_t llm_cache_take(llm_cache *cache);
/* One use less. A page that was kept may be found again until it is taken. */
void llm_cache_release(llm_cache *cache, int32_t page);

/* A full page's content: its tokens and the serial number of the page before (0: none). Serials are
 * never reused, so equal content means equal keys and values. */
int32_t llm_cache_find(llm_cache *cache, uint64_t before, const int32_t *tokens);
/* Keeps a full page under its content; of two with the same content the first stays. Returns the
 * serial to give for the page after it. */
uint64_t llm_cache_keep(llm_cache *cache, int32_t page, uint64_t before, const int32_t *tokens);
uint64_t llm_cache_serial(const llm_cache *cache, int32_t page);

float *llm_cache_data(const llm_cache *cache, int32_t page);
int64_t llm_cache_pages(const llm_cache *cache); /* in all */
int64_t llm_cache_used(const llm_cache *cache);  /* by sequences */

#endif
