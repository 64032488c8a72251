/* Tokenizers without Hugging Face: streaming, repair of ill-formed text, faults, hostile files.
 * Agreement with `tokenizers` is tests/llm/test_tokenizer.py. */
#include "core/memory.h"
#include "llm/tokenizer.h"
#include "test.h"

#include <string.h>

static const char pieces_json[] =
    "{\"added_tokens\":[{\"id\":9,\"content\":\"<s>\",\"special\":true,\"normalized\":false},"
    "{\"id\":10,\"content\":\"Norm\",\"normalized\":true}],"
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"
    "\"▁\"},"
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}]},"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<"
    "s>\"}},"
    "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[9]}}},"
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":"
    "{\"String\":\"▁\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"
    "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]},"
    "\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"vocab\":{"
    "\"<unk>\":0,\"▁\":1,\"a\":2,\"b\":3,\"ab\":4,\"▁ab\":5,\"<0xC3>\":6,\"<0xA9>\":7,\"aba\":8},"
    "\"merges\":[\"a b\",[\"▁\",\"ab\"],\"ab a\"]}}";

static const char bytes_json[] =
    "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
    "\"normalizer\":{\"type\":\"NFC\"},\"decoder\":{\"type\":\"ByteLevel\"},"
    "\"model\":{\"vocab\":{\"Ã\":0,\"©\":1,\"Ã©\":2,\"Ġ\":3,\"ï\":4,\"¿\":5,\"½\":6,\"e\":7,\"Ì\":"
    "8,\"ģ\":9},"
    "\"merges\":[\"Ã ©\"]}}";

static llm_tokenizer *open_json(const char *json)
{
    llm_tokenizer *tokenizer = NULL;
    assert_int_equal(llm_tokenizer_from_json(NULL, json, strlen(json), &tokenizer), EA_OK);
    return tokenizer;
}

static void expect_ids(const llm_tokenizer *tokenizer, const char *text, bool special,
                       const int32_t *expected, size_t count)
{
    llm_ids ids = { 0 };
    assert_int_equal(llm_tokenizer_encode(NULL, tokenizer, text, strlen(text), special, &ids),
                     EA_OK);
    assert_int_equal(ids.count, count);
    assert_memory_equal(ids.data, expected, count * sizeof *expected);
    llm_ids_free(&ids);
}

#define IDS(...) \
    (const int32_t[]){ __VA_ARGS__ }, sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)

static void test_merges_by_rank_then_place(void **state)
{
    (void)state;
    llm_tokenizer *tokenizer = open_json(pieces_json);
    expect_ids(tokenizer, "ab", true, IDS(9, 5));
    expect_ids(tokenizer, "bab", false, IDS(1, 3, 4));
    expect_ids(tokenizer, "abab a", false, IDS(5, 4, 1, 2)); /* "▁ ab" is sooner than "ab a" */
    expect_ids(tokenizer, "b\xc3\xa9<s>ab", false, IDS(1, 3, 6, 7, 9, 5));
    llm_tokenizer_free(tokenizer);
}

static void test_ill_formed_text_becomes_replacement(void **state)
{
    (void)state;
    llm_tokenizer *tokenizer = open_json(bytes_json);
    expect_ids(tokenizer, "\xc3\xa9", false, IDS(2));
    expect_ids(tokenizer, "\xc3", false, IDS(4, 5, 6));
    expect_ids(tokenizer, "\xe2\x82\xff", false, IDS(4, 5, 6, 4, 5, 6));
    expect_ids(tokenizer, "e\xcc\x81", false, IDS(2)); /* NFC */
    llm_tokenizer_free(tokenizer);
}

/* Any split of the tokens into pushes gives the text of the whole; here of random ids. */
static void check_streaming(const char *json, int32_t size)
{
    llm_tokenizer *tokenizer = open_json(json);
    uint32_t random = 12345;
    for (int round = 0; round < 2000; round++) {
        int32_t ids[12];
        for (size_t i = 0; i < 12; i++)
            ids[i] = (int32_t)((random = random * 1664525 + 1013904223) >> 16) % (size + 1);
        llm_text whole = { 0 }, parts = { 0 };
        llm_decoder decoder;
        assert_int_equal(llm_tokenizer_decode(NULL, tokenizer, ids, 12, true, &whole), EA_OK);
        llm_decoder_begin(&decoder, tokenizer, true);
        for (size_t i = 0; i < 12; i++) {
            assert_int_equal(llm_decoder_push(NULL, &decoder, ids[i], &parts), EA_OK);
            for (size_t at = 0; at < parts.size;) { /* what is out is whole characters */
                uint32_t code;
                int length = llm_utf8_read(parts.data + at, parts.size - at, &code);
                assert_true(length > 0);
                at += (size_t)length;
            }
        }
        assert_int_equal(llm_decoder_end(NULL, &decoder, &parts), EA_OK);
        assert_int_equal(parts.size, whole.size);
        if (whole.size > 0)
            assert_memory_equal(parts.data, whole.data, whole.size);
        llm_decoder_free(&decoder);
        llm_text_free(&whole);
        llm_text_free(&parts);
    }
    llm_tokenizer_free(tokenizer);
}

static void test_streaming_equals_whole(void **state)
{
    (void)state;
    check_streaming(bytes_json, 10);
    check_streaming(pieces_json, 11);
}

static void test_no_tokens_no_text(void **state)
{
    (void)state;
    llm_tokenizer *tokenizer = open_json(bytes_json);
    llm_ids ids = { 0 };
    llm_text text = { 0 };
    llm_decoder decoder;
    assert_int_equal(llm_tokenizer_encode(NULL, tokenizer, "", 0, true, &ids), EA_OK);
    assert_int_equal(ids.count, 0);
    llm_decoder_begin(&decoder, tokenizer, true);
    assert_int_equal(llm_decoder_end(NULL, &decoder, &text), EA_OK);
    assert_int_equal(text.size, 0);
    llm_decoder_free(&decoder);
    llm_tokenizer_free(tokenizer);
}

/* One very long piece: quadratic time would take minutes. */
static void test_long_piece(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    llm_tokenizer *tokenizer = open_json(pieces_json);
    char *text = core_alloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = i % 2 ? 'b' : 'a';
    llm_ids ids = { 0 };
    assert_int_equal(llm_tokenizer_encode(NULL, tokenizer, text, SIZE, false, &ids), EA_OK);
    assert_int_equal(ids.count, SIZE / 2);
    llm_ids_free(&ids);
    core_free(text);
    llm_tokenizer_free(tokenizer);
}

/* Loads and uses a tokenizer; the status of the first thing that failed. */
static ea_status load_and_use(const char *json)
{
    llm_tokenizer *tokenizer;
    llm_ids ids = { 0 };
    llm_text text = { 0 };
    ea_status status = llm_tokenizer_from_json(NULL, json, strlen(json), &tokenizer);
    if (status == EA_OK)
        status = llm_tokenizer_encode(NULL, tokenizer, "Norm e\xcc\x81 ab<s>\xff", 14, true, &ids);
    if (status == EA_OK)
        status = llm_tokenizer_decode(NULL, tokenizer, ids.data, ids.count, false, &text);
    llm_ids_free(&ids);
    llm_text_free(&text);
    llm_tokenizer_free(tokenizer);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const char *const all[] = { pieces_json, bytes_json };
    for (int i = 0; i < 2; i++) {
        core_alloc_fail_at(0);
        assert_int_equal(load_and_use(all[i]), EA_OK);
        int64_t count = core_alloc_count();
        for (int64_t n = 1; n <= count; n++) {
            core_alloc_fail_at(n);
            assert_int_equal(load_and_use(all[i]), EA_ERR_MEMORY);
        }
        core_alloc_fail_at(0);
    }
}

static void test_hostile_files(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "[]",
        "{}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":99999999999},\"merges\":[]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"b\"},\"merges\":[]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[7]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"decoder\":{\"type\":3}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":"
        "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"decoder\":"
        "{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"content\":\"x\",\"id\":1e9}]}",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        llm_tokenizer *tokenizer;
        ea_status status = llm_tokenizer_from_json(NULL, files[i], strlen(files[i]), &tokenizer);
        assert_true(status == EA_ERR_FORMAT || status == EA_ERR_UNSUPPORTED);
        assert_null(tokenizer);
        assert_true(strlen(ea_error_text(NULL)) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges_by_rank_then_place),
        cmocka_unit_test(test_ill_formed_text_becomes_replacement),
        cmocka_unit_test(test_streaming_equals_whole),
        cmocka_unit_test(test_no_tokens_no_text),
        cmocka_unit_test(test_long_piece),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
