/* philox.c: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
 * 3", SC'11), and one interface to it and to MT19937. */
#include "random/random.h"

void ea_philox_block(const ea_philox *stream, uint64_t block, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)stream->seed, k1 = (uint32_t)(stream->seed >> 32);
    uint32_t x0 = (uint32_t)block, x1 = (uint32_t)(block >> 32);
    uint32_t x2 = (uint32_t)stream->stream, x3 = (uint32_t)(stream->stream >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xd2511f53 * x0, p1 = (uint64_t)0xcd9e8d57 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

/* Blocks `first` … first + BLOCKS − 1 side by side, for the compiler to vectorise. */
enum { BLOCKS = 16 };

static void side_by_side(const ea_philox *stream, uint64_t first, uint32_t *out)
{
    uint32_t k0 = (uint32_t)stream->seed, k1 = (uint32_t)(stream->seed >> 32);
    uint32_t x0[BLOCKS], x1[BLOCKS], x2[BLOCKS], x3[BLOCKS];
    for (int b = 0; b < BLOCKS; b++) {
        x0[b] = (uint32_t)(first + (uint64_t)b);
        x1[b] = (uint32_t)((first + (uint64_t)b) >> 32);
        x2[b] = (uint32_t)stream->stream;
        x3[b] = (uint32_t)(stream->stream >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int b = 0; b < BLOCKS; b++) {
            uint64_t p0 = (uint64_t)0xd2511f53 * x0[b], p1 = (uint64_t)0xcd9e8d57 * x2[b];
            x0[b] = (uint32_t)(p1 >> 32) ^ x1[b] ^ k0;
            x1[b] = (uint32_t)p1;
            x2[b] = (uint32_t)(p0 >> 32) ^ x3[b] ^ k1;
            x3[b] = (uint32_t)p0;
        }
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    for (int b = 0; b < BLOCKS; b++) {
        out[4 * b] = x0[b];
        out[4 * b + 1] = x1[b];
        out[4 * b + 2] = x2[b];
        out[4 * b + 3] = x3[b];
    }
}

void random_philox_words(ea_philox *stream, int64_t n, uint32_t *out)
{
    int64_t i = 0;
    while (i < n && stream->position % 4)
        out[i++] = random_philox32(stream);
    for (; i + 4 * BLOCKS <= n; i += 4 * BLOCKS, stream->position += 4 * BLOCKS)
        side_by_side(stream, stream->position / 4, out + i);
    while (i < n)
        out[i++] = random_philox32(stream);
}

uint32_t random_philox_word(const ea_philox *stream, uint64_t index)
{
    uint32_t words[4];
    ea_philox_block(stream, index / 4, words);
    return words[index % 4];
}

uint32_t random_philox32(ea_philox *stream)
{
    return random_philox_word(stream, stream->position++);
}

uint64_t random_philox64(ea_philox *stream)
{
    uint64_t even = stream->position + stream->position % 2;
    stream->position = even + 2;
    uint64_t high = random_philox_word(stream, even);
    return high << 32 | random_philox_word(stream, even + 1);
}

ea_philox ea_philox_stream(uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
    return (ea_philox){ .seed = seed, .stream = hash };
}

void ea_generator_seed(ea_generator *generator, ea_generator_kind kind, uint64_t seed)
{
    generator->kind = kind;
    if (kind == EA_GENERATOR_MT19937)
        ea_mt19937_seed(&generator->u.mt19937, seed);
    else
        generator->u.philox = ea_philox_stream(seed, "");
}

void ea_seed(const ea_context *ctx, uint64_t seed, ea_generator *generator)
{
    bool repdl = ea_context_contract(ctx) == EA_CONTRACT_REPDL;
    ea_generator_seed(generator, repdl ? EA_GENERATOR_MT19937 : EA_GENERATOR_PHILOX, seed);
}

ea_generator *ea_generator_named(ea_generator *generator, const char *name, ea_generator *room)
{
    if (generator->kind == EA_GENERATOR_MT19937)
        return generator;
    room->kind = EA_GENERATOR_PHILOX;
    room->u.philox = ea_philox_stream(generator->u.philox.seed, name);
    return room;
}
