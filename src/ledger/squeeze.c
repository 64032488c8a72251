/* squeeze.c: compression is the slowest part of adding text, so the chunks of a block share all
 * processors. The threads live for one block: at some 30 ms of work that costs nothing, and no
 * thread is there to take signals while a recorded command runs. */
#define _GNU_SOURCE /* CPU_COUNT */
#include "ledger/squeeze.h"
#include "core/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { WORKERS_MAX = 8 };

struct ledger_squeezer {
    ea_context *ctx;
    int workers;
    ledger_packer *packers[WORKERS_MAX];
    unsigned char *data; /* compressed chunks, each where it lies in its block */

    /* The job under way. */
    const ledger_block *block;
    const bool *wanted;
    const void **packed;
    size_t *sizes;
    size_t places[LEDGER_BLOCK_CHUNKS];
    _Atomic int next;
    _Atomic bool failed;
};

typedef struct worker {
    ledger_squeezer *squeezer;
    int number;
} worker;

static int usable_processors(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return count < WORKERS_MAX ? count : WORKERS_MAX;
}

ea_status ledger_squeezer_create(ea_context *ctx, ledger_squeezer **out)
{
    ledger_squeezer *squeezer = core_alloc_zero(sizeof *squeezer);
    *out = squeezer;
    if (!squeezer)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to compress files");
    squeezer->ctx = ctx;
    squeezer->workers = usable_processors();
    return EA_OK;
}

void ledger_squeezer_destroy(ledger_squeezer *squeezer)
{
    if (!squeezer)
        return;
    for (int i = 0; i < WORKERS_MAX; i++)
        ledger_packer_destroy(squeezer->packers[i]);
    core_free(squeezer->data);
    core_free(squeezer);
}

/* Made for the first large file: most stores never see one. */
static ea_status need_buffers(ledger_squeezer *squeezer)
{
    if (!squeezer->data)
        squeezer->data = core_alloc(LEDGER_BLOCK_SIZE);
    if (!squeezer->data)
        return core_fail(squeezer->ctx, EA_ERR_MEMORY, "no memory to compress files");
    for (int i = 0; i < squeezer->workers; i++) /* errors of a thread are its own: no context */
        if (!squeezer->packers[i])
            EA_TRY(ledger_packer_create(NULL, &squeezer->packers[i]));
    return EA_OK;
}

static void squeeze_chunk(ledger_squeezer *squeezer, ledger_packer *packer, int i)
{
    const void *packed;
    size_t place = squeezer->places[i];
    ea_status status = ledger_compress(packer, squeezer->block->data + place,
                                       squeezer->block->lengths[i], &packed, &squeezer->sizes[i]);
    if (status != EA_OK)
        atomic_store(&squeezer->failed, true);
    else if (packed)
        squeezer->packed[i] =
            memcpy(squeezer->data + place, packed, squeezer->sizes[i]); /* it is smaller */
}

static void *work(void *argument)
{
    const worker *self = argument;
    ledger_squeezer *squeezer = self->squeezer;
    for (int i; (i = atomic_fetch_add(&squeezer->next, 1)) < squeezer->block->count;)
        if (squeezer->wanted[i])
            squeeze_chunk(squeezer, squeezer->packers[self->number], i);
    return NULL;
}

/* A thread that cannot be started leaves its share to the others. */
static void run_workers(ledger_squeezer *squeezer, int count)
{
    worker workers[WORKERS_MAX];
    pthread_t threads[WORKERS_MAX];
    int started = 1;
    for (int i = 0; i < count; i++)
        workers[i] = (worker){ squeezer, i };
    while (started < count && pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
}

ea_status ledger_squeeze(ledger_squeezer *squeezer, const ledger_block *block, const bool *wanted,
                         const void *packed[LEDGER_BLOCK_CHUNKS], size_t sizes[LEDGER_BLOCK_CHUNKS])
{
    int count = 0;
    size_t place = 0;
    EA_TRY(need_buffers(squeezer));
    squeezer->block = block;
    squeezer->wanted = wanted;
    squeezer->packed = packed;
    squeezer->sizes = sizes;
    atomic_store(&squeezer->next, 0);
    atomic_store(&squeezer->failed, false);
    for (int i = 0; i < block->count; i++) {
        squeezer->places[i] = place;
        packed[i] = NULL;
        place += block->lengths[i];
        count += wanted[i];
    }
    if (count == 0)
        return EA_OK;
    run_workers(squeezer, count < squeezer->workers ? count : squeezer->workers);
    return atomic_load(&squeezer->failed)
               ? core_fail(squeezer->ctx, EA_ERR_MEMORY, "no memory to compress %d chunks", count)
               : EA_OK;
}
