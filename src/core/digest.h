/* digest.h: the bytes of a tensor that every digest is made from. */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include "core/view.h"

/* Writes elements begin … begin+count−1 (logical order) as little-endian bytes, each NaN as its
 * type's canonical quiet NaN (positive, payload 0). `out` holds count × the element's size. */
void core_canonical_bytes(const ea_view *view, int64_t begin, int64_t count, unsigned char *out);

#endif
