/* sum.c: the sum rule (docs/contract.md, Sum). */
#include "ref/ref.h"

static void clear_lanes(ref_sum *sum, int level)
{
    for (int j = 0; j < REF_LANES; j++)
        sum->level[level].lane[j] = sum->product ? 1 : 0;
    sum->level[level].count = 0;
}

/* Lanes above level 0 are cleared when the first chunk sum comes. */
static void begin(ref_sum *sum, ea_contract contract, bool product)
{
    sum->contract = contract;
    sum->product = product;
    for (int level = 1; level < REF_LEVELS; level++)
        sum->level[level].count = 0;
    clear_lanes(sum, 0);
}

void ref_sum_begin(ref_sum *sum, ea_contract contract)
{
    begin(sum, contract, false);
}

void ref_product_begin(ref_sum *sum)
{
    begin(sum, EA_CONTRACT_CHAIN, true);
}

static float combine(const ref_sum *sum, float a, float b)
{
    return sum->product ? a * b : a + b;
}

/* Folds a level's lanes, 8, 4, 2, 1, and empties it. */
static float fold(ref_sum *sum, int level)
{
    float *lane = sum->level[level].lane;
    for (int half = REF_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] = combine(sum, lane[j], lane[j + half]);
    float result = lane[0];
    clear_lanes(sum, level);
    return result;
}

/* A full chunk is closed when the next value comes, so that a sum of exactly one chunk has one
 * level. */
static void add_to_level(ref_sum *sum, int level, float x)
{
    if (sum->level[level].count == REF_CHUNK)
        add_to_level(sum, level + 1, fold(sum, level));
    if (level > 0 && sum->level[level].count == 0)
        clear_lanes(sum, level);
    float *lane = &sum->level[level].lane[sum->level[level].count++ % REF_LANES];
    *lane = combine(sum, *lane, x);
}

void ref_sum_add(ref_sum *sum, float x)
{
    if (sum->contract == EA_CONTRACT_REPDL)
        sum->level[0].lane[0] += x;
    else
        add_to_level(sum, 0, x);
}

float ref_sum_end(ref_sum *sum)
{
    if (sum->contract == EA_CONTRACT_REPDL)
        return sum->level[0].lane[0];
    int level = 0;
    while (level + 1 < REF_LEVELS && sum->level[level + 1].count > 0) {
        add_to_level(sum, level + 1, fold(sum, level));
        level++;
    }
    return fold(sum, level);
}

float ref_mean(ea_contract contract, float sum, int64_t n)
{
    if (contract == EA_CONTRACT_REPDL)
        return (float)(1.0 / (double)n) * sum;
    return sum / (float)n;
}
