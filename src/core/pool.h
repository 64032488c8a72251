/* pool.h: the threads of one context.
 *
 * Not OpenMP, for four reasons: a second OpenMP runtime inside a PyTorch process, its hang after
 * fork() (which data loaders do), no view of it for ThreadSanitizer under gcc, and no say over the
 * floating-point environment of its threads.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/context.h"

typedef struct core_pool core_pool;

/* A piece of work: items begin … end−1, on the thread numbered `worker` (0 to threads−1). */
typedef void (*core_task)(void *argument, int64_t begin, int64_t end, int worker);

/* With `run` it has no threads of its own but the host's. NULL: no memory or threads. */
core_pool *core_pool_create(int threads, ea_run_workers *run, void *host);
void core_pool_destroy(core_pool *pool);

/* Runs `task` over items 0 … n−1 in pieces of at least `grain` items and waits. Which thread gets
 * which piece is not fixed: a task must compute each item in a way that does not depend on its
 * piece. */
void core_parallel(ea_context *ctx, int64_t n, int64_t grain, core_task task, void *argument);

#endif
