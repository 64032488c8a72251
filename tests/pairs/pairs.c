/* pairs.c: eadem-pairs checks pow, atan2, hypot and fmod, scalar and vector, on random pairs of floats.
 *
 * libm's double result r decides where r·(1 ± 2^−40) round to one float: libm's documented errors
 * (one unit in the last place, 2^−52) lie far below that. MPFR decides the rest, and one pair in
 * 256 whatever libm says. Nothing is taken from the functions under test. */
#include "core/view.h"
#include "cpu/isa/isa.h"
#include "math/math.h"

#include <math.h>
#include <mpfr.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, SHOWN = 20 };

typedef struct pair_function {
    const char *name;
    float (*scalar)(float, float);
    double (*libm)(double, double);
    int (*mpfr)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);
    math_pair pair;
} pair_function;

static const pair_function functions[] = {
    { "pow", math_pow, pow, mpfr_pow, MATH_POW },
    { "atan2", math_atan2, atan2, mpfr_atan2, MATH_ATAN2 },
    { "hypot", math_hypot, hypot, mpfr_hypot, MATH_HYPOT },
    { "fmod", math_fmod, fmod, mpfr_fmod, MATH_FMOD },
};

/* --- Random pairs: SplitMix64 ----------------------------------------------------------------- */

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double unit(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

/* A float with few significant bits, whose powers and quotients come near halfway. */
static float short_float(uint64_t *state)
{
    int bits = 1 + (int)(next(state) % 14);
    float m = (float)(next(state) & (((uint64_t)1 << bits) - 1));
    return ldexpf(m, (int)(next(state) % 40) - 20);
}

/* Four kinds in turn: any bits; results of pow within float's range; operands of like size; short
 * operands. */
static void draw(uint64_t *state, uint64_t kind, float *x, float *y)
{
    uint64_t bits = next(state);
    *x = core_bits_float((uint32_t)bits);
    *y = core_bits_float((uint32_t)(bits >> 32));
    if (kind % 4 == 1) {
        *x = core_bits_float((uint32_t)bits & 0x7fffffff);
        *y = (float)((unit(state) * 290 - 155) / log2((double)*x));
    } else if (kind % 4 == 2) {
        *x = (float)(unit(state) * 4 - 2);
        *y = ldexpf((float)(unit(state) * 4 - 2), (int)(next(state) % 30) - 15);
    } else if (kind % 4 == 3) {
        *x = short_float(state);
        *y = next(state) & 1 ? (float)(int)(next(state) % 41 - 20) / 4 : short_float(state);
    }
}

/* --- The check -------------------------------------------------------------------------------- */

static bool same(float a, float b)
{
    return core_float_bits(a) == core_float_bits(b) || (isnan(a) && isnan(b));
}

static float by_mpfr(const pair_function *f, float x, float y, mpfr_t mx, mpfr_t my, mpfr_t result)
{
    mpfr_set_flt(mx, x, MPFR_RNDN);
    mpfr_set_flt(my, y, MPFR_RNDN);
    int inexact = f->mpfr(result, mx, my, MPFR_RNDN);
    mpfr_subnormalize(result, inexact, MPFR_RNDN);
    return mpfr_get_flt(result, MPFR_RNDN);
}

static uint64_t check_block(const pair_function *f, const float *x, const float *y,
                            float (*got)[BLOCK], const char *const *names, int variants, mpfr_t *m,
                            uint64_t *decided)
{
    uint64_t wrong = 0;
    for (int i = 0; i < BLOCK; i++) {
        double r = f->libm((double)x[i], (double)y[i]);
        float low = (float)(r - r * 0x1p-40), high = (float)(r + r * 0x1p-40);
        float expected = high;
        if (!same(low, high) || i % 256 == 0) {
            expected = by_mpfr(f, x[i], y[i], m[0], m[1], m[2]);
            ++*decided;
        }
        for (int v = 0; v < variants; v++)
            if (!same(got[v][i], expected) && wrong++ < SHOWN)
                printf("%s (%s) of %a, %a: got %a, correctly rounded %a\n", f->name, names[v],
                       (double)x[i], (double)y[i], (double)got[v][i], (double)expected);
    }
    return wrong;
}

static uint64_t run(const pair_function *f, uint64_t count, uint64_t seed)
{
    static float x[BLOCK], y[BLOCK], got[2][BLOCK];
    const char *names[] = { "scalar", "vector" };
    ea_context *ctx;
    if (ea_context_create(NULL, &ctx) != EA_OK)
        return 1;
    const cpu_kernels *kernels = cpu_kernels_of(ctx);
    mpfr_t m[3];
    for (int k = 0; k < 3; k++)
        mpfr_init2(m[k], 24);
    mpfr_set_emin(-148);
    mpfr_set_emax(128);
    uint64_t state = seed, wrong = 0, decided = 0, done = 0;
    time_t start = time(NULL);
    for (; done < count; done += BLOCK) {
        for (int i = 0; i < BLOCK; i++)
            draw(&state, (uint64_t)i, &x[i], &y[i]);
        for (int i = 0; i < BLOCK; i++)
            got[0][i] = f->scalar(x[i], y[i]);
        kernels->pair[f->pair](x, y, got[1], BLOCK);
        wrong += check_block(f, x, y, got, names, 2, m, &decided);
        if (isatty(2) && done % (BLOCK * 256) == 0)
            fprintf(stderr, "\r%s: %.1f%%, %ld s ", f->name, 100.0 * (double)done / (double)count,
                    (long)(time(NULL) - start));
    }
    printf("%s: %llu pairs, scalar and %s, seed %llu: %llu wrong, %llu decided by MPFR\n", f->name,
           (unsigned long long)done, ea_context_isa(ctx), (unsigned long long)seed,
           (unsigned long long)wrong, (unsigned long long)decided);
    for (int k = 0; k < 3; k++)
        mpfr_clear(m[k]);
    ea_context_destroy(ctx);
    return wrong;
}

int main(int argc, char **argv)
{
    uint64_t wrong = 0;
    bool found = false;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    for (int f = 0; argc > 1 && f < MATH_PAIR_COUNT; f++)
        if (strcmp(argv[1], functions[f].name) == 0 || strcmp(argv[1], "all") == 0) {
            found = true;
            wrong += run(&functions[f], count, seed);
        }
    if (!found) {
        fprintf(stderr, "usage: eadem-pairs pow|atan2|hypot|fmod|all [PAIRS [SEED]]\n"
                        "Checks a function of two variables on random pairs against MPFR.\n");
        return 2;
    }
    return wrong != 0;
}
