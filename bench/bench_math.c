/* Elementary functions: nanoseconds an element of each instruction set's kernel beside glibc's
 * scalar and vector functions and SLEEF's (1.0 and 3.5 units in the last place; ours are correctly
 * rounded). Inputs: 4096 floats (they stay in the first cache) and 2^20, evenly spaced over [−10,
 * 10], for logarithms and roots over (0, 20]. Best of many interleaved runs, one thread. */
#include "bench_peak.h"
#include "cpu/isa/isa.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { PEERS = 8, SMALL = 4096, LARGE = 1 << 20 };

typedef struct peer {
    const char *name;
    void (*kernel)(const float *x, float *y, int64_t n);
    float (*scalar)(float);
    void *vector8; /* __m256 (*)(__m256) */
    bool sigmoid;  /* take 1/(1 + f(−x)) of the vector function */
    double best;
} peer;

static void run_scalar(float (*f)(float), const float *x, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = f(x[i]);
}

static float sigmoid_libm(float x)
{
    return 1 / (1 + expf(-x));
}

#if defined(__x86_64__)
typedef __m256 (*vector8)(__m256);

__attribute__((target("avx2"))) static void run_vector(const peer *p, const float *x, float *y,
                                                       int64_t n)
{
    vector8 f;
    memcpy(&f, &p->vector8, sizeof f);
    __m256 one = _mm256_set1_ps(1), zero = _mm256_setzero_ps();
    if (p->sigmoid)
        for (int64_t i = 0; i < n; i += 8) {
            __m256 e = f(_mm256_sub_ps(zero, _mm256_loadu_ps(x + i)));
            _mm256_storeu_ps(y + i, _mm256_div_ps(one, _mm256_add_ps(one, e)));
        }
    else
        for (int64_t i = 0; i < n; i += 8)
            _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
}
#else
static void run_vector(const peer *p, const float *x, float *y, int64_t n)
{
    (void)p, (void)x, (void)y, (void)n;
}
#endif

static void run(const peer *p, const float *x, float *y, int64_t n)
{
    if (p->kernel)
        p->kernel(x, y, n);
    else if (p->scalar)
        run_scalar(p->scalar, x, y, n);
    else
        run_vector(p, x, y, n);
}

/* Appends the vector function `name` of a library; none when either is missing or there is no AVX2.
 */
static int add_vector(peer *peers, int count, const char *label, const char *library,
                      const char *name, bool sigmoid)
{
#if defined(__x86_64__)
    void *handle = dlopen(library, RTLD_NOW), *symbol = handle ? dlsym(handle, name) : NULL;
    if (symbol && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        peers[count++] = (peer){ .name = label, .vector8 = symbol, .sigmoid = sigmoid };
#else
    (void)peers, (void)label, (void)library, (void)name, (void)sigmoid;
#endif
    return count;
}

static int find_peers(peer *peers, math_function f, const char *c_name, float (*libm)(float))
{
    int count = 0;
    char name[64];
    bool sigmoid = f == MATH_SIGMOID;
    peers[count++] = (peer){ .name = "libm scalar", .scalar = libm };
    snprintf(name, sizeof name, "_ZGVdN8v_%sf", c_name);
    count = add_vector(peers, count, "libmvec", "libmvec.so.1", name, sigmoid);
#ifdef HAVE_SLEEF
    snprintf(name, sizeof name, "Sleef_%sf8_u10avx2", c_name);
    count = add_vector(peers, count, "SLEEF u10", HAVE_SLEEF, name, sigmoid);
    snprintf(name, sizeof name, "Sleef_%sf8_u35avx2", c_name);
    count = add_vector(peers, count, "SLEEF u35", HAVE_SLEEF, name, sigmoid);
#endif
    for (int i = 0; ea_isa_available(i); i++) {
        ea_context *ctx;
        if (strcmp(ea_isa_available(i), "ref") == 0 ||
            ea_context_create(&(ea_context_options){ .threads = 1, .isa = ea_isa_available(i) },
                              &ctx) != EA_OK)
            continue;
        peers[count++] =
            (peer){ .name = ea_isa_available(i), .kernel = cpu_kernels_of(ctx)->math[f] };
        ea_context_destroy(ctx);
    }
    return count;
}

static void measure(const char *name, peer *peers, int count, const float *x, float *y, int64_t n)
{
    for (int p = 0; p < count; p++)
        peers[p].best = HUGE_VAL;
    for (int round = 0; round < (n == SMALL ? 400 : 8); round++)
        for (int p = 0; p < count; p++) {
            double begin = bench_now();
            run(&peers[p], x, y, n);
            peers[p].best = fmin(peers[p].best, (bench_now() - begin) / (double)n);
        }
    double ours = peers[count - 1].best;
    for (int p = 0; p < count; p++)
        printf("%-8s %8lld  %-12s %7.3f ns  %5.2fx\n", name, (long long)n, peers[p].name,
               peers[p].best * 1e9, peers[p].best / ours);
}

int main(void)
{
    static const struct {
        math_function function;
        const char *c_name; /* of the peers' function */
        float (*libm)(float);
        float low, high;
    } rows[] = {
        { MATH_EXP, "exp", expf, -10, 10 },     { MATH_LOG, "log", logf, 0, 20 },
        { MATH_TANH, "tanh", tanhf, -10, 10 },  { MATH_SIGMOID, "exp", sigmoid_libm, -10, 10 },
        { MATH_SQRT, "sqrt", sqrtf, 0, 20 },    { MATH_EXPM1, "expm1", expm1f, -10, 10 },
        { MATH_LOG1P, "log1p", log1pf, 0, 20 }, { MATH_ERF, "erf", erff, -10, 10 },
        { MATH_ERFC, "erfc", erfcf, -10, 10 },
    };
    float *x = malloc(sizeof *x * LARGE), *y = malloc(sizeof *y * LARGE);
    puts("function elements  who          time/element  ours (last line) is … times as fast");
    for (size_t r = 0; x && y && r < sizeof rows / sizeof *rows; r++) {
        peer peers[PEERS];
        int count = find_peers(peers, rows[r].function, rows[r].c_name, rows[r].libm);
        for (int64_t n = SMALL; n <= LARGE; n *= LARGE / SMALL) {
            for (int64_t i = 0; i < n; i++)
                x[i] = rows[r].low + (rows[r].high - rows[r].low) * (float)(i + 1) / (float)n;
            measure(math_name(rows[r].function), peers, count, x, y, n);
        }
    }
    free(x);
    free(y);
    return 0;
}
