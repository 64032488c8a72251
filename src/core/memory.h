/* memory.h: every allocation of the library goes through here, so that tests can make any one fail.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* 64-byte aligned, not zeroed; NULL when there is none. core_free() takes NULL. */
void *core_alloc(size_t bytes);
void *core_alloc_zero(size_t bytes);
/* Keeps the first min(old_bytes, new_bytes); on failure the old block stays. */
void *core_realloc(void *block, size_t old_bytes, size_t new_bytes);
void core_free(void *block);
char *core_strdup(const char *text);

/* Fault injection: the n-th allocation from now (1 = the next) and none after it fails; 0 = off. */
void core_alloc_fail_at(int64_t n);
/* The same for pieces of arenas, most of which need no allocation. */
void core_arena_fail_at(int64_t n);
/* Allocations since the last core_alloc_fail_at(). */
int64_t core_alloc_count(void);

/* --- Arena: scratch memory of one context, given back in the reverse order -------------------- */

typedef struct core_arena core_arena;
typedef struct core_mark {
    int block;
    size_t used;
} core_mark;

core_arena *core_arena_create(void);
void core_arena_destroy(core_arena *arena);
core_mark core_arena_mark(const core_arena *arena);
/* 64-byte aligned, not zeroed, valid until the arena is released to an earlier mark; or NULL. */
void *core_arena_alloc(core_arena *arena, size_t bytes);
void core_arena_release(core_arena *arena, core_mark mark);

#endif
