/* Single-precision matmul against OpenBLAS at the same thread count, in the same process.
 *
 *   bench_matmul [THREADS] [ROUNDS] [MxKxN …]     (defaults: 1 thread, 15 rounds, every shape)
 *
 * Rounds of ours and of the peer alternate; each side's best time counts, and the median of the
 * rounds' ratios is printed beside the ratio of the best. With several threads each round begins
 * with a rest, until the other side's waiting threads sleep and leave the cores free. A round is
 * the best of three runs. The peak is the rate of independent fused multiply-adds in registers,
 * measured between the shapes on as many threads.
 */
#include "bench_peak.h"
#include "eadem/op.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    const char *name;
    int64_t batch, m, k, n;
    int transposed; /* b is [n, k], as the weight of a linear layer */
} shape;

static const shape shapes[] = {
    { "square", 1, 64, 64, 64, 0 },          { "square", 1, 96, 96, 96, 0 },
    { "square", 1, 128, 128, 128, 0 },       { "square", 1, 192, 192, 192, 0 },
    { "square", 1, 256, 256, 256, 0 },       { "square", 1, 384, 384, 384, 0 },
    { "square", 1, 512, 512, 512, 0 },       { "square", 1, 768, 768, 768, 0 },
    { "square", 1, 1024, 1024, 1024, 0 },    { "square", 1, 1536, 1536, 1536, 0 },
    { "square", 1, 2048, 2048, 2048, 0 },    { "transformer", 1, 128, 768, 768, 1 },
    { "transformer", 1, 128, 768, 3072, 1 }, { "transformer", 1, 128, 3072, 768, 1 },
    { "transformer", 1, 1024, 768, 768, 1 }, { "decode", 1, 1, 768, 768, 1 },
    { "decode", 1, 1, 768, 3072, 1 },        { "decode", 1, 4, 768, 3072, 1 },
    { "attention", 12, 128, 64, 128, 1 },    { "attention", 12, 128, 128, 64, 0 },
    { "attention", 8, 512, 64, 512, 1 },     { "lenet", 1, 100, 400, 120, 1 },
    { "lenet", 1, 100, 84, 10, 1 },          { "im2col", 1, 16, 150, 10000, 0 },
    { "im2col", 1, 64, 147, 12544, 0 },      { "im2col", 1, 64, 576, 3136, 0 },
    { "im2col", 1, 256, 2304, 196, 0 },      { "im2col", 1, 512, 4608, 49, 0 },
};

/* cblas_sgemm's C interface. */
typedef void sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                   const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* OpenBLAS's threads look for work for 2^TIMEOUT clock ticks before they sleep; its own choice, 28,
 * would only make the rests longer. */
#define TIMEOUT "24"

static void rest(int threads)
{
    if (threads > 1)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static sgemm *load_peer(int threads)
{
#ifdef HAVE_OPENBLAS
    setenv("OPENBLAS_THREAD_TIMEOUT", TIMEOUT, 1);
    void *library = dlopen(HAVE_OPENBLAS, RTLD_NOW);
    if (library) {
        void (*set_threads)(int);
        sgemm *function;
        *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
        *(void **)&function = dlsym(library, "cblas_sgemm");
        set_threads(threads);
        return function;
    }
#endif
    (void)threads;
    puts("OpenBLAS is not installed: its columns are empty");
    return NULL;
}

static float *random_floats(int64_t n)
{
    float *x = malloc(sizeof *x * (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return x;
}

static DLTensor tensor(float *data, int ndim, int64_t *shape_of, int64_t *strides)
{
    return (DLTensor){ .data = data,
                       .device = { kDLCPU, 0 },
                       .ndim = ndim,
                       .dtype = EA_FLOAT32,
                       .shape = shape_of,
                       .strides = strides };
}

typedef struct operands {
    DLTensor a, b, out;
    float *expected;
    int64_t a_shape[3], b_shape[3], b_strides[3], out_shape[3];
} operands;

static void run_ours(ea_context *ctx, operands *o)
{
    if (ea_matmul(ctx, &o->a, &o->b, &o->out) != EA_OK) {
        fprintf(stderr, "%s\n", ea_error_text(ctx));
        exit(1);
    }
}

static void run_peer(sgemm *peer, const shape *s, operands *o)
{
    for (int64_t i = 0; i < s->batch; i++)
        peer(ROW_MAJOR, NO_TRANS, s->transposed ? TRANS : NO_TRANS, (int)s->m, (int)s->n, (int)s->k,
             1, (float *)o->a.data + i * s->m * s->k, (int)s->k,
             (float *)o->b.data + i * s->k * s->n, (int)(s->transposed ? s->k : s->n), 0,
             o->expected + i * s->m * s->n, (int)s->n);
}

typedef struct side {
    ea_context *ctx;
    sgemm *peer; /* NULL: ours */
    const shape *shape;
    operands *o;
} side;

/* Seconds of the fastest of a few runs of `repeat` calls. */
static double time_side(const side *s, int threads, int repeat)
{
    double best = 1e9;
    rest(threads);
    for (int run = 0; run < 3; run++) {
        double begin = bench_now();
        for (int i = 0; i < repeat; i++)
            if (s->peer)
                run_peer(s->peer, s->shape, s->o);
            else
                run_ours(s->ctx, s->o);
        double time = bench_now() - begin;
        best = time < best ? time : best;
    }
    return best;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(ea_context *ctx, sgemm *peer, const shape *s, int threads, int rounds,
                  double peak)
{
    operands o = { .a_shape = { s->batch, s->m, s->k },
                   .b_shape = { s->batch, s->k, s->n },
                   .out_shape = { s->batch, s->m, s->n },
                   .b_strides = { s->k * s->n, s->transposed ? 1 : s->n,
                                  s->transposed ? s->k : 1 } };
    o.a = tensor(random_floats(s->batch * s->m * s->k), 3, o.a_shape, NULL);
    o.b = tensor(random_floats(s->batch * s->k * s->n), 3, o.b_shape, o.b_strides);
    o.out = tensor(random_floats(s->batch * s->m * s->n), 3, o.out_shape, NULL);
    o.expected = random_floats(s->batch * s->m * s->n);

    double work = 2.0 * (double)(s->batch * s->m * s->k * s->n);
    int repeat = (int)(1e8 / work) + 1;
    double ours = 1e9, theirs = 1e9, ratios[1000];
    for (int round = -1; round < rounds; round++) { /* the first one warms up */
        double our_time = time_side(&(side){ ctx, NULL, s, &o }, threads, repeat);
        double their_time =
            peer ? time_side(&(side){ ctx, peer, s, &o }, threads, repeat) : our_time;
        if (round < 0)
            continue;
        ours = our_time < ours ? our_time : ours;
        theirs = their_time < theirs ? their_time : theirs;
        ratios[round] = their_time / our_time;
    }
    qsort(ratios, (size_t)rounds, sizeof *ratios, by_value);
    double our_rate = work * repeat / ours / 1e9, their_rate = work * repeat / theirs / 1e9;
    printf("%-12s %3lld x %5lld x %5lld x %5lld%s  %8.1f %5.0f%%", s->name, (long long)s->batch,
           (long long)s->m, (long long)s->k, (long long)s->n, s->transposed ? " t" : "  ", our_rate,
           100 * our_rate / peak);
    if (peer)
        printf("  %8.1f   %5.2f   %5.2f", their_rate, our_rate / their_rate, ratios[rounds / 2]);
    putchar('\n');
    fflush(stdout);
    free(o.a.data), free(o.b.data), free(o.out.data), free(o.expected);
}

/* Whether the words name the shape, or there are none. */
static bool is_wanted(const shape *s, char **words, int count)
{
    char name[80];
    snprintf(name, sizeof name, "%lldx%lldx%lld", (long long)s->m, (long long)s->k,
             (long long)s->n);
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return count <= 0;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, rounds = argc > 2 ? atoi(argv[2]) : 15;
    rounds = rounds < 1 ? 1 : rounds > 1000 ? 1000 : rounds;
    ea_context *ctx;
    if (ea_context_create(&(ea_context_options){ .threads = threads }, &ctx) != EA_OK) {
        fprintf(stderr, "%s\n", ea_error_text(NULL));
        return 1;
    }
    sgemm *peer = load_peer(threads);
    double peak = bench_peak() * threads;
    printf("%s, %d threads, peak %.1f GFLOP/s (fused multiply-adds in registers)\n",
           ea_context_isa(ctx), threads, peak);
    puts("               batch x m x k x n (t: b transposed)  GFLOP/s  peak  OpenBLAS   ratio  "
         "median");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (is_wanted(&shapes[i], argv + 3, argc - 3))
            bench(ctx, peer, &shapes[i], threads, rounds, peak);
    ea_context_destroy(ctx);
    return 0;
}
