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
/* The next word; the next two, from an even one on, the first in the high half. */
uint32_t random_philox32(ea_philox *stream);
uint64_t random_philox64(ea_philox *stream);

#endif
