/* matmul.c: cases of matmul, bmm and linear. */
#include "conform/families.h"
#include "eadem/op.h"

static void run(conform *c, const DLTensor *a, const DLTensor *b, int64_t m, int64_t n)
{
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ m, n });
    conform_check(c, ea_matmul(conform_context(c), a, b, out));
    conform_emit(c, out);
}

/* Every inner size, over outputs of an awkward size. */
static void inner_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t k = conform_sizes[i];
        DLTensor *a = conform_floats(c, 1, 2, (int64_t[]){ 17, k });
        DLTensor *b = conform_floats(c, 2, 2, (int64_t[]){ k, 15 });
        run(c, a, b, 17, 15);
    }
}

static void outer_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        int64_t size = conform_sizes[i];
        run(c, conform_floats(c, 3, 2, (int64_t[]){ size, 9 }),
            conform_floats(c, 4, 2, (int64_t[]){ 9, 3 }), size, 3);
        run(c, conform_floats(c, 5, 2, (int64_t[]){ 3, 9 }),
            conform_floats(c, 6, 2, (int64_t[]){ 9, size }), 3, size);
    }
}

static void empty(conform *c)
{
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 3, 0 }),
        conform_floats(c, 2, 2, (int64_t[]){ 0, 4 }), 3, 4);
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 0, 3 }),
        conform_floats(c, 2, 2, (int64_t[]){ 3, 4 }), 0, 4);
}

static void strides(conform *c)
{
    DLTensor *a = conform_floats(c, 1, 2, (int64_t[]){ 33, 65 });
    DLTensor *b = conform_floats(c, 2, 2, (int64_t[]){ 33, 20 });
    run(c, conform_transposed(c, a, 0, 1), b, 65, 20);
    DLTensor *wide = conform_floats(c, 3, 2, (int64_t[]){ 20, 65 });
    run(c, a,
        conform_transposed(
            c, conform_strided(c, conform_floats(c, 4, 2, (int64_t[]){ 20, 129 }), 1, 2), 0, 1),
        33, 20);
    run(c, conform_strided(c, a, 0, -2),
        conform_transposed(c, conform_strided(c, wide, 1, -1), 0, 1), 17, 20);
}

static void specials(conform *c)
{
    run(c, conform_bits(c, 1, 2, (int64_t[]){ 17, 37 }),
        conform_bits(c, 2, 2, (int64_t[]){ 37, 19 }), 17, 19);
}

static void storage(conform *c)
{
    DLTensor *a = conform_floats(c, 1, 2, (int64_t[]){ 17, 100 });
    DLTensor *b = conform_floats(c, 2, 2, (int64_t[]){ 100, 18 });
    DLTensor *out = conform_zeros(c, EA_BFLOAT16, 2, (int64_t[]){ 17, 18 });
    conform_check(c, ea_matmul(conform_context(c), conform_as(c, EA_FLOAT16, a),
                               conform_as(c, EA_BFLOAT16, b), out));
    conform_emit(c, out);
}

static void linear(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 3, (int64_t[]){ 2, 9, 120 });
    DLTensor *weight = conform_floats(c, 2, 2, (int64_t[]){ 84, 120 });
    DLTensor *bias = conform_floats(c, 3, 1, (int64_t[]){ 84 });
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, (int64_t[]){ 2, 9, 84 });
    conform_check(c, ea_linear(conform_context(c), x, weight, bias, out));
    conform_emit(c, out);
}

static void batches(conform *c)
{
    DLTensor *a = conform_floats(c, 1, 3, (int64_t[]){ 5, 7, 16 });
    DLTensor *b = conform_floats(c, 2, 3, (int64_t[]){ 5, 16, 9 });
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, (int64_t[]){ 5, 7, 9 });
    conform_check(c, ea_bmm(conform_context(c), a, b, out));
    conform_emit(c, out);
}

static const conform_case cases[] = {
    { "inner-sizes", inner_sizes }, { "outer-sizes", outer_sizes }, { "empty", empty },
    { "strides", strides },         { "specials", specials },       { "storage", storage },
    { "linear", linear },           { "batches", batches },
};

const conform_family conform_matmul = { "matmul", cases, sizeof cases / sizeof cases[0] };
