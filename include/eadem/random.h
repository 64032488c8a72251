/* random.h: random numbers, the same on every machine and at every thread count.
 *
 * Two generators. Philox4x32-10 (Salmon et al., SC'11) is the contract `chain`'s: number i of a
 * stream is a function of (seed, stream, i) alone. MT19937 is PyTorch's CPU generator, with its
 * streams: everything bit for bit but tensors of 16 normals and more, which are near (PyTorch's
 * vector logarithm and sine are not correctly rounded). docs/contract.md, "Random numbers", defines
 * both.
 *
 * A generator is a plain struct: copying it saves its state. It belongs to one thread at a time.
 */
#ifndef EADEM_RANDOM_H
#define EADEM_RANDOM_H

#include "eadem/core.h"
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- The raw generators ------------------------------------------------------------------------
 */

typedef struct ea_mt19937 {
    uint64_t seed;
    uint32_t state[624];
    int32_t left;    /* numbers left before the state is renewed, plus one */
    uint32_t next;   /* place in `state` of the next number */
    bool has_normal; /* a second normal of a Box-Muller pair waits in `normal` */
    double normal;
} ea_mt19937;

/* As torch.manual_seed: the low 32 bits start the state, all 64 are remembered. */
EA_API void ea_mt19937_seed(ea_mt19937 *mt, uint64_t seed);
EA_API uint32_t ea_mt19937_next(ea_mt19937 *mt);
/* Two numbers, the first in the high half. */
EA_API uint64_t ea_mt19937_next64(ea_mt19937 *mt);

/* The bytes of torch.get_rng_state(). Loading checks them: EA_ERR_FORMAT. */
#define EA_MT19937_STATE_BYTES 5056
EA_API void ea_mt19937_save(const ea_mt19937 *mt, unsigned char out[EA_MT19937_STATE_BYTES]);
EA_API ea_status ea_mt19937_load(ea_context *ctx, const unsigned char in[EA_MT19937_STATE_BYTES],
                                 ea_mt19937 *mt);

/* One stream of Philox: key = seed, counter = (block number, stream). */
typedef struct ea_philox {
    uint64_t seed;
    uint64_t stream;
    uint64_t position; /* number of the next 32-bit word */
} ea_philox;

/* The stream's number is the FNV-1a hash (64 bits) of its name, so no consumer shifts another. */
EA_API ea_philox ea_philox_stream(uint64_t seed, const char *name);
/* Block `block` of the stream: four 32-bit words. */
EA_API void ea_philox_block(const ea_philox *stream, uint64_t block, uint32_t out[4]);

/* --- One interface to both ---------------------------------------------------------------------
 */

typedef enum ea_generator_kind {
    EA_GENERATOR_PHILOX = 0,
    EA_GENERATOR_MT19937 = 1
} ea_generator_kind;

typedef struct ea_generator {
    ea_generator_kind kind;
    union {
        ea_philox philox;
        ea_mt19937 mt19937;
    } u;
} ea_generator;

/* Starts a generator. Philox starts on the stream named "". */
EA_API void ea_generator_seed(ea_generator *generator, ea_generator_kind kind, uint64_t seed);

/* Starts the generator of the context's contract (chain: Philox, repdl: MT19937) from one number,
 * from which all randomness comes: initialisers, dropout, shuffling and augmentation take theirs by
 * name. */
EA_API void ea_seed(const ea_context *ctx, uint64_t seed, ea_generator *generator);

/* The generator for the consumer called `name`. Philox: `room` is set to the start of the stream of
 * that name, and returned. MT19937 has one sequence for everybody, as PyTorch: `generator` itself.
 */
EA_API ea_generator *ea_generator_named(ea_generator *generator, const char *name,
                                        ea_generator *room);

/* --- Filling tensors ----------------------------------------------------------------------------
 * In logical order: strides do not matter. Float tensors are float32, or float16 and bfloat16,
 * which get the float32 numbers rounded once. The generator moves on by what was drawn. Errors:
 * EA_ERR_ARGUMENT (a parameter that is not finite, or out of range), EA_ERR_DTYPE, EA_ERR_DEVICE,
 * EA_ERR_SHAPE, EA_ERR_MEMORY (only for tensors that are not contiguous float32). */

/* Uniform in [low, high), from 24 bits. */
EA_API ea_status ea_uniform(ea_context *ctx, ea_generator *generator, double low, double high,
                            DLTensor *out);
/* Normal, of this mean and standard deviation (0 or more). */
EA_API ea_status ea_normal(ea_context *ctx, ea_generator *generator, double mean, double deviation,
                           DLTensor *out);
/* 1 with probability p, else 0. */
EA_API ea_status ea_bernoulli(ea_context *ctx, ea_generator *generator, double p, DLTensor *out);
/* Exponential: density rate·exp(−rate·x). */
EA_API ea_status ea_exponential(ea_context *ctx, ea_generator *generator, double rate,
                                DLTensor *out);
/* Normal, but inside [low, high]: numbers outside are drawn again. */
EA_API ea_status ea_truncated_normal(ea_context *ctx, ea_generator *generator, double mean,
                                     double deviation, double low, double high, DLTensor *out);
/* Categories 0 … k−1 with probabilities in proportion to weights [k] (float, finite, 0 or more);
 * out [n] is int64. Without replacement no category comes twice. */
EA_API ea_status ea_multinomial(ea_context *ctx, ea_generator *generator, const DLTensor *weights,
                                bool replacement, DLTensor *out);
/* Integers low … high−1, as Tensor.random_(low, high); out is int64 or int32. */
EA_API ea_status ea_random_integers(ea_context *ctx, ea_generator *generator, int64_t low,
                                    int64_t high, DLTensor *out);
/* 0 … n−1 in random order, as torch.randperm(n) with n = the length of out: int64, one dimension.
 */
EA_API ea_status ea_permutation(ea_context *ctx, ea_generator *generator, DLTensor *out);

/* --- Initialisers, as torch.nn.init -------------------------------------------------------------
 * fan_in is numel / shape[0], fan_out is numel / shape[1]; tensors need two dimensions or more. */

typedef enum ea_fan { EA_FAN_IN = 0, EA_FAN_OUT = 1 } ea_fan;

/* Gains of torch.nn.init.calculate_gain. "linear", "relu", "leaky_relu" (with its slope), "tanh",
 * "sigmoid", "selu". Errors: EA_ERR_ARGUMENT lists the names. */
EA_API ea_status ea_init_gain(ea_context *ctx, const char *nonlinearity, double slope,
                              double *gain);

/* Uniform in ±gain·√(3/fan). PyTorch's layers start their weights with gain √(1/3), that is
 * kaiming_uniform_(a=√5). */
EA_API ea_status ea_init_kaiming_uniform(ea_context *ctx, ea_generator *generator, double gain,
                                         ea_fan fan, DLTensor *out);
/* Uniform in ±gain·√(6/(fan_in + fan_out)). */
EA_API ea_status ea_init_xavier_uniform(ea_context *ctx, ea_generator *generator, double gain,
                                        DLTensor *out);
/* Normal with deviation gain/√fan. */
EA_API ea_status ea_init_kaiming_normal(ea_context *ctx, ea_generator *generator, double gain,
                                        ea_fan fan, DLTensor *out);
/* Normal with deviation gain·√(2/(fan_in + fan_out)). */
EA_API ea_status ea_init_xavier_normal(ea_context *ctx, ea_generator *generator, double gain,
                                       DLTensor *out);
/* A matrix (the dimensions after the first are one) with orthonormal rows or columns, whichever are
 * fewer, times gain: Q of the QR decomposition of normal numbers, R's diagonal positive. */
EA_API ea_status ea_init_orthogonal(ea_context *ctx, ea_generator *generator, double gain,
                                    DLTensor *out);
/* A matrix of normal numbers, of which ⌈sparsity·rows⌉ in each column are set to zero. */
EA_API ea_status ea_init_sparse(ea_context *ctx, ea_generator *generator, double sparsity,
                                double deviation, DLTensor *out);
/* The identity matrix; and for convolution weights [out, in, …] in `groups` the one that passes its
 * input on. */
EA_API ea_status ea_init_eye(ea_context *ctx, DLTensor *out);
EA_API ea_status ea_init_dirac(ea_context *ctx, int64_t groups, DLTensor *out);
EA_API ea_status ea_init_constant(ea_context *ctx, double value, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
