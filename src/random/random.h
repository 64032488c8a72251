/* random.h: what the room's files share. */
#ifndef RANDOM_RANDOM_H
#define RANDOM_RANDOM_H

#include "core/view.h"
#include "eadem/random.h"

#include <math.h>

/* 24 random bits as a float in [0, 1): exact. */
static inline float random_unit(uint32_t bits24)
{
    return (float)bits24 * 0x1p-24f;
}

/* Word `index` of a Philox stream. */
uint32_t random_philox_word(const ea_philox *stream, uint64_t index);
/* The next n words. */
void random_philox_words(ea_philox *stream, int64_t n, uint32_t *out);
/* The next word; the next two, from an even one on, the first in the high half. */
uint32_t random_philox32(ea_philox *stream);
uint64_t random_philox64(ea_philox *stream);

/* 53 random bits as a double in [0, 1): exact. */
double random_unit53(ea_mt19937 *mt);
/* PyTorch's normals one at a time, in double; the second of each pair waits in the generator. */
double random_next_normal(ea_mt19937 *mt);
/* The stream's next n normals. */
void random_normals(ea_philox *stream, float mean, float deviation, int64_t n, float *out);

#endif
