/* openmp.c: work on the threads of an OpenMP runtime that the process has already.
 *
 * PyTorch brings one (libgomp, or another that answers to its names), whose threads look for work
 * for milliseconds before they sleep. Threads of ours beside them would have to share the
 * processors with threads that do nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif
#include "native.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

typedef void gomp_parallel(void (*body)(void *), void *argument, unsigned threads, unsigned flags);

static gomp_parallel *parallel;
static atomic_bool forked; /* libgomp's threads are not in a child, and it would wait for them */

typedef struct team {
    void (*body)(void *argument, int worker);
    void *argument;
    int workers;
    atomic_int next;
} team;

/* A team may have fewer threads than were asked for. */
static void take_workers(void *argument)
{
    team *t = argument;
    for (int worker; (worker = atomic_fetch_add(&t->next, 1)) < t->workers;)
        t->body(t->argument, worker);
}

static void run_workers(void *host, int workers, void (*body)(void *, int), void *argument)
{
    (void)host;
    team t = { .body = body, .argument = argument, .workers = workers };
    if (atomic_load(&forked))
        take_workers(&t);
    else
        parallel(take_workers, &t, (unsigned)workers, 0);
}

static void remember_fork(void)
{
    atomic_store(&forked, true);
}

ea_run_workers *native_openmp(void)
{
    if (!parallel) { /* with the GIL held */
        *(void **)&parallel = dlsym(RTLD_DEFAULT, "GOMP_parallel");
        if (parallel && pthread_atfork(NULL, NULL, remember_fork) != 0)
            parallel = NULL;
    }
    return atomic_load(&forked) ? NULL : parallel ? run_workers : NULL;
}
