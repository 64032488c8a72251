/* squeeze.h: compressing the chunks of one block on several threads. */
#ifndef LEDGER_SQUEEZE_H
#define LEDGER_SQUEEZE_H

#include "ledger/stream.h"

typedef struct ledger_squeezer ledger_squeezer;

ea_status ledger_squeezer_create(ea_context *ctx, ledger_squeezer **out);
void ledger_squeezer_destroy(ledger_squeezer *squeezer);

/* Compresses those chunks of `block` that are wanted. Afterwards `packed[i]` is the compressed form
 * of chunk i and `sizes[i]` its size; NULL when compression does not pay or was not wanted. They
 * are valid until the next call. What comes out does not depend on the number of threads. */
ea_status ledger_squeeze(ledger_squeezer *squeezer, const ledger_block *block, const bool *wanted,
                         const void *packed[LEDGER_BLOCK_CHUNKS],
                         size_t sizes[LEDGER_BLOCK_CHUNKS]);

#endif
