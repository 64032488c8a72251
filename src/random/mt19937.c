/* mt19937.c: Matsumoto and Nishimura's Mersenne Twister (2002 seeding), as PyTorch keeps it. */
#include "random/random.h"

enum { N = 624, M = 397 };

void ea_mt19937_seed(ea_mt19937 *mt, uint64_t seed)
{
    *mt = (ea_mt19937){ .seed = seed, .left = 1 };
    mt->state[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < N; i++)
        mt->state[i] = 1812433253u * (mt->state[i - 1] ^ mt->state[i - 1] >> 30) + i;
}

static uint32_t twist(uint32_t u, uint32_t v)
{
    return ((u & 0x80000000) | (v & 0x7fffffff)) >> 1 ^ (v & 1 ? 0x9908b0df : 0);
}

static void renew(ea_mt19937 *mt)
{
    uint32_t *s = mt->state;
    for (int i = 0; i < N - M; i++)
        s[i] = s[i + M] ^ twist(s[i], s[i + 1]);
    for (int i = N - M; i < N - 1; i++)
        s[i] = s[i + M - N] ^ twist(s[i], s[i + 1]);
    s[N - 1] = s[M - 1] ^ twist(s[N - 1], s[0]);
    mt->left = N;
    mt->next = 0;
}

uint32_t ea_mt19937_next(ea_mt19937 *mt)
{
    if (--mt->left == 0)
        renew(mt);
    uint32_t y = mt->state[mt->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
}

uint64_t ea_mt19937_next64(ea_mt19937 *mt)
{
    uint64_t high = ea_mt19937_next(mt);
    return high << 32 | ea_mt19937_next(mt);
}

/* --- PyTorch's saved state: little-endian, at these offsets --------------------------------------
 */

enum {
    AT_SEED = 0,           /* uint64 */
    AT_LEFT = 8,           /* int32 */
    AT_SEEDED = 12,        /* int32 */
    AT_NEXT = 16,          /* uint64 */
    AT_STATE = 24,         /* 624 uint64 */
    AT_NORMAL = 5024,      /* double: the waiting normal, after an unused double */
    AT_NORMAL_VALID = 5040 /* int32, then a float normal that PyTorch leaves invalid */
};

static void put(unsigned char *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *in, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

void ea_mt19937_save(const ea_mt19937 *mt, unsigned char out[EA_MT19937_STATE_BYTES])
{
    uint64_t normal;
    memcpy(&normal, &mt->normal, 8);
    memset(out, 0, EA_MT19937_STATE_BYTES);
    put(out + AT_SEED, mt->seed, 8);
    put(out + AT_LEFT, (uint32_t)mt->left, 4);
    put(out + AT_SEEDED, 1, 4);
    put(out + AT_NEXT, mt->next, 8);
    for (int i = 0; i < N; i++)
        put(out + AT_STATE + 8 * i, mt->state[i], 8);
    put(out + AT_NORMAL, mt->has_normal ? normal : 0, 8);
    put(out + AT_NORMAL_VALID, mt->has_normal, 4);
}

ea_status ea_mt19937_load(ea_context *ctx, const unsigned char in[EA_MT19937_STATE_BYTES],
                          ea_mt19937 *mt)
{
    uint64_t left = get(in + AT_LEFT, 4), next = get(in + AT_NEXT, 8);
    uint64_t valid = get(in + AT_NORMAL_VALID, 4);
    bool fits = left >= 1 && left <= N && next <= N && (left == 1 || next == N + 1 - left);
    if (get(in + AT_SEEDED, 4) != 1 || valid > 1 || !fits)
        return core_fail(ctx, EA_ERR_FORMAT,
                         "not a state of MT19937: left is %llu and next is %llu",
                         (unsigned long long)left, (unsigned long long)next);
    mt->seed = get(in + AT_SEED, 8);
    mt->left = (int32_t)left;
    mt->next = (uint32_t)next;
    for (int i = 0; i < N; i++)
        mt->state[i] = (uint32_t)get(in + AT_STATE + 8 * i, 8);
    uint64_t normal = get(in + AT_NORMAL, 8);
    memcpy(&mt->normal, &normal, 8);
    mt->has_normal = valid;
    return EA_OK;
}
