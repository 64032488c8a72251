/* reduce.c: cases of sums and means over dimensions. */
#include "conform/families.h"
#include "eadem/op.h"

/* The sum and the mean of x over the dimensions whose bits are set; they become 1 in the output. */
static void run(conform *c, const DLTensor *x, unsigned set)
{
    int64_t shape[EA_MAX_DIMS];
    int dims[EA_MAX_DIMS], count = 0;
    for (int d = 0; x && d < x->ndim; d++) {
        shape[d] = set & 1u << d ? 1 : x->shape[d];
        if (set & 1u << d)
            dims[count++] = d;
    }
    for (int mean = 0; x && mean < 2; mean++) {
        DLTensor *out = conform_zeros(c, EA_FLOAT32, x->ndim, shape);
        conform_check(c, (mean ? ea_mean : ea_sum)(conform_context(c), x, dims, count, out));
        conform_emit(c, out);
    }
}

static void row_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++)
        run(c, conform_floats(c, 1, 2, (int64_t[]){ 11, conform_sizes[i] }), 2);
}

static void column_sizes(conform *c)
{
    for (int i = 0; i < CONFORM_SIZE_COUNT; i++) {
        run(c, conform_floats(c, 1, 2, (int64_t[]){ conform_sizes[i], 70 }), 1);
        run(c, conform_floats(c, 2, 2, (int64_t[]){ 37, conform_sizes[i] }), 1);
    }
}

/* More than one level of chunks. */
static void long_sums(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 1, (int64_t[]){ 1050625 }); /* 1024·1024 + 2·1024 + 1 */
    run(c, x, 1);
    run(c, conform_floats(c, 2, 2, (int64_t[]){ 5000, 9 }), 1);
    run(c, conform_floats(c, 3, 2, (int64_t[]){ 9, 5000 }), 2);
}

static void every_set_of_dims(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 4, (int64_t[]){ 5, 6, 7, 17 });
    for (unsigned set = 1; set < 16; set++)
        run(c, x, set);
    DLTensor *turned = conform_transposed(c, x, 0, 2);
    for (unsigned set = 1; set < 16; set++)
        run(c, turned, set);
}

static void strides(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 3, (int64_t[]){ 9, 40, 35 });
    for (int dim = 0; dim < 3; dim++)
        for (int64_t step = -2; step <= 3; step++)
            if (step != 0)
                run(c, conform_strided(c, x, dim, step), 1u << (dim + 1) % 3 | 1u << dim);
}

static void specials(conform *c)
{
    DLTensor *x = conform_bits(c, 1, 2, (int64_t[]){ 40, 19 });
    run(c, x, 1);
    run(c, x, 2);
    DLTensor *zeros = conform_zeros(c, EA_FLOAT32, 2, (int64_t[]){ 3, 2 });
    for (int i = 0; zeros && i < 6; i++)
        ((float *)zeros->data)[i] = -0.0f;
    run(c, zeros, 1);
    run(c, zeros, 2);
}

static void storage(conform *c)
{
    DLTensor *x = conform_floats(c, 1, 2, (int64_t[]){ 30, 1100 });
    run(c, conform_as(c, EA_FLOAT16, x), 1);
    run(c, conform_as(c, EA_FLOAT16, x), 2);
    run(c, conform_as(c, EA_BFLOAT16, x), 1);
    run(c, conform_as(c, EA_BFLOAT16, x), 2);
    DLTensor *out = conform_zeros(c, EA_FLOAT16, 1, (int64_t[]){ 30 });
    conform_check(c, ea_mean(conform_context(c), x, (int[]){ 1 }, 1, out));
    conform_emit(c, out);
}

static void empty(conform *c)
{
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 3, 0 }), 1);
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 3, 0 }), 2);
    run(c, conform_floats(c, 1, 2, (int64_t[]){ 0, 3 }), 3);
}

static void to_shape(conform *c)
{
    static const int64_t shapes[][3] = { { 4, 1, 33 }, { 1, 9, 1 }, { 1, 1, 33 }, { 4, 9, 33 } };
    DLTensor *grad = conform_floats(c, 1, 4, (int64_t[]){ 3, 4, 9, 33 });
    for (int i = 0; i < 4; i++) {
        DLTensor *out = conform_zeros(c, EA_FLOAT32, 3, shapes[i]);
        conform_check(c, ea_sum_to_shape(conform_context(c), grad, out));
        conform_emit(c, out);
    }
}

static const conform_case cases[] = {
    { "row-sizes", row_sizes }, { "column-sizes", column_sizes },
    { "long", long_sums },      { "every-set-of-dims", every_set_of_dims },
    { "strides", strides },     { "specials", specials },
    { "storage", storage },     { "empty", empty },
    { "to-shape", to_shape },
};

const conform_family conform_reduce = { "reduce", cases, sizeof cases / sizeof cases[0] };
