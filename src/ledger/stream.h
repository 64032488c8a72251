/* stream.h: content from a descriptor, cut into chunks and hashed as a whole. Large content is
 * read, cut and hashed by a thread of its own while the caller stores what it has. */
#ifndef LEDGER_STREAM_H
#define LEDGER_STREAM_H

#include "ledger/chunk.h"
#include "ledger/digest.h"

enum {
    LEDGER_BLOCK_SIZE = 4 << 20,
    LEDGER_BLOCK_CHUNKS = LEDGER_BLOCK_SIZE / LEDGER_CHUNK_MIN + 1
};

typedef struct ledger_block {
    unsigned char *data;
    size_t used;  /* bytes in chunks */
    size_t spare; /* bytes after them, which belong to the next block */
    int count;
    size_t lengths[LEDGER_BLOCK_CHUNKS];
    ledger_digest
        digests[LEDGER_BLOCK_CHUNKS]; /* of the chunks, unless the block is all there is */
    bool last;
} ledger_block;

typedef struct ledger_stream ledger_stream;

ea_status ledger_stream_create(ea_context *ctx, ledger_stream **out);
void ledger_stream_destroy(ledger_stream *stream);

/* Starts on a descriptor and gives the first block. When it is the last one there is nothing more
 * to do; else a thread is started. Both running digests are used until the stream has ended. */
ea_status ledger_stream_begin(ledger_stream *stream, int fd, const char *name, ledger_sha *whole,
                              ledger_sha *chunk, const ledger_block **block);
/* The next block; the one before it is given back. */
ea_status ledger_stream_next(ledger_stream *stream, const ledger_block **block);
/* After the last block, or to give up. *digest is the whole content's when all of it was read. */
ea_status ledger_stream_end(ledger_stream *stream, ledger_digest *digest);

#endif
