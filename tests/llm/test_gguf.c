/* GGUF: values and tensors of a file that the `gguf` package wrote (tests/golden/make_quant.py),
 * and files that are cut short or wrong. */
#include "core/memory.h"
#include "cpu/quant.h"
#include "llm/gguf.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static const char path[] = EADEM_SOURCE_DIR "/tests/golden/quant.gguf";

static void test_metadata(void **state)
{
    (void)state;
    llm_gguf gguf;
    assert_int_equal(llm_gguf_open(NULL, path, &gguf), EA_OK);
    int64_t number;
    double real;
    bool truth;
    llm_gguf_text text;
    const llm_gguf_value *list;
    assert_int_equal(llm_gguf_int(NULL, &gguf, "number", 0, -9, 9, &number), EA_OK);
    assert_int_equal(number, -5);
    assert_int_equal(llm_gguf_int(NULL, &gguf, "number", 0, 0, 9, &number), EA_ERR_FORMAT);
    assert_int_equal(llm_gguf_int(NULL, &gguf, "none", 7, 0, 9, &number), EA_OK);
    assert_int_equal(number, 7);
    assert_int_equal(llm_gguf_real(NULL, &gguf, "real", 0, &real), EA_OK);
    assert_true(real == 0.5);
    assert_int_equal(llm_gguf_bool(NULL, &gguf, "truth", false, &truth), EA_OK);
    assert_true(truth);
    assert_int_equal(llm_gguf_string(NULL, &gguf, "text", &text), EA_OK);
    assert_int_equal(text.size, 6);
    assert_memory_equal(text.data, "héllo", 6);
    assert_int_equal(llm_gguf_int(NULL, &gguf, "text", 0, 0, 9, &number), EA_ERR_FORMAT);
    assert_int_equal(llm_gguf_array(NULL, &gguf, "list", LLM_GGUF_STRING, &list), EA_OK);
    assert_int_equal(list->count, 3);
    const unsigned char *at = list->data;
    assert_int_equal(llm_gguf_next_string(&at).size, 1);
    assert_int_equal(llm_gguf_next_string(&at).size, 0);
    assert_int_equal(llm_gguf_next_string(&at).size, 3);
    assert_int_equal(llm_gguf_array(NULL, &gguf, "numbers", LLM_GGUF_I32, &list), EA_OK);
    assert_int_equal(llm_gguf_element_int(list, 2), 300);
    llm_gguf_free(&gguf);
}

static void test_dequantisation_has_the_packages_bits(void **state)
{
    (void)state;
    static const char *const formats[] = { "Q8_0", "Q4_0", "Q4_K", "Q6_K", "F16", "BF16" };
    llm_gguf gguf;
    ea_context *ctx;
    assert_int_equal(ea_context_create(NULL, &ctx), EA_OK);
    assert_int_equal(llm_gguf_open(ctx, path, &gguf), EA_OK);
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        char name[32];
        snprintf(name, sizeof name, "%s.expected", formats[f]);
        const llm_gguf_tensor *tensor = llm_gguf_find_tensor(&gguf, formats[f]);
        const llm_gguf_tensor *expected = llm_gguf_find_tensor(&gguf, name);
        assert_non_null(tensor);
        assert_int_equal(tensor->numel, expected->numel);
        assert_true(tensor->numel >= 192);
        assert_memory_equal(tensor->shape, expected->shape, 2 * sizeof(int64_t));
        float *fast = core_alloc((size_t)tensor->numel * sizeof *fast);
        cpu_dequantize(ctx, tensor->format, tensor->data, tensor->numel, fast);
        for (int64_t i = 0; i < tensor->numel; i++) {
            float want = ref_dequantize(REF_QUANT_F32, expected->data, i);
            float defined = ref_dequantize(tensor->format, tensor->data, i);
            assert_memory_equal(&defined, &want, sizeof want);
            assert_memory_equal(&fast[i], &want, sizeof want);
        }
        core_free(fast);
    }
    llm_gguf_free(&gguf);
    ea_context_destroy(ctx);
}

/* The golden file with its last bytes cut off, and with bytes changed, is refused or read in
 * bounds.
 */
static void test_damaged_files(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    llm_gguf gguf;
    assert_int_equal(io_read_file(NULL, path, 1 << 24, &bytes, &size), EA_OK);
    size_t description = 1000;
    for (size_t cut = 0; cut < size; cut += cut < description ? 1 : 997) {
        assert_int_equal(llm_gguf_parse(NULL, "cut", (const unsigned char *)bytes, cut, &gguf),
                         EA_ERR_FORMAT);
        assert_non_null(strstr(ea_error_text(NULL), "cut"));
    }
    for (size_t at = 0; at < description; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (char)(1 << bit);
            if (llm_gguf_parse(NULL, "bent", (const unsigned char *)bytes, size, &gguf) == EA_OK)
                llm_gguf_free(&gguf);
            bytes[at] ^= (char)(1 << bit);
        }
    core_free(bytes);
}

/* A file with `tensors` matrices of 8 floats, all at the start of 64 bytes of data. */
static size_t make_shared(unsigned char file[512], unsigned tensors)
{
    static const unsigned char header[] = "GGUF\3\0\0\0";
    size_t at = 24;
    memset(file, 0, 512);
    memcpy(file, header, 8);
    file[8] = (unsigned char)tensors;
    for (unsigned i = 0; i < tensors; i++, at += 33) {
        file[at] = 1; /* the name's size */
        file[at + 8] = (unsigned char)('a' + i);
        file[at + 9] = 1;  /* dimension … */
        file[at + 13] = 8; /* … of 8; F32, at offset 0 */
    }
    return (at + 31) / 32 * 32 + 64;
}

/* Tensors that share bytes would make a small file ask for any amount of memory. */
static void test_shared_data_is_refused(void **state)
{
    (void)state;
    unsigned char file[512];
    llm_gguf gguf;
    size_t size = make_shared(file, 2);
    assert_int_equal(llm_gguf_parse(NULL, "two", file, size, &gguf), EA_OK);
    assert_int_equal(gguf.tensors[1].numel, 8);
    llm_gguf_free(&gguf);
    size = make_shared(file, 3);
    assert_int_equal(llm_gguf_parse(NULL, "three", file, size, &gguf), EA_ERR_FORMAT);
    assert_non_null(strstr(ea_error_text(NULL), "'c'"));
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    llm_gguf gguf;
    core_alloc_fail_at(0);
    assert_int_equal(llm_gguf_open(NULL, path, &gguf), EA_OK);
    llm_gguf_free(&gguf);
    int64_t count = core_alloc_count();
    for (int64_t n = 1; n <= count; n++) {
        core_alloc_fail_at(n);
        assert_int_equal(llm_gguf_open(NULL, path, &gguf), EA_ERR_MEMORY);
    }
    core_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_dequantisation_has_the_packages_bits),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_shared_data_is_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
