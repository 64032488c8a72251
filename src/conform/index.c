/* index.c: cases of reading and writing where an index says. */
#include "conform/families.h"
#include "eadem/op.h"

static DLTensor *mask_of(conform *c, uint32_t seed, int ndim, const int64_t *shape)
{
    DLTensor *numbers = conform_indices(c, seed, 2, ndim, shape);
    DLTensor *mask = conform_zeros(c, EA_BOOL, ndim, shape);
    for (int64_t i = 0; numbers && mask && i < ea_tensor_numel(mask); i++)
        ((uint8_t *)mask->data)[i] = (uint8_t)((const int64_t *)numbers->data)[i];
    return mask;
}

static void gather(conform *c, const DLTensor *x, int dim, const DLTensor *index)
{
    DLTensor *out = x && index ? conform_zeros(c, x->dtype, index->ndim, index->shape) : NULL;
    conform_check(c, ea_gather(conform_context(c), x, dim, index, out));
    conform_emit(c, out);
}

static void reading(conform *c)
{
    DLTensor *x = conform_bits(c, 1, 3, (int64_t[]){ 9, 35, 40 });
    for (int dim = 0; dim < 3; dim++) {
        int64_t shape[] = { 9, 9, 9 };
        shape[dim] = 50;
        DLTensor *index = conform_indices(c, 2, x ? x->shape[dim] : 1, 3, shape);
        gather(c, x, dim, index);
        gather(c, conform_strided(c, x, 2, -2), dim,
               conform_transposed(c, conform_indices(c, 3, 9, 3, (int64_t[]){ 7, 7, 7 }), 0, 2));
        DLTensor *line = conform_indices(c, 4, x ? x->shape[dim] : 1, 1, (int64_t[]){ 33 });
        int64_t taken[] = { 9, 35, 40 };
        taken[dim] = 33;
        DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, taken);
        conform_check(c, ea_index_select(conform_context(c), x, dim, line, out));
        conform_emit(c, out);
    }
}

/* Every kind with and without x's own elements; many sources a destination. */
static void writing(conform *c)
{
    int64_t shape[] = { 6, 11, 20 }, sizes[] = { 6, 200, 17 };
    DLTensor *x = conform_floats(c, 1, 3, shape), *src = conform_floats(c, 2, 3, sizes);
    DLTensor *index = conform_indices(c, 3, 11, 3, sizes);
    for (int kind = EA_SCATTER_COPY; kind <= EA_SCATTER_AMIN; kind++)
        for (int include_self = 0; include_self < 2; include_self++) {
            DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, shape);
            conform_check(c, ea_scatter(conform_context(c), x, 1, index, src, (ea_scatter_kind)kind,
                                        include_self, out));
            conform_emit(c, out);
        }
}

static void write_slices(conform *c, const DLTensor *x, int dim, DLDataType dtype, double alpha)
{
    if (!x)
        return;
    int64_t shape[EA_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++)
        shape[d] = d == dim ? 300 : x->shape[d];
    DLTensor *index = conform_indices(c, 5, x->shape[dim], 1, &shape[dim]);
    DLTensor *src = conform_as(c, dtype, conform_floats(c, 6, x->ndim, shape));
    DLTensor *out = conform_zeros(c, dtype, x->ndim, x->shape);
    DLTensor *start = conform_as(c, dtype, x);
    conform_check(c, ea_index_add(conform_context(c), start, dim, index, src, alpha, out));
    conform_emit(c, out);
    conform_check(c, ea_index_copy(conform_context(c), out, dim, index, src, out));
    conform_emit(c, out);
}

/* Rows, columns, and one long line that threads share by destinations. */
static void slices(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ 40, 600 });
    write_slices(c, x, 0, EA_FLOAT32, 1);
    write_slices(c, x, 0, EA_FLOAT32, -0.3);
    write_slices(c, x, 0, EA_FLOAT16, 1);
    write_slices(c, x, 0, EA_BFLOAT16, 0.7);
    write_slices(c, conform_transposed(c, x, 0, 1), 1, EA_FLOAT32, 1);
    write_slices(c, conform_strided(c, x, 0, -3), 1, EA_FLOAT32, 1);
    int64_t line[] = { 20000 };
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 1, (int64_t[]){ 700 });
    DLTensor *counts = conform_zeros(c, EA_INT64, 1, (int64_t[]){ 700 });
    DLTensor *index = conform_indices(c, 7, 700, 1, line), *src = conform_floats(c, 8, 1, line);
    conform_check(c, ea_scatter(conform_context(c), out, 0, index, src, EA_SCATTER_SUM, 1, out));
    conform_check(
        c, ea_scatter(conform_context(c), counts, 0, index, index, EA_SCATTER_SUM, 1, counts));
    conform_emit(c, out);
    conform_emit(c, counts);
}

static void specials(conform *c)
{
    int64_t line[] = { 900 };
    DLTensor *index = conform_indices(c, 1, 100, 1, line), *src = conform_bits(c, 2, 1, line);
    for (int kind = EA_SCATTER_COPY; kind <= EA_SCATTER_AMIN; kind++) {
        DLTensor *out = conform_bits(c, 3, 1, (int64_t[]){ 100 });
        conform_check(
            c, ea_scatter(conform_context(c), out, 0, index, src, (ea_scatter_kind)kind, 1, out));
        conform_emit(c, out);
    }
}

static void several_indices(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 5, 6, 7, 8 });
    DLTensor *a = conform_indices(c, 2, 5, 2, (int64_t[]){ 30, 1 });
    DLTensor *b = conform_indices(c, 3, 6, 1, (int64_t[]){ 9 });
    DLTensor *d = conform_indices(c, 4, 7, 2, (int64_t[]){ 30, 9 });
    const DLTensor *together[] = { a, b }, *apart[] = { a, NULL, d };
    struct {
        const DLTensor **indices;
        int count, ndim;
        int64_t shape[EA_MAX_DIMS];
    } cases[] = { { together, 2, 4, { 30, 9, 7, 8 } }, { apart, 3, 4, { 30, 9, 6, 8 } } };
    for (int i = 0; i < 2; i++) {
        DLTensor *out = conform_zeros(c, EA_FLOAT32, cases[i].ndim, cases[i].shape);
        DLTensor *put = conform_zeros(c, EA_FLOAT32, 4, (int64_t[]){ 5, 6, 7, 8 });
        conform_check(c, ea_index(conform_context(c), x, cases[i].indices, cases[i].count, out));
        conform_check(
            c, ea_index_put(conform_context(c), x, cases[i].indices, cases[i].count, out, 1, put));
        conform_emit(c, out);
        conform_emit(c, put);
    }
}

static void embeddings(conform *c)
{
    DLTensor *weight = conform_floats(c, 1, 2, (int64_t[]){ 50, 130 });
    DLTensor *index = conform_indices(c, 2, 50, 2, (int64_t[]){ 60, 7 });
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, (int64_t[]){ 60, 7, 130 });
    DLTensor *grad = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ 50, 130 });
    conform_check(c, ea_embedding(conform_context(c), weight, index, out));
    conform_check(c, ea_embedding_backward(conform_context(c), out, index, 3, grad));
    conform_emit(c, out);
    conform_emit(c, grad);
}

static void bags(conform *c)
{
    static const int64_t starts[] = { 0, 5, 5, 9, 100, 170, 171, 200 };
    DLTensor *weight = conform_floats(c, 1, 2, (int64_t[]){ 50, 1100 });
    DLTensor *index = conform_indices(c, 2, 50, 1, (int64_t[]){ 200 });
    DLTensor *offsets = conform_zeros(c, EA_INT64, 1, (int64_t[]){ 8 });
    DLTensor *samples = conform_floats(c, 3, 1, (int64_t[]){ 200 });
    DLTensor *grad = conform_floats(c, 4, 2, (int64_t[]){ 8, 1100 });
    for (int i = 0; offsets && i < 8; i++)
        ((int64_t *)offsets->data)[i] = starts[i];
    for (int run = 0; run < 4; run++) {
        ea_bag_mode mode = run < 3 ? (ea_bag_mode)run : EA_BAG_SUM;
        const DLTensor *weights = run == 3 ? samples : NULL;
        DLTensor *out = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ 8, 1100 });
        DLTensor *rows = conform_zeros(c, EA_INT64, 2, (int64_t[]){ 8, 1100 });
        DLTensor *grad_weight = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ 50, 1100 });
        DLTensor *grad_samples = conform_zeros(c, EA_FLOAT32, 1, (int64_t[]){ 200 });
        conform_check(c, ea_embedding_bag(conform_context(c), weight, index, offsets, weights, mode,
                                          7, out, rows));
        conform_check(c, ea_embedding_bag_backward(conform_context(c), grad, weight, index, offsets,
                                                   weights, mode, 7, rows, grad_weight,
                                                   run == 3 ? grad_samples : NULL));
        conform_emit(c, out);
        conform_emit(c, grad_weight);
        conform_emit(c, grad_samples);
    }
}

static void masks(conform *c)
{
    int64_t shape[] = { 7, 19, 33 }, row[] = { 33 };
    DLTensor *a = conform_bits(c, 1, 3, shape), *b = conform_bits(c, 2, 1, row);
    DLTensor *masks[] = { mask_of(c, 3, 3, shape), mask_of(c, 4, 1, row) };
    for (int i = 0; i < 2; i++) {
        int64_t count = 0;
        DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, shape);
        conform_check(c, ea_where(conform_context(c), masks[i], a, b, out));
        conform_emit(c, out);
        conform_check(c, ea_count_nonzero(conform_context(c), masks[i], &count));
        count *= i ? 7 * 19 : 1;
        DLTensor *chosen = conform_zeros(c, EA_FLOAT32, 1, &count);
        conform_check(c, ea_masked_select(conform_context(c), a, masks[i], chosen));
        conform_emit(c, chosen);
        conform_check(c, ea_masked_scatter(conform_context(c), out, masks[i], chosen, out));
        conform_emit(c, out);
    }
    DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, shape);
    conform_check(c, ea_where(conform_context(c), conform_strided(c, masks[0], 2, -1), a, b, out));
    conform_emit(c, out);
}

static const conform_case cases[] = {
    { "reading", reading },
    { "writing", writing },
    { "slices", slices },
    { "specials", specials },
    { "several-indices", several_indices },
    { "embeddings", embeddings },
    { "bags", bags },
    { "masks", masks },
};

const conform_family conform_index = { "index", cases, sizeof cases / sizeof cases[0] };
