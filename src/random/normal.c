/* normal.c: tensors of normal, Bernoulli and exponential numbers. */
#include "core/fp.h"
#include "math/math.h"
#include "random/fill.h"
#include "random/precise.h"

/* --- Box and Muller (1958) in float -------------------------------------------------------------
 */

/* Two normals from 0 < u ≤ 1 and 0 ≤ v < 1: every function and every product rounded once. */
static void box_muller(float u, float v, float *first, float *second)
{
    random_pair sine, cosine;
    float radius = sqrtf(-2.0f * math_log(u));
    random_sincos(6.2831855f * v, &sine, &cosine);
    *first = radius * random_pair_float(cosine);
    *second = radius * random_pair_float(sine);
}

/* The normals of words 2k and 2k+1 are the pair made from its words 2k and 2k+1. */
void random_normals(ea_philox *stream, float mean, float deviation, int64_t n, float *out)
{
    float pair[2] = { 0, 0 };
    for (int64_t i = 0; i < n; i++) {
        uint64_t index = stream->position++;
        if (i == 0 || index % 2 == 0) {
            uint64_t even = index - index % 2;
            float u = random_unit((random_philox_word(stream, even) >> 8) + 1);
            box_muller(u, random_unit(random_philox_word(stream, even + 1) >> 8), &pair[0],
                       &pair[1]);
        }
        out[i] = fmaf(pair[index % 2], deviation, mean);
    }
}

/* --- PyTorch's normals --------------------------------------------------------------------------
 */

double random_unit53(ea_mt19937 *mt)
{
    return (double)(ea_mt19937_next64(mt) & (((uint64_t)1 << 53) - 1)) * 0x1p-53;
}

double random_next_normal(ea_mt19937 *mt)
{
    if (mt->has_normal) {
        mt->has_normal = false;
        return mt->normal;
    }
    double v = random_unit53(mt), u = random_unit53(mt);
    random_pair sine, cosine;
    double radius = sqrt(-2.0 * random_log(1 - u).high);
    random_sincos(2.0 * 3.14159265358979323846 * v, &sine, &cosine);
    mt->normal = radius * sine.high;
    mt->has_normal = true;
    return radius * cosine.high;
}

/* Eight pairs: element j and j + 8 from uniforms j and j + 8. */
static void normal_16(const fill_parameters *p, float *x)
{
    for (int j = 0; j < 8; j++) {
        float first, second;
        box_muller(1 - x[j], x[j + 8], &first, &second);
        x[j] = fmaf(first, (float)p->b, (float)p->a);
        x[j + 8] = fmaf(second, (float)p->b, (float)p->a);
    }
}

/* Fewer than 16 are made one by one. Else the uniforms are drawn first; a last, incomplete 16 is
 * drawn again as the last 16 of the tensor. */
static void normal_mt19937(ea_mt19937 *mt, const fill_parameters *p, int64_t n, float *out)
{
    if (n < 16) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)fma(random_next_normal(mt), p->b, p->a);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = random_unit(ea_mt19937_next(mt) & 0xffffff);
    for (int64_t i = 0; i + 16 <= n; i += 16)
        normal_16(p, out + i);
    if (n % 16 == 0)
        return;
    for (int64_t i = n - 16; i < n; i++)
        out[i] = random_unit(ea_mt19937_next(mt) & 0xffffff);
    normal_16(p, out + n - 16);
}

static void fill_normal(ea_generator *generator, const fill_parameters *p, int64_t n, float *out)
{
    if (generator->kind == EA_GENERATOR_MT19937)
        normal_mt19937(&generator->u.mt19937, p, n, out);
    else
        random_normals(&generator->u.philox, (float)p->a, (float)p->b, n, out);
}

ea_status ea_normal(ea_context *ctx, ea_generator *generator, double mean, double deviation,
                    DLTensor *out)
{
    if (!isfinite((float)mean) || !isfinite((float)deviation) || deviation < 0)
        return core_fail(
            ctx, EA_ERR_ARGUMENT,
            "ea_normal: mean is %g, deviation is %g: give finite float32, deviation ≥ 0", mean,
            deviation);
    return random_fill(ctx, "ea_normal", out, generator, fill_normal,
                       &(fill_parameters){ .a = mean, .b = deviation });
}

/* --- Bernoulli ----------------------------------------------------------------------------------
 */

static void fill_bernoulli(ea_generator *generator, const fill_parameters *p, int64_t n, float *out)
{
    enum { WORDS = 1024 }; /* at a time */
    uint32_t words[WORDS];
    double limit = ceil(p->a * 0x1p32); /* exact: the number of words that give 1 */
    if (generator->kind == EA_GENERATOR_MT19937) {
        for (int64_t i = 0; i < n; i++)
            out[i] = random_unit53(&generator->u.mt19937) < p->a;
        return;
    }
    for (int64_t i = 0, count; i < n; i += count) {
        count = n - i < WORDS ? n - i : WORDS;
        random_philox_words(&generator->u.philox, count, words);
        for (int64_t j = 0; j < count; j++)
            out[i + j] = words[j] < limit;
    }
}

ea_status ea_bernoulli(ea_context *ctx, ea_generator *generator, double p, DLTensor *out)
{
    if (!(p >= 0 && p <= 1))
        return core_fail(ctx, EA_ERR_ARGUMENT, "ea_bernoulli: p is %g: give 0 to 1", p);
    return random_fill_by_word(ctx, "ea_bernoulli", out, generator, fill_bernoulli,
                               &(fill_parameters){ .a = p });
}

/* --- Exponential --------------------------------------------------------------------------------
 */

static void fill_exponential(ea_generator *generator, const fill_parameters *p, int64_t n,
                             float *out)
{
    for (int64_t i = 0; i < n; i++)
        if (generator->kind == EA_GENERATOR_MT19937) {
            double u = random_unit53(&generator->u.mt19937);
            out[i] = (float)(-1.0 / p->a * random_log(1 - u).high);
        } else {
            uint32_t word = random_philox32(&generator->u.philox);
            out[i] = (0 - math_log(random_unit((word >> 8) + 1))) / (float)p->a; /* never −0 */
        }
}

ea_status ea_exponential(ea_context *ctx, ea_generator *generator, double rate, DLTensor *out)
{
    if (!((float)rate > 0) || !isfinite((float)rate))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "ea_exponential: rate is %g: give a positive float32", rate);
    return random_fill(ctx, "ea_exponential", out, generator, fill_exponential,
                       &(fill_parameters){ .a = rate });
}
