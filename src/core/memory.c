/* memory.c: aligned allocation with fault injection, and the arena. */
#include "core/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Large blocks ask for huge pages: a product of large matrices touches more small ones than the
 * processor keeps translations of. */
enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20, MAX_BLOCKS = 48 };

static _Atomic int64_t fail_at, arena_fail_at;
static _Atomic int64_t count, arena_count;

void core_alloc_fail_at(int64_t n)
{
    atomic_store(&count, 0);
    atomic_store(&fail_at, n);
}

void core_arena_fail_at(int64_t n)
{
    atomic_store(&arena_count, 0);
    atomic_store(&arena_fail_at, n);
}

int64_t core_alloc_count(void)
{
    return atomic_load(&count);
}

void *core_alloc(size_t bytes)
{
    int64_t number = atomic_fetch_add(&count, 1) + 1;
    if (number == atomic_load(&fail_at) || bytes > SIZE_MAX / 2)
        return NULL;
    size_t alignment = bytes < HUGE_FROM ? ALIGNMENT : HUGE_PAGE;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, rounded ? rounded : alignment);
#ifdef MADV_HUGEPAGE
    if (block && alignment == HUGE_PAGE)
        (void)madvise(block, rounded, MADV_HUGEPAGE); /* only advice: it may fail */
#endif
    return block;
}

void *core_alloc_zero(size_t bytes)
{
    void *block = core_alloc(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

void *core_realloc(void *block, size_t old_bytes, size_t new_bytes)
{
    void *grown = core_alloc(new_bytes);
    if (!grown)
        return NULL;
    if (block)
        memcpy(grown, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    core_free(block);
    return grown;
}

void core_free(void *block)
{
    free(block);
}

char *core_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = core_alloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* Blocks double in size and stay until the arena goes, so a steady state allocates nothing. */
struct core_arena {
    int current;
    size_t used;
    struct {
        char *data;
        size_t size;
    } blocks[MAX_BLOCKS];
};

core_arena *core_arena_create(void)
{
    return core_alloc_zero(sizeof(core_arena));
}

void core_arena_destroy(core_arena *arena)
{
    if (!arena)
        return;
    for (int i = 0; i < MAX_BLOCKS; i++)
        core_free(arena->blocks[i].data);
    core_free(arena);
}

core_mark core_arena_mark(const core_arena *arena)
{
    return (core_mark){ arena->current, arena->used };
}

void core_arena_release(core_arena *arena, core_mark mark)
{
    arena->current = mark.block;
    arena->used = mark.used;
}

static size_t block_size(int index, size_t wanted)
{
    size_t size = (size_t)1 << (20 + (index < 20 ? index : 20));
    return size < wanted ? wanted : size;
}

void *core_arena_alloc(core_arena *arena, size_t bytes)
{
    int64_t fails = atomic_load_explicit(&arena_fail_at, memory_order_relaxed);
    if (fails && atomic_fetch_add(&arena_count, 1) + 1 == fails)
        return NULL;
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    int index = arena->current;
    size_t used = arena->used;
    while (arena->blocks[index].size < used + bytes) {
        if (!arena->blocks[index].data || used == 0) { /* empty: make it as large as needed */
            size_t size = block_size(index, bytes);
            char *data = core_alloc(size);
            if (!data)
                return NULL;
            core_free(arena->blocks[index].data);
            arena->blocks[index].data = data;
            arena->blocks[index].size = size;
            break;
        }
        if (++index == MAX_BLOCKS)
            return NULL;
        used = 0;
    }
    arena->current = index;
    arena->used = used + bytes;
    return arena->blocks[index].data + used;
}
