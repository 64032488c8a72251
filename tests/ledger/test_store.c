/* Putting, getting, transactions, and what another handle sees. */
#include "ledger_test.h"

#include "ledger/chunk.h"

#include <fcntl.h>
#include <sys/stat.h>

static const size_t sizes[] = { 0,       1,       63,      64,      65535,   65536,      65537,
                                1048575, 1048576, 1048577, 4194304, 9000001, 4194304 * 3 };

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Bytes, file and descriptor give one digest, libcrypto's of the content, and the content again,
 * both before the commit and from another handle after it. */
static void test_content_comes_back(void **state)
{
    ledger_store *store = *state;
    char path[128], hex[LEDGER_HEX_SIZE];
    snprintf(path, sizeof path, "%s/file", ledger_test_folder);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *data = ledger_test_bytes(sizes[i], i);
        ledger_object a, b;
        char *back;
        size_t size;
        write_file(path, data, sizes[i]);
        ASSERT_OK(ledger_put_bytes(store, data, sizes[i], &a));
        ASSERT_OK(ledger_put_file(store, path, &b));
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(a.size, sizes[i]);
        ASSERT_OK(ledger_get_bytes(store, &a.digest, sizes[i], &back, &size));
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(back, data, size);
        core_free(back);
        ASSERT_OK(ledger_begin(store));
        ASSERT_OK(ledger_ref(store, "test", &a.digest, LEDGER_FILE));
        ASSERT_OK(ledger_commit(store));

        ledger_store *other = ledger_test_open();
        ASSERT_OK(ledger_get_bytes(other, &a.digest, sizes[i], &back, &size));
        assert_memory_equal(back, data, size);
        core_free(back);
        ledger_close(other);
        free(data);
    }
    ledger_object abc;
    ASSERT_OK(ledger_put_bytes(store, "abc", 3, &abc)); /* FIPS 180-2's example */
    assert_string_equal(ledger_hex(&abc.digest, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_rollback_leaves_nothing(void **state)
{
    ledger_store *store = *state;
    ledger_object object;
    bool found;
    ASSERT_OK(ledger_put_bytes(store, "gone", 4, &object));
    ASSERT_OK(ledger_begin(store));
    ASSERT_OK(ledger_ref(store, "test", &object.digest, LEDGER_FILE));
    ledger_rollback(store);
    ASSERT_OK(ledger_find(store, &object.digest, &found, NULL));
    assert_false(found);
    char command[512];
    snprintf(
        command, sizeof command,
        "test -d %s/.eadem/objects && test -z \"$(find %s/.eadem/tmp %s/.eadem/objects -type f)\"",
        ledger_test_folder, ledger_test_folder, ledger_test_folder);
    assert_int_equal(system(command), 0);
}

static void test_a_reference_needs_its_object(void **state)
{
    ledger_store *store = *state;
    ledger_digest digest = { { 1, 2, 3 } };
    assert_int_equal(ledger_ref(store, "test", &digest, LEDGER_FILE), EA_ERR_STATE);
    ASSERT_OK(ledger_begin(store));
    assert_int_equal(ledger_ref(store, "test", &digest, LEDGER_FILE), EA_ERR_STATE);
    assert_non_null(strstr(ea_error_text(NULL), "0102030000000000"));
    ledger_rollback(store);
}

static void test_get_file_replaces_whole(void **state)
{
    ledger_store *store = *state;
    ledger_object object;
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s/out", ledger_test_folder);
    write_file(path, "old", 3);
    ASSERT_OK(ledger_put_bytes(store, "new content", 11, &object));
    ASSERT_OK(ledger_get_file(store, &object.digest, path, 0440));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 11);
    assert_int_equal(info.st_mode & 0777, 0440);
}

static void test_an_insertion_stores_little(void **state)
{
    ledger_store *store = *state;
    size_t size = 20 << 20;
    unsigned char *data = ledger_test_bytes(size + 100, 7);
    ledger_object object;
    int64_t before = 0, after = 0;
    ASSERT_OK(ledger_put_bytes(store, data + 100, size, &object));
    ASSERT_OK(ledger_flush(store));
    ASSERT_OK(ledger_value(store, &before, "SELECT sum(size) FROM pack", ""));
    memmove(data, data + 100, size / 2); /* 100 bytes more in the middle */
    ASSERT_OK(ledger_put_bytes(store, data, size + 100, &object));
    ASSERT_OK(ledger_flush(store));
    ASSERT_OK(ledger_value(store, &after, "SELECT sum(size) FROM pack", ""));
    assert_true(before > (int64_t)size / 3);
    assert_in_range(after - before, 1, 2 * LEDGER_CHUNK_MAX);
    free(data);
}

static void test_newer_store_is_refused(void **state)
{
    ledger_store *store = *state, *other;
    ASSERT_OK(ledger_exec(store, "UPDATE schema SET version = 1000 WHERE subject = 'object'", ""));
    assert_int_equal(ledger_open(NULL, ledger_test_folder, 0, &other), EA_ERR_STATE);
    assert_non_null(strstr(ea_error_text(NULL), "newer Eadem"));
}

static void test_no_store_says_how_to_get_one(void **state)
{
    (void)state;
    ledger_store *store;
    assert_int_equal(ledger_open(NULL, "/", 0, &store), EA_ERR_STATE);
    assert_null(store);
    assert_non_null(strstr(ea_error_text(NULL), "eadem run"));
}

#define STORE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, ledger_test_setup, ledger_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_content_comes_back),
        STORE_TEST(test_rollback_leaves_nothing),
        STORE_TEST(test_a_reference_needs_its_object),
        STORE_TEST(test_get_file_replaces_whole),
        STORE_TEST(test_an_insertion_stores_little),
        STORE_TEST(test_newer_store_is_refused),
        cmocka_unit_test(test_no_store_says_how_to_get_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
