/* stream.c: reading, cutting and hashing, one step ahead of storing. */
#include "ledger/stream.h"
#include "core/memory.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 3 }; /* one being filled, one waiting, one being stored */

struct ledger_stream {
    ea_context *ctx;
    int fd;
    const char *name;
    ledger_sha *whole, *chunk;
    ledger_block blocks[BLOCKS];

    bool threaded;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t filled, taken; /* blocks so far; the ones between are ready */
    bool stop;
    int read_errno;
    bool hash_failed;
};

ea_status ledger_stream_create(ea_context *ctx, ledger_stream **out)
{
    ledger_stream *stream = core_alloc_zero(sizeof *stream);
    *out = stream;
    if (!stream)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to read files");
    stream->ctx = ctx;
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_cond_init(&stream->changed, NULL);
    return EA_OK;
}

void ledger_stream_destroy(ledger_stream *stream)
{
    if (!stream)
        return;
    for (int i = 0; i < BLOCKS; i++)
        core_free(stream->blocks[i].data);
    pthread_mutex_destroy(&stream->mutex);
    pthread_cond_destroy(&stream->changed);
    core_free(stream);
}

/* --- Filling a block -------------------------------------------------------------------------- */

static bool read_up_to(ledger_stream *stream, unsigned char *data, size_t wanted, size_t *got)
{
    *got = 0;
    while (*got < wanted) {
        ssize_t n = read(stream->fd, data + *got, wanted - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            stream->read_errno = errno;
            return false;
        }
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return true;
}

/* Before the end of the content, a chunk is cut only while a whole LEDGER_CHUNK_MAX can be seen. */
static void cut(ledger_block *block, size_t size)
{
    block->used = 0;
    block->count = 0;
    while (size > block->used && (block->last || size - block->used >= LEDGER_CHUNK_MAX)) {
        size_t length = ledger_chunk_cut(block->data + block->used, size - block->used);
        block->lengths[block->count++] = length;
        block->used += length;
    }
    block->spare = size - block->used;
}

/* The only chunk of a content has the content's digest, and is not hashed twice. */
static ea_status hash(ledger_stream *stream, ledger_block *block, bool only)
{
    const unsigned char *data = block->data;
    EA_TRY(ledger_sha_add(stream->whole, data, block->used));
    for (int i = 0; i < block->count && !only; i++) {
        EA_TRY(ledger_sha_of(stream->chunk, data, block->lengths[i], &block->digests[i]));
        data += block->lengths[i];
    }
    return EA_OK;
}

/* Fills `block` with what `before` left over (NULL: nothing) and with new bytes. */
static bool fill(ledger_stream *stream, const ledger_block *before, ledger_block *block)
{
    size_t kept = before ? before->spare : 0, got;
    if (kept)
        memcpy(block->data, before->data + before->used, kept);
    if (!read_up_to(stream, block->data + kept, LEDGER_BLOCK_SIZE - kept, &got))
        return false;
    block->last = kept + got < LEDGER_BLOCK_SIZE;
    cut(block, kept + got);
    stream->hash_failed = hash(stream, block, !before && block->last && block->count <= 1) != EA_OK;
    return !stream->hash_failed;
}

/* --- The thread ------------------------------------------------------------------------------- */

static void *read_ahead(void *argument)
{
    ledger_stream *stream = argument;
    for (int64_t number = 1;; number++) {
        ledger_block *block = &stream->blocks[number % BLOCKS];
        pthread_mutex_lock(&stream->mutex);
        while (number - stream->taken >= BLOCKS && !stream->stop)
            pthread_cond_wait(&stream->changed, &stream->mutex);
        bool stop = stream->stop;
        pthread_mutex_unlock(&stream->mutex);
        if (stop)
            return NULL;
        bool filled = fill(stream, &stream->blocks[(number - 1) % BLOCKS], block);
        pthread_mutex_lock(&stream->mutex);
        stream->filled = number + 1;
        stream->stop |= !filled;
        pthread_cond_signal(&stream->changed);
        pthread_mutex_unlock(&stream->mutex);
        if (!filled || block->last)
            return NULL;
    }
}

static ea_status failure(ledger_stream *stream)
{
    if (stream->hash_failed)
        return core_fail(stream->ctx, EA_ERR_MEMORY, "libcrypto failed in SHA-256");
    return core_fail(stream->ctx, EA_ERR_IO, "cannot read %.300s: %s", stream->name,
                     strerror(stream->read_errno));
}

static ea_status need_memory(ledger_stream *stream, int blocks)
{
    for (int i = 0; i < blocks; i++) {
        if (!stream->blocks[i].data)
            stream->blocks[i].data = core_alloc(LEDGER_BLOCK_SIZE);
        if (!stream->blocks[i].data)
            return core_fail(stream->ctx, EA_ERR_MEMORY, "no memory to read %.300s", stream->name);
    }
    return EA_OK;
}

/* --- The caller's side ------------------------------------------------------------------------ */

ea_status ledger_stream_begin(ledger_stream *stream, int fd, const char *name, ledger_sha *whole,
                              ledger_sha *chunk, const ledger_block **block)
{
    stream->fd = fd;
    stream->name = name;
    stream->whole = whole;
    stream->chunk = chunk;
    stream->threaded = stream->stop = stream->hash_failed = false;
    stream->filled = 1;
    stream->taken = 0;
    EA_TRY(need_memory(stream, 1));
    EA_TRY(ledger_sha_begin(whole));
    if (!fill(stream, NULL, &stream->blocks[0]))
        return failure(stream);
    *block = &stream->blocks[0];
    if (stream->blocks[0].last)
        return EA_OK;
    EA_TRY(need_memory(stream, BLOCKS));
    int code = pthread_create(&stream->thread, NULL, read_ahead, stream);
    if (code != 0)
        return core_fail(stream->ctx, EA_ERR_MEMORY, "cannot start a thread to read %.300s: %s",
                         name, strerror(code));
    stream->threaded = true;
    return EA_OK;
}

/* The reader copies the spare bytes of the block before its own, so a block is given back only when
 * its successor has been filled: at the call after it was handed out. */
ea_status ledger_stream_next(ledger_stream *stream, const ledger_block **block)
{
    pthread_mutex_lock(&stream->mutex);
    int64_t number = stream->taken + 1;
    while (stream->filled <= number && !stream->stop)
        pthread_cond_wait(&stream->changed, &stream->mutex);
    bool stop = stream->stop;
    stream->taken = number;
    pthread_cond_signal(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
    if (stop)
        return failure(stream);
    *block = &stream->blocks[number % BLOCKS];
    return EA_OK;
}

ea_status ledger_stream_end(ledger_stream *stream, ledger_digest *digest)
{
    if (stream->threaded) {
        pthread_mutex_lock(&stream->mutex);
        stream->stop = true;
        pthread_cond_signal(&stream->changed);
        pthread_mutex_unlock(&stream->mutex);
        pthread_join(stream->thread, NULL);
        stream->threaded = false;
    }
    return ledger_sha_end(stream->whole, digest);
}
