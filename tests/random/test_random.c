/* Generators against published vectors, PyTorch's streams and RepDL's digests. */
#include "core/view.h"
#include "eadem/random.h"
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static ea_context *ctx;

static int set_up(void **state)
{
    (void)state;
    return ea_context_create(NULL, &ctx) != EA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    ea_context_destroy(ctx);
    return 0;
}

/* Matsumoto and Nishimura's: the 10000th number of the default seed (also C++11 [rand.predef]). */
static void test_mt19937_published(void **state)
{
    (void)state;
    ea_mt19937 mt;
    ea_mt19937_seed(&mt, 5489);
    uint32_t last = 0;
    for (int i = 0; i < 10000; i++)
        last = ea_mt19937_next(&mt);
    assert_int_equal(last, 4123659995u);
}

/* Random123's kat_vectors: "philox4x32 10", counter, key, result. */
static void test_philox_published(void **state)
{
    (void)state;
    static const uint32_t vectors[3][10] = {
        { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
        { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
          0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
        { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
          0x94fdcceb, 0x5001e420, 0x24126ea1 },
    };
    for (int v = 0; v < 3; v++) {
        const uint32_t *c = vectors[v], *k = c + 4, *expected = c + 6;
        ea_philox stream = { .seed = (uint64_t)k[1] << 32 | k[0],
                             .stream = (uint64_t)c[3] << 32 | c[2] };
        uint32_t out[4];
        ea_philox_block(&stream, (uint64_t)c[1] << 32 | c[0], out);
        assert_memory_equal(out, expected, sizeof out);
    }
}

/* FNV-1a's published test vectors, 64 bits. */
static void test_stream_names(void **state)
{
    (void)state;
    assert_true(ea_philox_stream(0, "").stream == 0xcbf29ce484222325);
    assert_true(ea_philox_stream(0, "a").stream == 0xaf63dc4c8601ec8c);
    assert_true(ea_philox_stream(0, "foobar").stream == 0x85944171f73967e8);
}

/* --- PyTorch's streams --------------------------------------------------------------------------
 */

static int64_t integer_field(json_t *item, const char *key)
{
    return strtoll(json_string_value(json_object_get(item, key)), NULL, 10);
}

static double number_field(json_t *item, const char *key)
{
    return json_number_value(json_object_get(item, key));
}

static DLTensor *tensor_of(json_t *item, DLDataType dtype)
{
    int64_t shape[EA_MAX_DIMS] = { json_integer_value(json_object_get(item, "n")) };
    int ndim = 1;
    json_t *sizes = json_object_get(item, "shape");
    if (sizes) {
        ndim = (int)json_array_size(sizes);
        for (int d = 0; d < ndim; d++)
            shape[d] = json_integer_value(json_array_get(sizes, (size_t)d));
    }
    DLTensor *tensor;
    assert_int_equal(ea_tensor_new(ctx, dtype, ndim, shape, &tensor), EA_OK);
    return tensor;
}

static void check_digest(json_t *item, const char *key, const DLTensor *tensor)
{
    char hex[EA_DIGEST_HEX];
    assert_int_equal(ea_digest(ctx, tensor, hex), EA_OK);
    if (strcmp(hex, json_string_value(json_object_get(item, key))) != 0)
        fail_msg("%s of seed %s, n = %d differs", json_string_value(json_object_get(item, "kind")),
                 json_string_value(json_object_get(item, "seed")),
                 (int)json_integer_value(json_object_get(item, "n")));
}

static ea_status normals_one_by_one(ea_generator *g, DLTensor *out)
{
    for (int64_t i = 0; i < out->shape[0]; i++) {
        int64_t one = 1;
        DLTensor element = *out;
        element.shape = &one;
        element.byte_offset = (uint64_t)i * 4;
        if (ea_normal(ctx, g, 0, 1, &element) != EA_OK)
            return EA_ERR_STATE;
    }
    return EA_OK;
}

static ea_status multinomial(json_t *item, ea_generator *g, bool replacement, DLTensor *out)
{
    json_t *list = json_object_get(item, "weights");
    float weights[8];
    int64_t n = (int64_t)json_array_size(list);
    for (int64_t i = 0; i < n; i++)
        weights[i] = (float)json_number_value(json_array_get(list, (size_t)i));
    DLTensor tensor = {
        .data = weights, .device = { kDLCPU, 0 }, .ndim = 1, .dtype = EA_FLOAT32, .shape = &n
    };
    return ea_multinomial(ctx, g, &tensor, replacement, out);
}

/* PyTorch's vectorised log, sine and cosine are not correctly rounded: near. */
static void check_about(json_t *item, ea_generator *g)
{
    DLTensor *out = tensor_of(item, EA_FLOAT32);
    if (json_object_get(item, "mean"))
        assert_int_equal(
            ea_normal(ctx, g, number_field(item, "mean"), number_field(item, "deviation"), out),
            EA_OK);
    else
        assert_int_equal(ea_init_orthogonal(ctx, g, 1.25, out), EA_OK);
    json_t *values = json_object_get(item, "values");
    double near = json_object_get(item, "mean") ? 4e-7 : 5e-6; /* PyTorch's QR is in float32 */
    for (int64_t i = 0; i < ea_tensor_numel(out); i++) {
        double torch = json_number_value(json_array_get(values, (size_t)i));
        double ours = ((float *)out->data)[i];
        assert_true(fabs(ours - torch) <= near * fmax(fabs(torch), 1));
    }
    ea_tensor_free(out);
}

/* A saved state has PyTorch's bytes, and goes on as PyTorch does. */
static void check_state(json_t *item, ea_generator *g)
{
    unsigned char bytes[EA_MT19937_STATE_BYTES];
    ea_mt19937 *mt = &g->u.mt19937;
    DLTensor *order, *normal, *state;
    assert_int_equal(ea_tensor_new(ctx, EA_INT64, 1, (int64_t[]){ 700 }, &order), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ 3 }, &normal), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_UINT8, 1, (int64_t[]){ sizeof bytes }, &state), EA_OK);
    assert_int_equal(ea_permutation(ctx, g, order), EA_OK);
    assert_int_equal(ea_normal(ctx, g, 0, 1, normal), EA_OK);
    ea_mt19937_save(mt, state->data);
    check_digest(item, "state", state);
    ea_mt19937 again;
    assert_int_equal(ea_mt19937_load(ctx, state->data, &again), EA_OK);
    *mt = again;
    order->shape[0] = 50;
    assert_int_equal(ea_permutation(ctx, g, order), EA_OK);
    check_digest(item, "after", order);
    ((unsigned char *)state->data)[8] = 0;
    assert_int_equal(ea_mt19937_load(ctx, state->data, &again), EA_ERR_FORMAT);
    ea_tensor_free(order);
    ea_tensor_free(normal);
    ea_tensor_free(state);
}

static void check_fill(json_t *item, const char *kind, ea_generator *g)
{
    DLDataType type = strcmp(kind, "integers32") == 0 ? EA_INT32
                      : strcmp(kind, "integers") == 0 || strcmp(kind, "permutation") == 0 ||
                              strncmp(kind, "multinomial", 11) == 0
                          ? EA_INT64
                          : EA_FLOAT32;
    DLTensor *out = tensor_of(item, type);
    ea_status status = EA_ERR_UNSUPPORTED;
    if (strcmp(kind, "permutation") == 0)
        status = ea_permutation(ctx, g, out);
    else if (strcmp(kind, "uniform") == 0)
        status = ea_uniform(ctx, g, number_field(item, "low"), number_field(item, "high"), out);
    else if (strcmp(kind, "normal") == 0)
        status =
            ea_normal(ctx, g, number_field(item, "mean"), number_field(item, "deviation"), out);
    else if (strcmp(kind, "bernoulli") == 0)
        status = ea_bernoulli(ctx, g, number_field(item, "p"), out);
    else if (strcmp(kind, "exponential") == 0)
        status = ea_exponential(ctx, g, number_field(item, "rate"), out);
    else if (strcmp(kind, "normals one by one") == 0)
        status = normals_one_by_one(g, out);
    else if (strncmp(kind, "multinomial", 11) == 0)
        status = multinomial(item, g, kind[11] == 0, out);
    else if (strcmp(kind, "dirac") == 0)
        status = ea_init_dirac(ctx, 3, out);
    else if (strcmp(kind, "eye") == 0)
        status = ea_init_eye(ctx, out);
    else if (strcmp(kind, "sparse") == 0)
        status = ea_init_sparse(ctx, g, 0.3, 0.5, out);
    else if (type.code == kDLInt)
        status = ea_random_integers(ctx, g, integer_field(item, "low"), integer_field(item, "high"),
                                    out);
    else if (strcmp(kind, "kaiming_uniform") == 0) {
        double gain;
        assert_int_equal(ea_init_gain(ctx, "leaky_relu", sqrt(5), &gain), EA_OK);
        status = ea_init_kaiming_uniform(ctx, g, gain, EA_FAN_IN, out);
    } else if (strcmp(kind, "xavier_uniform") == 0)
        status = ea_init_xavier_uniform(ctx, g, 5.0 / 3, out);
    assert_int_equal(status, EA_OK);
    check_digest(item, "sha256", out);
    ea_tensor_free(out);
}

static void test_torch_streams(void **state)
{
    (void)state;
    json_t *golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/torch_random.json", 0, NULL);
    assert_non_null(golden);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(golden, "cases"), i, item)
    {
        const char *kind = json_string_value(json_object_get(item, "kind"));
        ea_generator g;
        ea_generator_seed(&g, EA_GENERATOR_MT19937,
                          strtoull(json_string_value(json_object_get(item, "seed")), NULL, 10));
        if (strcmp(kind, "state") == 0)
            check_state(item, &g);
        else if (strstr(kind, " about"))
            check_about(item, &g);
        else
            check_fill(item, kind, &g);
    }
    assert_true(i > 100);
    json_decref(golden);
}

/* Streams of Philox as a second implementation of the contract makes them. */
static void test_philox_streams(void **state)
{
    (void)state;
    json_t *golden = json_load_file(EADEM_SOURCE_DIR "/tests/golden/philox.json", 0, NULL), *item;
    size_t i;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "cases"), i, item)
    {
        ea_generator root, g;
        uint64_t seed = strtoull(json_string_value(json_object_get(item, "seed")), NULL, 10);
        ea_generator_seed(&root, EA_GENERATOR_PHILOX, seed);
        ea_generator_named(&root, json_string_value(json_object_get(item, "stream")), &g);
        g.u.philox.position = (uint64_t)json_integer_value(json_object_get(item, "start"));
        check_fill(item, json_string_value(json_object_get(item, "kind")), &g);
    }
    assert_true(i >= 18);
    json_decref(golden);
}

/* The digests of RepDL's LeNet-5 after initialisation: weight, then bias, layer by layer. */
static void test_repdl_initial_model(void **state)
{
    (void)state;
    static const struct {
        int64_t shape[4];
        int ndim;
        const char *weight, *bias;
    } layers[] = {
        { { 6, 1, 5, 5 },
          4,
          "9514b5db8089785b2a91e1a8865064b5ffe1d82bd7be87756235273e7622433c",
          "f6f688693a98df9c35d92845eb3f9b8f9fd9c940ae166be86f490314c59b0266" },
        { { 16, 6, 5, 5 },
          4,
          "ce939a583ac43fddef6b9995b13844056357ba04b44068960dba14bee170ebd6",
          "f54d45eb5d1db715aa339dd7dc056bfc2b56a90412f30c52536e16ed47f85bc8" },
        { { 120, 400 },
          2,
          "77d6344814adad1b6f1a7467e27aef0da3021bf23f2d3294d07c00add347b7be",
          "97abf081260cae8af3eec5476b4a1a73bd35237a5998f31ae679c8f9ade829a9" },
        { { 84, 120 },
          2,
          "34dcb7b521078a6b98e0cf0fe1d27fdfa9c707814c2a30d5f8bf16ab81534a80",
          "b048c33e702ed5bfe7f4746ad584fa44e51f28d172e8eadfb0dbeaf61dd48d50" },
        { { 10, 84 },
          2,
          "c963dd276887a72508bb79a3cf3e96bbf8f0abcd0f28f0438661e1b185730a10",
          "302297e1e44e398995231e5547f431f7b7dd71f5a545ac16d538d37c88124d8f" },
    };
    ea_generator g;
    ea_generator_seed(&g, EA_GENERATOR_MT19937, 0);
    for (size_t l = 0; l < sizeof layers / sizeof layers[0]; l++) {
        DLTensor *weight, *bias;
        char hex[EA_DIGEST_HEX];
        assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, layers[l].ndim, layers[l].shape, &weight),
                         EA_OK);
        assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 1, layers[l].shape, &bias), EA_OK);
        double fan_in = (double)(ea_tensor_numel(weight) / layers[l].shape[0]);
        double bound = 1 / sqrt(fan_in);
        assert_int_equal(
            ea_init_kaiming_uniform(ctx, &g, sqrt(2 / (1 + sqrt(5) * sqrt(5))), EA_FAN_IN, weight),
            EA_OK);
        assert_int_equal(ea_uniform(ctx, &g, -bound, bound, bias), EA_OK);
        assert_int_equal(ea_digest(ctx, weight, hex), EA_OK);
        assert_string_equal(hex, layers[l].weight);
        assert_int_equal(ea_digest(ctx, bias, hex), EA_OK);
        assert_string_equal(hex, layers[l].bias);
        ea_tensor_free(weight);
        ea_tensor_free(bias);
    }
}

/* A Philox number is the same wherever its tensor starts, and strides do not matter. */
static void test_philox_elements_alone(void **state)
{
    (void)state;
    DLTensor *whole, *one;
    ea_generator g, again;
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ 103 }, &whole), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ 1 }, &one), EA_OK);
    ea_generator_seed(&g, EA_GENERATOR_PHILOX, 42);
    ea_generator *named = ea_generator_named(&g, "weights", &again);
    assert_int_equal(ea_uniform(ctx, named, -1, 1, whole), EA_OK);
    for (int i = 102; i >= 0; i--) {
        ea_generator_named(&g, "weights", &again);
        again.u.philox.position = (uint64_t)i;
        assert_int_equal(ea_uniform(ctx, &again, -1, 1, one), EA_OK);
        assert_memory_equal(one->data, (float *)whole->data + i, 4);
    }
    ea_tensor_free(whole);
    ea_tensor_free(one);
}

static void test_philox_permutation_is_one(void **state)
{
    (void)state;
    DLTensor *out;
    ea_generator g;
    assert_int_equal(ea_tensor_new(ctx, EA_INT64, 1, (int64_t[]){ 1000 }, &out), EA_OK);
    ea_generator_seed(&g, EA_GENERATOR_PHILOX, 7);
    assert_int_equal(ea_permutation(ctx, &g, out), EA_OK);
    bool seen[1000] = { 0 };
    int fixed = 0;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t value = ((int64_t *)out->data)[i];
        assert_in_range(value, 0, 999);
        assert_false(seen[value]);
        seen[value] = true;
        fixed += value == i;
    }
    assert_true(fixed < 10);
    ea_tensor_free(out);
}

static void test_seed_follows_the_contract(void **state)
{
    (void)state;
    ea_generator g;
    ea_seed(ctx, 5, &g);
    assert_int_equal(g.kind, EA_GENERATOR_PHILOX);
    assert_true(g.u.philox.seed == 5);
    assert_int_equal(ea_context_set_contract(ctx, EA_CONTRACT_REPDL), EA_OK);
    ea_seed(ctx, 5489, &g);
    assert_int_equal(g.kind, EA_GENERATOR_MT19937);
    assert_int_equal(ea_mt19937_next(&g.u.mt19937), 3499211612u); /* of the published sequence */
    assert_int_equal(ea_context_set_contract(ctx, EA_CONTRACT_CHAIN), EA_OK);
}

static void test_errors(void **state)
{
    (void)state;
    DLTensor *f, *i32;
    ea_generator g;
    double gain;
    ea_generator_seed(&g, EA_GENERATOR_PHILOX, 7);
    assert_int_equal(ea_tensor_new(ctx, EA_FLOAT32, 1, (int64_t[]){ 4 }, &f), EA_OK);
    assert_int_equal(ea_tensor_new(ctx, EA_INT32, 1, (int64_t[]){ 4 }, &i32), EA_OK);
    assert_int_equal(ea_uniform(ctx, &g, 1, 0, f), EA_ERR_ARGUMENT);
    assert_int_equal(ea_uniform(ctx, &g, NAN, 0, f), EA_ERR_ARGUMENT);
    assert_int_equal(ea_uniform(ctx, &g, 0, 1, i32), EA_ERR_DTYPE);
    assert_int_equal(ea_random_integers(ctx, &g, 0, (int64_t)1 << 33, i32), EA_ERR_ARGUMENT);
    assert_int_equal(ea_permutation(ctx, &g, f), EA_ERR_DTYPE);
    assert_int_equal(ea_init_kaiming_uniform(ctx, &g, 1, EA_FAN_IN, f), EA_ERR_SHAPE);
    assert_int_equal(ea_init_gain(ctx, "rellu", 0, &gain), EA_ERR_ARGUMENT);
    assert_non_null(strstr(ea_error_text(ctx), "rellu"));
    ea_tensor_free(f);
    ea_tensor_free(i32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mt19937_published),
        cmocka_unit_test(test_philox_published),
        cmocka_unit_test(test_stream_names),
        cmocka_unit_test(test_torch_streams),
        cmocka_unit_test(test_philox_streams),
        cmocka_unit_test(test_repdl_initial_model),
        cmocka_unit_test(test_philox_elements_alone),
        cmocka_unit_test(test_philox_permutation_is_one),
        cmocka_unit_test(test_seed_follows_the_contract),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
