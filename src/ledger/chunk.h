/* chunk.h: cutting content into chunks at places that the content itself decides, so that an
 * insertion changes the chunks around it and no others; and the compression of one chunk.
 *
 * The rule is FastCDC's (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking
 * Approach for Data Deduplication", USENIX ATC 2016): a 64-bit gear hash, a harder mask before the
 * wanted size and an easier one after it. docs/ledger.md states it with its constants.
 */
#ifndef LEDGER_CHUNK_H
#define LEDGER_CHUNK_H

#include "core/context.h"

enum { LEDGER_CHUNK_MIN = 64 << 10, LEDGER_CHUNK_WANTED = 256 << 10, LEDGER_CHUNK_MAX = 1 << 20 };

/* Length of the first chunk of `data`. `size` must be LEDGER_CHUNK_MAX or more, or all that is left
 * of the content. 0 only for size 0. */
size_t ledger_chunk_cut(const unsigned char *data, size_t size);

/* --- Compression ---------------------------------------------------------------------------- */

typedef struct ledger_packer ledger_packer;

ea_status ledger_packer_create(ea_context *ctx, ledger_packer **out);
void ledger_packer_destroy(ledger_packer *packer);

/* Compresses a chunk (size ≤ LEDGER_CHUNK_MAX). *out is the compressed form, valid until the next
 * call, or NULL when compression does not pay and the chunk should be kept as it is. */
ea_status ledger_compress(ledger_packer *packer, const void *data, size_t size, const void **out,
                          size_t *out_size);

/* Expands `data` into exactly `wanted` bytes at `out`; EA_ERR_FORMAT when it gives anything else.
 */
ea_status ledger_expand(ledger_packer *packer, const void *data, size_t size, void *out,
                        size_t wanted);

#endif
