/* conform.h: the conformance set: every operation on fixed awkward inputs, with one digest a case
 * and contract. `eadem doctor` and the tests run it on each instruction set.
 *
 * A family of operations is a file; it lists its cases in a table that conform.c names. A case
 * makes inputs, calls the public doors and emits every output. Inputs come from a counter-based
 * hash and not from the library's generators, so they depend on nothing that is under test.
 */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include "core/context.h"

/* What a case works with. Tensors made through it live until the case ends. A failed step makes the
 * whole case fail with that step's error. */
typedef struct conform conform;

typedef struct conform_case {
    const char *name;
    void (*run)(conform *c);
} conform_case;

typedef struct conform_family {
    const char *name;
    const conform_case *cases;
    int count;
} conform_family;

/* --- For cases -------------------------------------------------------------------------------- */

ea_context *conform_context(conform *c);
/* Keeps the first failure. */
void conform_check(conform *c, ea_status status);
/* Adds the tensor's elements to the case's digest. */
void conform_emit(conform *c, const DLTensor *tensor);

/* Zeroed, contiguous; NULL after a failure, which every door refuses. */
DLTensor *conform_zeros(conform *c, DLDataType dtype, int ndim, const int64_t *shape);
/* Floats of both signs with magnitudes in [1/16, 8): sums cancel and round. Different seeds are
 * different numbers. */
DLTensor *conform_floats(conform *c, uint32_t seed, int ndim, const int64_t *shape);
/* Any bit pattern, every fourth element one of: NaN, infinities, zeros of both signs, subnormals,
 * largest and smallest normal numbers. */
DLTensor *conform_bits(conform *c, uint32_t seed, int ndim, const int64_t *shape);
/* int64 in 0 … bound−1. */
DLTensor *conform_indices(conform *c, uint32_t seed, int64_t bound, int ndim, const int64_t *shape);
/* A contiguous copy in another float type. */
DLTensor *conform_as(conform *c, DLDataType dtype, const DLTensor *tensor);
/* The same memory with two dimensions exchanged. */
DLTensor *conform_transposed(conform *c, const DLTensor *tensor, int a, int b);
/* The same memory, every `step`-th element of dimension `dim`; backwards when step is negative. */
DLTensor *conform_strided(conform *c, const DLTensor *tensor, int dim, int64_t step);

/* Sizes around what kernels and blocks divide by. */
enum { CONFORM_SIZE_COUNT = 7 };
extern const int64_t conform_sizes[CONFORM_SIZE_COUNT];

/* --- For those who run them ------------------------------------------------------------------- */

/* NULL past the last family. */
const conform_family *conform_family_at(int index);

/* SHA-256 over everything that the case emits under the context's contract. */
ea_status conform_run(ea_context *ctx, const conform_case *which, char hex[EA_DIGEST_HEX]);

/* The digest that the definitions gave ("" when there is none), from tests/golden/conformance.txt,
 * which is part of the program. */
const char *conform_golden(ea_contract contract, const conform_family *family,
                           const conform_case *which);

#endif
