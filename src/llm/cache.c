/* cache.c: pages with use counts, a table of kept content, and a list of unused pages. */
#include "llm/cache.h"
#include "core/memory.h"

#include <string.h>

typedef struct page {
    float *data; /* allocated when first taken */
    int32_t uses;
    int32_t previous, next; /* in the list of unused pages, oldest first */
    int32_t chain;          /* next page of the same bucket */
    uint64_t serial, before;
    bool kept;
} page;

struct llm_cache {
    int tokens;
    int64_t floats;
    int32_t count, used;
    page *pages;
    int32_t *content; /* [count, tokens] */
    int32_t *buckets;
    uint32_t bucket_mask;
    int32_t oldest, newest;
    uint64_t last_serial;
};

/* --- The list of unused pages ------------------------------------------------------------------
 */

static void append_unused(llm_cache *cache, int32_t i)
{
    page *p = &cache->pages[i];
    p->previous = cache->newest;
    p->next = LLM_NO_PAGE;
    if (cache->newest >= 0)
        cache->pages[cache->newest].next = i;
    else
        cache->oldest = i;
    cache->newest = i;
}

static void remove_unused(llm_cache *cache, int32_t i)
{
    page *p = &cache->pages[i];
    if (p->previous >= 0)
        cache->pages[p->previous].next = p->next;
    else
        cache->oldest = p->next;
    if (p->next >= 0)
        cache->pages[p->next].previous = p->previous;
    else
        cache->newest = p->previous;
}

/* --- The table of content ----------------------------------------------------------------------
 */

static int32_t *bucket(const llm_cache *cache, uint64_t before, const int32_t *tokens)
{
    uint64_t hash = before * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < cache->tokens; i++)
        hash = (hash ^ (uint32_t)tokens[i]) * 0x100000001b3u;
    return &cache->buckets[(uint32_t)(hash ^ hash >> 32) & cache->bucket_mask];
}

static bool holds(const llm_cache *cache, int32_t i, uint64_t before, const int32_t *tokens)
{
    return cache->pages[i].before == before &&
           memcmp(cache->content + (int64_t)i * cache->tokens, tokens,
                  sizeof *tokens * (size_t)cache->tokens) == 0;
}

static void forget(llm_cache *cache, int32_t i)
{
    page *p = &cache->pages[i];
    if (!p->kept)
        return;
    int32_t *at = bucket(cache, p->before, cache->content + (int64_t)i * cache->tokens);
    while (*at != i)
        at = &cache->pages[*at].chain;
    *at = p->chain;
    p->kept = false;
}

int32_t llm_cache_find(llm_cache *cache, uint64_t before, const int32_t *tokens)
{
    int32_t i = *bucket(cache, before, tokens);
    while (i >= 0 && !holds(cache, i, before, tokens))
        i = cache->pages[i].chain;
    if (i >= 0 && cache->pages[i].uses++ == 0) {
        remove_unused(cache, i);
        cache->used++;
    }
    return i;
}

uint64_t llm_cache_keep(llm_cache *cache, int32_t i, uint64_t before, const int32_t *tokens)
{
    int32_t *head = bucket(cache, before, tokens);
    for (int32_t other = *head; other >= 0; other = cache->pages[other].chain)
        if (holds(cache, other, before, tokens))
            return cache->pages[other].serial;
    page *p = &cache->pages[i];
    memcpy(cache->content + (int64_t)i * cache->tokens, tokens,
           sizeof *tokens * (size_t)cache->tokens);
    p->before = before;
    p->serial = ++cache->last_serial;
    p->kept = true;
    p->chain = *head;
    *head = i;
    return p->serial;
}

uint64_t llm_cache_serial(const llm_cache *cache, int32_t i)
{
    return cache->pages[i].serial;
}

/* --- Pages -------------------------------------------------------------------------------------
 */

int32_t llm_cache_take(llm_cache *cache)
{
    int32_t i = cache->oldest;
    if (i < 0)
        return LLM_NO_PAGE;
    page *p = &cache->pages[i];
    if (!p->data)
        p->data = core_alloc((size_t)cache->floats * sizeof *p->data);
    if (!p->data)
        return LLM_NO_PAGE;
    remove_unused(cache, i);
    forget(cache, i);
    p->uses = 1;
    cache->used++;
    return i;
}

void llm_cache_release(llm_cache *cache, int32_t i)
{
    if (--cache->pages[i].uses > 0)
        return;
    cache->used--;
    append_unused(cache, i);
}

float *llm_cache_data(const llm_cache *cache, int32_t i)
{
    return cache->pages[i].data;
}

int64_t llm_cache_pages(const llm_cache *cache)
{
    return cache->count;
}

int64_t llm_cache_used(const llm_cache *cache)
{
    return cache->used;
}

ea_status llm_cache_create(ea_context *ctx, int tokens, int64_t floats, int64_t bytes,
                           llm_cache **out)
{
    int64_t count = bytes / (floats * (int64_t)sizeof(float));
    count = count < 1 ? 1 : count > 1 << 24 ? 1 << 24 : count;
    llm_cache *cache = core_alloc_zero(sizeof *cache);
    uint32_t buckets = 1;
    while (buckets < (uint32_t)count)
        buckets *= 2;
    if (cache) {
        *cache = (llm_cache){ .tokens = tokens,
                              .floats = floats,
                              .count = (int32_t)count,
                              .bucket_mask = buckets - 1,
                              .oldest = LLM_NO_PAGE,
                              .newest = LLM_NO_PAGE };
        cache->pages = core_alloc_zero((size_t)count * sizeof *cache->pages);
        cache->content = core_alloc((size_t)count * (size_t)tokens * sizeof *cache->content);
        cache->buckets = core_alloc(buckets * sizeof *cache->buckets);
    }
    if (!cache || !cache->pages || !cache->content || !cache->buckets) {
        llm_cache_destroy(cache);
        *out = NULL;
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a cache of %lld pages",
                         (long long)count);
    }
    memset(cache->buckets, 0xff, buckets * sizeof *cache->buckets);
    for (int32_t i = 0; i < cache->count; i++)
        append_unused(cache, i);
    *out = cache;
    return EA_OK;
}

void llm_cache_destroy(llm_cache *cache)
{
    if (!cache)
        return;
    for (int32_t i = 0; cache->pages && i < cache->count; i++)
        core_free(cache->pages[i].data);
    core_free(cache->pages);
    core_free(cache->content);
    core_free(cache->buckets);
    core_free(cache);
}
