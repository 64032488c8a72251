/* pool.c: a fixed set of threads that take pieces of one job at a time from a shared counter. */
#define _GNU_SOURCE /* sched_getcpu, CPU_SET */
#include "core/pool.h"
#include "core/fp.h"
#include "core/memory.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* A thread that waits looks again SPINS times, about half a millisecond, before it sleeps: to wake
 * one costs as much as a small operation. After KEEP it lets other programs' threads go first. */
enum {
    PIECES_PER_THREAD = 4,
    SPINS = 20000,
    KEEP = 1000,
    YIELD_EVERY = 32,
    SETTLE = 64, /* jobs before a worker looks again at where it runs */
};

struct core_pool {
    int threads;
    ea_run_workers *run; /* the host's threads, instead of ours */
    void *host;
    int started; /* threads running besides the caller */
    pid_t owner; /* the process that started them: a forked child has none */
    pthread_t *ids;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    pthread_cond_t done;
    _Atomic uint64_t job; /* counts jobs; a worker waits for it to change */
    bool stop, open;      /* under mutex; open: workers may join the job */
    int caller_cpu;       /* under mutex: where the job's caller was when it began */

    core_task task;
    void *argument;
    int64_t n;
    int64_t piece;
    _Atomic int64_t next;
    _Atomic int busy; /* workers that joined the job and have not left; joins are under mutex */
};

typedef struct worker_start {
    core_pool *pool;
    int number;
} worker_start;

static void take_pieces(core_pool *pool, int worker)
{
    for (;;) {
        int64_t begin = atomic_fetch_add(&pool->next, pool->piece);
        if (begin >= pool->n)
            return;
        int64_t end = pool->n - begin < pool->piece ? pool->n : begin + pool->piece;
        pool->task(pool->argument, begin, end, worker);
    }
}

static void pause_spin(int i)
{
    if (i >= KEEP && i % YIELD_EVERY == 0)
        sched_yield();
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A worker on its caller's processor goes to another. The scheduler of a virtual machine takes an
 * idle processor for one that the host has taken away, and leaves both threads on one for a tenth
 * of a second. Not where there are more threads than processors. */
static void leave_caller(const core_pool *pool, int *settle)
{
#ifdef __linux__
    cpu_set_t all, others;
    if (*settle > 0) {
        --*settle;
        return;
    }
    int cpu = sched_getcpu();
    if (cpu < 0 || cpu != pool->caller_cpu)
        return;
    *settle = SETTLE;
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < pool->threads)
        return;
    others = all;
    CPU_CLR(cpu, &others);
    if (sched_setaffinity(0, sizeof others, &others) == 0)
        sched_setaffinity(0, sizeof all, &all);
#else
    (void)pool, (void)settle;
#endif
}

/* Waits for a job other than `seen` and joins it, unless the caller has already closed it: then all
 * its pieces are taken, and nobody waits for a worker that wakes late. False when the pool ends. */
static bool join_job(core_pool *pool, uint64_t *seen, int *settle)
{
    for (int i = 0; i < SPINS && atomic_load(&pool->job) == *seen; i++)
        pause_spin(i);
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop && !(pool->open && atomic_load(&pool->job) != *seen)) {
        pthread_cond_wait(&pool->work, &pool->mutex);
        *settle = 0;
        leave_caller(pool, settle);
    }
    *seen = atomic_load(&pool->job);
    bool go = !pool->stop;
    leave_caller(pool, settle);
    if (go)
        atomic_fetch_add(&pool->busy, 1);
    pthread_mutex_unlock(&pool->mutex);
    return go;
}

static void *worker_main(void *argument)
{
    worker_start start = *(worker_start *)argument;
    core_free(argument);
    core_pool *pool = start.pool;
    core_fp_enter(); /* for the thread's life: it may have inherited the creator's settings */
    uint64_t seen = 0;
    int settle = 0;
    while (join_job(pool, &seen, &settle)) {
        take_pieces(pool, start.number);
        if (atomic_fetch_sub(&pool->busy, 1) == 1) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
    return NULL;
}

static void start_threads(core_pool *pool)
{
    for (int i = 1; i < pool->threads; i++) {
        worker_start *start = core_alloc(sizeof *start);
        if (!start)
            return;
        *start = (worker_start){ pool, i };
        if (pthread_create(&pool->ids[i - 1], NULL, worker_main, start) != 0) {
            core_free(start);
            return;
        }
        pool->started++;
    }
}

core_pool *core_pool_create(int threads, ea_run_workers *run, void *host)
{
    core_pool *pool = core_alloc_zero(sizeof *pool);
    if (!pool)
        return NULL;
    pool->threads = threads;
    pool->run = run;
    pool->host = host;
    pool->owner = getpid();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->ids = core_alloc(sizeof *pool->ids * (size_t)threads);
    sigset_t all, before; /* signals are for the caller's threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pool->ids && !run)
        start_threads(pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!pool->ids || (!run && pool->started < threads - 1)) {
        core_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void core_pool_destroy(core_pool *pool)
{
    if (!pool)
        return;
    if (pool->owner == getpid()) {
        pthread_mutex_lock(&pool->mutex);
        pool->stop = true;
        atomic_fetch_add(&pool->job, 1); /* a worker that still looks would go on for long */
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->mutex);
        for (int i = 0; i < pool->started; i++)
            pthread_join(pool->ids[i], NULL);
        pthread_cond_destroy(&pool->work);
        pthread_cond_destroy(&pool->done);
        pthread_mutex_destroy(&pool->mutex);
    }
    core_free(pool->ids);
    core_free(pool);
}

static void close_job(core_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->open = false;
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_for_workers(core_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->busy) == 0)
            return;
        pause_spin(i);
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->busy) != 0)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

/* One of the host's threads, whose floating-point environment is its own. */
static void run_as_worker(void *argument, int worker)
{
    core_fp saved = core_fp_enter();
    take_pieces(argument, worker);
    core_fp_leave(saved);
}

static void run_on_own_threads(core_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->open = true;
#ifdef __linux__
    pool->caller_cpu = sched_getcpu();
#endif
    atomic_fetch_add(&pool->job, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    take_pieces(pool, 0);
    close_job(pool);
    wait_for_workers(pool);
}

void core_parallel(ea_context *ctx, int64_t n, int64_t grain, core_task task, void *argument)
{
    core_pool *pool = ctx->pool;
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    if (pool->threads == 1 || n <= grain || pool->owner != getpid()) {
        task(argument, 0, n, 0);
        return;
    }
    int64_t piece = n / ((int64_t)pool->threads * PIECES_PER_THREAD);
    pool->task = task;
    pool->argument = argument;
    pool->n = n;
    pool->piece = piece < grain ? grain : piece;
    atomic_store(&pool->next, 0);
    if (pool->run)
        pool->run(pool->host, pool->threads, run_as_worker, pool);
    else
        run_on_own_threads(pool);
}
