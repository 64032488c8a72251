/* exhaustive.c: eadem-exhaustive checks a function of src/math, scalar and vector, on all 2^32
 * floats against MPFR (see oracle.h). */
#include "core/view.h"
#include "cpu/isa/isa.h"
#include "math/math.h"
#include "oracle.h"

#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, CHUNKS = 1 << 14, BLOCK = 1024, VARIANTS = 6, SHOWN = 20 };

static const char usage[] =
    "usage: eadem-exhaustive [options] NAME…\n"
    "Checks the functions NAME ('all': every one) on all 2^32 floats against MPFR.\n"
    "  --isa LIST     scalar, generic, avx2 …, joined by commas (default: all that this machine "
    "has);\n"
    "                 mpfr: compares MPFR alone with what the filter and MPFR find together\n"
    "  --threads N    (default: the machine's)\n"
    "  --sample N     only one block of 1024 floats in N\n"
    "  --block BITS   only the block of the input with these hexadecimal bits\n"
    "  --wrong BITS   pretend that every result at the input with these hexadecimal bits is one "
    "unit\n"
    "                 in the last place off: shows that the check can fail\n"
    "  --hard FILE    append the inputs whose values lie nearest to a rounding boundary\n"
    "  --list         print the names of all functions\n"
    "  --help         print this\n";

typedef struct variant {
    const char *name;
    const cpu_kernels *kernels; /* NULL: the scalar function */
    bool mpfr;                  /* or MPFR */
} variant;

typedef struct job {
    const oracle_function *oracle;
    math_function function;
    variant variants[VARIANTS];
    int variant_count;
    int threads;
    uint32_t sample;
    bool audit; /* one variant is mpfr */
    bool has_block;
    uint32_t block; /* counted from that of +0 */
    bool has_wrong;
    uint32_t wrong;
    FILE *hard;
    atomic_uint next_chunk;
    atomic_uint_least64_t checked, decided, failures;
    double greatest_error; /* of a filter, in units of its bound */
    pthread_mutex_t print;
} job;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool same(float a, float b)
{
    return core_float_bits(a) == core_float_bits(b) || (isnan(a) && isnan(b));
}

static void compute(const job *j, const variant *v, oracle *o, const float *x, float *y, uint32_t n)
{
    if (v->mpfr) {
        for (uint32_t i = 0; i < n; i++)
            y[i] = oracle_one(o, core_float_bits(x[i]));
    } else if (v->kernels) {
        v->kernels->math[j->function](x, y, n);
    } else {
        float (*scalar)(float) = math_scalar(j->function);
        for (uint32_t i = 0; i < n; i++)
            y[i] = scalar(x[i]);
    }
    uint32_t at = j->wrong - core_float_bits(x[0]);
    if (j->has_wrong && at < n)
        y[at] = core_bits_float(core_float_bits(y[at]) ^ 1);
}

static void compare(job *j, const variant *v, const float *x, const float *y, const float *expected,
                    uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!same(y[i], expected[i]) && atomic_fetch_add(&j->failures, 1) < SHOWN) {
            pthread_mutex_lock(&j->print);
            printf("\r%s (%s) at %08x = %a: got %a, correctly rounded %a\n", j->oracle->name,
                   v->name, core_float_bits(x[i]), (double)x[i], (double)y[i], (double)expected[i]);
            pthread_mutex_unlock(&j->print);
        }
}

static void check(job *j, oracle *o, uint32_t first, uint32_t n, float *x, float *y,
                  float *expected)
{
    for (uint32_t i = 0; i < n; i++)
        x[i] = core_bits_float(first + i);
    oracle_round(o, first, n, expected);
    for (int v = 0; v < j->variant_count; v++) {
        compute(j, &j->variants[v], o, x, y, n);
        compare(j, &j->variants[v], x, y, expected, n);
    }
    atomic_fetch_add(&j->checked, n);
}

static bool chosen(const job *j, uint32_t block)
{
    return j->has_block ? block == j->block : block % j->sample == 0;
}

/* Adds what the thread's oracle has counted. */
static void collect(job *j, const oracle *o)
{
    pthread_mutex_lock(&j->print);
    j->greatest_error = fmax(j->greatest_error, oracle_greatest_error(o));
    pthread_mutex_unlock(&j->print);
    atomic_fetch_add(&j->decided, oracle_decided(o));
}

static void *work(void *argument)
{
    job *j = argument;
    oracle *o = oracle_create(j->oracle);
    oracle_list_hard(o, j->hard);
    if (j->audit)
        oracle_audit(o);
    float *x = malloc(3 * CHUNK * sizeof *x);
    uint32_t chunk;
    while ((chunk = atomic_fetch_add(&j->next_chunk, 1)) < CHUNKS) {
        uint32_t first = chunk * CHUNK;
        bool whole = j->sample == 1 && !j->has_block;
        if (whole)
            check(j, o, first, CHUNK, x, x + CHUNK, x + 2 * CHUNK);
        for (uint32_t at = 0; !whole && at < CHUNK; at += BLOCK)
            if (chosen(j, (first + at) / BLOCK))
                check(j, o, first + at, BLOCK, x, x + CHUNK, x + 2 * CHUNK);
    }
    collect(j, o);
    free(x);
    oracle_destroy(o);
    return NULL;
}

static void progress(job *j, double start)
{
    double total = j->has_block ? BLOCK : 0x1p32 / j->sample,
           done = (double)atomic_load(&j->checked);
    double seconds = now() - start, rate = done / seconds;
    fprintf(stderr, "\r%s: %5.1f%%  %.0f million inputs/s  %.0f s left ", j->oracle->name,
            100 * done / total, rate / 1e6, rate > 0 ? (total - done) / rate : 0);
}

/* Returns the number of wrong results, counting a filter whose bound is too small as one. */
static uint64_t run(job *j)
{
    pthread_t threads[256];
    double start = now();
    atomic_store(&j->next_chunk, 0);
    atomic_store(&j->checked, 0);
    atomic_store(&j->decided, 0);
    atomic_store(&j->failures, 0);
    j->greatest_error = 0;
    for (int t = 0; t < j->threads; t++)
        pthread_create(&threads[t], NULL, work, j);
    while (isatty(2) && atomic_load(&j->next_chunk) < CHUNKS) {
        progress(j, start);
        usleep(200000);
    }
    for (int t = 0; t < j->threads; t++)
        pthread_join(threads[t], NULL);
    uint64_t failures = atomic_load(&j->failures);
    printf("%s%s: %llu inputs,", isatty(2) ? "\r" : "", j->oracle->name,
           (unsigned long long)atomic_load(&j->checked));
    for (int v = 0; v < j->variant_count; v++)
        printf(" %s", j->variants[v].name);
    printf(": %llu wrong; %llu inputs decided by MPFR alone; %.0f s\n",
           (unsigned long long)failures, (unsigned long long)atomic_load(&j->decided),
           now() - start);
    if (j->audit)
        printf("  greatest error of a filter: %.3f of its bound\n", j->greatest_error);
    fflush(stdout);
    return failures + !(j->greatest_error < 1);
}

static bool named(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

static void find_variants(job *j, const char *list)
{
    if (!list || named(list, "scalar"))
        j->variants[j->variant_count++] = (variant){ .name = "scalar" };
    j->audit = list && named(list, "mpfr");
    if (j->audit)
        j->variants[j->variant_count++] = (variant){ .name = "mpfr", .mpfr = true };
    for (int i = 0; ea_isa_available(i); i++) {
        const char *name = ea_isa_available(i);
        ea_context *ctx = NULL;
        if (strcmp(name, "ref") == 0 || (list && !named(list, name)) ||
            ea_context_create(&(ea_context_options){ .threads = 1, .isa = name }, &ctx) != EA_OK)
            continue;
        j->variants[j->variant_count++] = (variant){ name, cpu_kernels_of(ctx), false };
        ea_context_destroy(ctx);
    }
}

static const oracle_function *find_oracle(const char *name)
{
    for (int i = 0; i < oracle_function_count; i++)
        if (strcmp(oracle_functions[i].name, name) == 0)
            return &oracle_functions[i];
    return NULL;
}

static int check_all(job *j, char **names, int count)
{
    int status = 0, found = 0;
    for (int f = 0; f < MATH_FUNCTION_COUNT; f++)
        for (int i = 0; i < count; i++)
            if (strcmp(names[i], "all") == 0 ||
                strcmp(names[i], math_name((math_function)f)) == 0) {
                found++;
                j->function = (math_function)f;
                j->oracle = find_oracle(math_name((math_function)f));
                if (!j->oracle) {
                    fprintf(stderr, "eadem-exhaustive: '%s' has no oracle\n", names[i]);
                    return 1;
                }
                status |= run(j) != 0;
            }
    if (found < count) {
        fprintf(stderr, "eadem-exhaustive: unknown name; --list prints the names\n");
        return 2;
    }
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "isa", 1, NULL, 'i' },   { "threads", 1, NULL, 't' }, { "sample", 1, NULL, 's' },
        { "block", 1, NULL, 'b' }, { "wrong", 1, NULL, 'w' },   { "hard", 1, NULL, 'h' },
        { "list", 0, NULL, 'l' },  { "help", 0, NULL, 'H' },    { 0 }
    };
    static job j = { .sample = 1, .print = PTHREAD_MUTEX_INITIALIZER };
    const char *isa = NULL;
    j.threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (option) {
        case 'i':
            isa = optarg;
            break;
        case 't':
            j.threads = atoi(optarg);
            break;
        case 's':
            j.sample = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'b':
            j.has_block = true;
            j.block = (uint32_t)strtoul(optarg, NULL, 16) / BLOCK;
            break;
        case 'w':
            j.has_wrong = true;
            j.wrong = (uint32_t)strtoul(optarg, NULL, 16);
            break;
        case 'h':
            j.hard = fopen(optarg, "a");
            break;
        case 'l':
            for (int f = 0; f < MATH_FUNCTION_COUNT; f++)
                puts(math_name((math_function)f));
            return 0;
        case 'H':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    find_variants(&j, isa);
    if (optind == argc || j.threads < 1 || j.threads > 256 || j.sample < 1 || !j.variant_count) {
        fputs(usage, stderr);
        return 2;
    }
    return check_all(&j, argv + optind, argc - optind);
}
