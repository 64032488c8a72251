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

/* Element `index` (counted from the stream's start) of a Philox stream: 32 and 64 random bits. */
uint32_t random_philox32(const ea_philox *stream, uint64_t index);
uint64_t random_philox64(const ea_philox *stream, uint64_t index);

#endif
