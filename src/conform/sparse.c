/* sparse.c: cases of sparse × dense and of rotary tables. */
#include "conform/families.h"
#include "eadem/op.h"

/* Any places, so some twice and some rows empty. */
static void run(conform *c, int64_t batch, int64_t rows, int64_t columns, int64_t n, int64_t nnz,
                bool special)
{
    ea_context *ctx = conform_context(c);
    int lines = batch > 1 ? 3 : 2;
    DLTensor *indices = conform_zeros(c, EA_INT64, 2, (int64_t[]){ lines, nnz });
    const int64_t bounds[3] = { batch, rows, columns };
    if (!indices)
        return;
    for (int i = 0; i < lines; i++) {
        DLTensor *line = conform_indices(c, (uint32_t)i, bounds[i + 3 - lines], 1, &nnz);
        for (int64_t k = 0; line && k < nnz; k++)
            ((int64_t *)indices->data)[i * nnz + k] = ((int64_t *)line->data)[k];
    }
    int64_t in[] = { batch, columns, n }, to[] = { batch, rows, n };
    int skip = batch == 1, ndim = 3 - skip;
    ea_sparse matrix = { .batch = batch, .rows = rows, .columns = columns, .indices = indices };
    DLTensor *values = (special ? conform_bits : conform_floats)(c, 5, 1, &nnz);
    DLTensor *dense = conform_floats(c, 6, ndim, in + skip);
    DLTensor *grad = conform_floats(c, 7, ndim, to + skip);
    DLTensor *out = conform_zeros(c, EA_FLOAT32, ndim, to + skip);
    DLTensor *grad_values = conform_zeros(c, EA_FLOAT32, 1, &nnz);
    DLTensor *grad_dense = conform_zeros(c, EA_FLOAT32, ndim, in + skip);
    conform_check(c, ea_sparse_mm(ctx, &matrix, values, dense, out));
    conform_check(
        c, ea_sparse_mm_backward(ctx, &matrix, grad, values, dense, grad_values, grad_dense));
    conform_emit(c, out);
    conform_emit(c, grad_values);
    conform_emit(c, grad_dense);
}

static void products(conform *c)
{
    for (int i = 1; i < CONFORM_SIZE_COUNT; i++)
        run(c, 1, 40, 31, conform_sizes[i], 200, false);
    run(c, 3, 11, 13, 19, 170, false);
    run(c, 1, 2, 900, 33, 5000, false);
    run(c, 1, 5, 4, 3, 0, false);
}

static void specials(conform *c)
{
    run(c, 1, 30, 20, 17, 300, true);
}

static void rotary_tables(conform *c)
{
    int64_t shape[] = { 33, 20 };
    DLTensor *cosine = conform_zeros(c, EA_FLOAT32, 2, shape);
    DLTensor *sine = conform_zeros(c, EA_FLOAT32, 2, shape);
    conform_check(c, ea_rotary_table(conform_context(c), 10000, 1000, cosine, sine));
    conform_emit(c, cosine);
    conform_emit(c, sine);
}

static const conform_case cases[] = {
    { "products", products },
    { "specials", specials },
    { "rotary-tables", rotary_tables },
};

const conform_family conform_sparse = { "sparse", cases, sizeof cases / sizeof cases[0] };
