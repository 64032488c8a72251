/* Trees, lists, bundles and stores from strangers: refused with a sentence, nothing written
 * outside. */
#include "ledger_test.h"

#include "ledger/bundle.h"
#include "ledger/bundle_format.h"
#include "ledger/checkout.h"
#include "ledger/chunk.h"
#include "ledger/fsck.h"
#include "ledger/pack.h"
#include "ledger/tree_check.h"

#include <fcntl.h>
#include <sys/resource.h>

/* --- Trees ------------------------------------------------------------------------------------ */

/* Bytes of a tree as docs/ledger.md gives them, written here by hand. */
typedef struct bytes {
    char data[1 << 20];
    size_t size;
} bytes;

static void add(bytes *to, const void *data, size_t size)
{
    assert_true(to->size + size <= sizeof to->data);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void add_entry(bytes *tree, char type, const char *name, size_t length,
                      const ledger_object *object)
{
    unsigned char header[42] = { (unsigned char)type };
    ledger_put_le64(header + 1, (uint64_t)object->size);
    memcpy(header + 9, object->digest.bytes, LEDGER_DIGEST_SIZE);
    header[41] = (unsigned char)length;
    add(tree, header, sizeof header);
    add(tree, name, length);
}

static ledger_object put_tree(ledger_store *store, const bytes *tree)
{
    ledger_object object;
    ASSERT_OK(ledger_put_bytes(store, tree->data, tree->size, &object));
    return object;
}

static void test_names_that_lead_out_are_refused(void **state)
{
    ledger_store *store = *state;
    static const struct {
        const char *name;
        size_t length;
    } names[] = { { "", 0 },     { ".", 1 },      { "..", 2 },    { "/etc", 4 },
                  { "a/b", 3 },  { "../x", 4 },   { "a\0b", 3 },  { ".git", 4 },
                  { ".GIT", 4 }, { ".eadem", 6 }, { ".Eadem", 6 } };
    ledger_object file;
    char path[128];
    snprintf(path, sizeof path, "%s/out", ledger_test_folder);
    ASSERT_OK(ledger_put_bytes(store, "x", 1, &file));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bytes tree = { "EADEMTR1", 8 };
        add_entry(&tree, 'f', names[i].name, names[i].length, &file);
        ledger_object object = put_tree(store, &tree);
        assert_int_equal(ledger_checkout(store, LEDGER_FOLDER_ENTRY, &object.digest, path, NULL),
                         EA_ERR_FORMAT);
        assert_non_null(strstr(ea_error_text(NULL), "not allowed"));
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

static void expect_bad_tree(const bytes *tree)
{
    ledger_listing listing;
    assert_int_equal(ledger_tree_decode(NULL, tree->data, tree->size, &listing), EA_ERR_FORMAT);
    assert_null(listing.entries);
}

static void test_trees_in_disorder_are_refused(void **state)
{
    (void)state;
    ledger_object file = { .size = 1 }, huge = { .size = -1 }, link = { .size = 5000 };
    bytes twice = { "EADEMTR1", 8 }, disorder = twice, type = twice, size = twice, target = twice;
    ledger_listing listing;
    add_entry(&twice, 'l', "a", 1, &file); /* a link and then a folder of that name: the classic */
    add_entry(&twice, 'd', "a", 1, &file);
    expect_bad_tree(&twice);
    add_entry(&disorder, 'f', "b", 1, &file);
    add_entry(&disorder, 'f', "a", 1, &file);
    expect_bad_tree(&disorder);
    add_entry(&type, 's', "a", 1, &file);
    expect_bad_tree(&type);
    add_entry(&size, 'f', "a", 1, &huge);
    expect_bad_tree(&size);
    add_entry(&target, 'l', "a", 1, &link);
    expect_bad_tree(&target);
    for (size_t n = 0; n < twice.size; n++) {
        bytes cut = twice;
        cut.size = n;
        if (n != 8 && n != 8 + 43)
            expect_bad_tree(&cut);
    }
    bytes none = { "EADEMTR1", 8 };
    ASSERT_OK(ledger_tree_decode(NULL, none.data, none.size, &listing));
    assert_int_equal(listing.count, 0);
    ledger_listing_free(&listing);
}

static void test_links_that_lead_out_are_refused(void **state)
{
    ledger_store *store = *state;
    static const struct {
        const char *target;
        int depth;
        bool inside;
    } cases[] = { { "a", 0, true },       { "a/b", 0, true },          { "./a", 0, true },
                  { "..", 0, false },     { "../a", 1, true },         { "../../a", 1, false },
                  { "../../a", 2, true }, { "/etc/passwd", 5, false }, { "", 0, false },
                  { "a/../b", 3, false }, { "a/..", 3, false },        { "..a", 0, true },
                  { "...", 0, true },     { ".//..//a", 1, true },     { ".//..//a", 0, false } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ledger_link_stays_inside(cases[i].target, cases[i].depth),
                         cases[i].inside);
    ledger_object target;
    bytes tree = { "EADEMTR1", 8 };
    char path[128];
    snprintf(path, sizeof path, "%s/out", ledger_test_folder);
    ASSERT_OK(ledger_put_bytes(store, "../../etc", 9, &target));
    add_entry(&tree, 'l', "x", 1, &target);
    ledger_object object = put_tree(store, &tree);
    assert_int_equal(ledger_checkout(store, LEDGER_FOLDER_ENTRY, &object.digest, path, NULL),
                     EA_ERR_UNSUPPORTED);
    assert_non_null(strstr(ea_error_text(NULL), "--any-link"));
    assert_int_not_equal(access(path, F_OK), 0);
    ledger_checkout_options trusted = { .any_link = true };
    ASSERT_OK(ledger_checkout(store, LEDGER_FOLDER_ENTRY, &object.digest, path, &trusted));
}

/* What lies in the way of a checkout is not followed. */
static void test_a_planted_link_is_not_followed(void **state)
{
    ledger_store *store = *state;
    ledger_object file;
    bytes inner = { "EADEMTR1", 8 }, outer = { "EADEMTR1", 8 };
    char path[128], partial[160], victim[128], hex[LEDGER_HEX_SIZE], planted[256];
    ASSERT_OK(ledger_put_bytes(store, "x", 1, &file));
    add_entry(&inner, 'f', "file", 4, &file);
    ledger_object folder = put_tree(store, &inner);
    folder.size = 1;
    add_entry(&outer, 'd', "sub", 3, &folder);
    ledger_object object = put_tree(store, &outer);
    snprintf(path, sizeof path, "%s/out", ledger_test_folder);
    snprintf(victim, sizeof victim, "%s/victim", ledger_test_folder);
    snprintf(partial, sizeof partial, "%s.eadem-%.16s", path, ledger_hex(&object.digest, hex));
    snprintf(planted, sizeof planted, "%s/sub", partial);
    assert_int_equal(mkdir(victim, 0777), 0);
    assert_int_equal(mkdir(partial, 0777), 0);
    assert_int_equal(symlink("../victim", planted), 0);
    assert_int_equal(ledger_checkout(store, LEDGER_FOLDER_ENTRY, &object.digest, path, NULL),
                     EA_ERR_IO);
    strcat(victim, "/file");
    assert_int_not_equal(access(victim, F_OK), 0);
}

/* Forty folders that each name the next one twice: 2^40 files in four kilobytes. */
static void test_a_folder_bomb_is_counted_and_refused(void **state)
{
    ledger_store *store = *state;
    ledger_object object;
    ledger_tree_total total;
    ASSERT_OK(ledger_put_bytes(store, "", 0, &object));
    bytes last = { "EADEMTR1", 8 };
    add_entry(&last, 'f', "a", 1, &object);
    add_entry(&last, 'f', "b", 1, &object);
    object = put_tree(store, &last);
    object.size = 0;
    for (int i = 0; i < 40; i++) {
        bytes tree = { "EADEMTR1", 8 };
        add_entry(&tree, 'd', "a", 1, &object);
        add_entry(&tree, 'd', "b", 1, &object);
        object = put_tree(store, &tree);
        object.size = 0;
    }
    assert_int_equal(ledger_tree_check(store, &object.digest, 100000000, &total),
                     EA_ERR_UNSUPPORTED);
    ASSERT_OK(ledger_tree_check(store, &object.digest, INT64_MAX, &total));
    assert_int_equal(total.files, INT64_C(1) << 41);
}

/* --- Bundles ---------------------------------------------------------------------------------- */

static void add_record(bytes *bundle, ledger_encoding encoding, int64_t size, const void *payload,
                       size_t stored, const ledger_digest *digest)
{
    unsigned char header[LEDGER_RECORD_SIZE];
    ledger_record record = { encoding, size, (int64_t)stored, ledger_check(payload, stored),
                             *digest };
    ledger_record_encode(&record, header);
    add(bundle, header, sizeof header);
    add(bundle, payload, stored);
}

static void add_manifest(bytes *bundle, const char *text)
{
    unsigned char header[LEDGER_RECORD_SIZE] = LEDGER_MANIFEST_MAGIC;
    ledger_sha *sha;
    ledger_digest digest;
    ASSERT_OK(ledger_sha_create(NULL, &sha));
    ASSERT_OK(ledger_sha_of(sha, text, strlen(text), &digest));
    ledger_sha_destroy(sha);
    ledger_put_le64(header + 8, strlen(text));
    memcpy(header + 32, digest.bytes, LEDGER_DIGEST_SIZE);
    add(bundle, header, sizeof header);
    add(bundle, text, strlen(text));
}

static ea_status import(ledger_store *store, const bytes *bundle)
{
    ledger_bundle_result result;
    FILE *file = fmemopen((void *)(uintptr_t)bundle->data, bundle->size, "rb");
    ea_status status = ledger_bundle_read_file(store, file, "bundle", false, &result);
    fclose(file);
    json_decref(result.manifest);
    return status;
}

static void count_problem(void *argument, const char *problem)
{
    print_message("%s\n", problem);
    ++*(int *)argument;
}

static void expect_empty(ledger_store *store)
{
    ledger_health health;
    ledger_garbage garbage;
    int problems = 0;
    ASSERT_OK(ledger_collect(store, false, 1, &garbage));
    ASSERT_OK(ledger_fsck(store, count_problem, &problems, &health));
    assert_int_equal(problems, 0);
    assert_int_equal(health.objects, 0);
    assert_int_equal(health.references, 0);
}

static const char *const bad_manifests[] = {
    "",
    "[]",
    "{\"format\":\"eadem-bundle-2\"}",
    "{\"format\":\"eadem-bundle-1\",\"runs\":[{}]}",
    "{\"format\":\"eadem-bundle-1\",\"runs\":[{\"id\":\"../../x\",\"record\":\"00\"}]}",
    "{\"format\":\"eadem-bundle-1\",\"data\":[7]}",
    "{\"format\":\"eadem-bundle-1\",\"data\":[{\"name\":\"x\",\"type\":\"d\",\"size\":0,\"files\":"
    "0,"
    "\"digest\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
    "{\"format\":\"eadem-bundle-1\",\"data\":[{\"name\":\"x\",\"type\":\"f\",\"size\":4,\"files\":"
    "1,"
    "\"digest\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
    "{\"format\":\"eadem-bundle-1\",\"data\":[{\"name\":\"a\\nb\",\"type\":\"f\",\"size\":3,"
    "\"files\":1,"
    "\"digest\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}",
    ("{\"format\":\"eadem-bundle-1\",\"models\":[{\"name\":\"x\",\"run\":\"last\",\"path\":\"m\","
     "\"digest\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}"),
};

static void test_bad_manifests_leave_nothing(void **state)
{
    ledger_store *store = *state;
    ledger_digest abc;
    assert_true(
        ledger_from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", &abc));
    for (size_t i = 0; i < sizeof bad_manifests / sizeof bad_manifests[0]; i++) {
        bytes bundle = { "EADEMBN1", 8 };
        add_record(&bundle, LEDGER_RAW, 3, "abc", 3, &abc);
        add_manifest(&bundle, bad_manifests[i]);
        assert_int_not_equal(import(store, &bundle), EA_OK);
        assert_true(*ea_error_text(NULL) != 0);
        expect_empty(store);
    }
    bytes good = { "EADEMBN1", 8 }; /* the frame of these is right: this one goes in */
    add_record(&good, LEDGER_RAW, 3, "abc", 3, &abc);
    add_manifest(&good, "{\"format\":\"eadem-bundle-1\",\"data\":[{\"name\":\"x\",\"type\":\"f\","
                        "\"size\":3,\"files\":1,\"digest\":"
                        "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}");
    ASSERT_OK(import(store, &good));
}

static void test_bad_objects_leave_nothing(void **state)
{
    ledger_store *store = *state;
    static unsigned char zeros[LEDGER_CHUNK_MAX];
    ledger_digest digest, wrong = { { 1 } };
    ledger_packer *packer;
    ledger_sha *sha;
    const void *small;
    size_t size;
    ASSERT_OK(ledger_sha_create(NULL, &sha));
    ASSERT_OK(ledger_packer_create(NULL, &packer));
    ASSERT_OK(ledger_sha_of(sha, zeros, sizeof zeros, &digest));
    ASSERT_OK(ledger_compress(packer, zeros, sizeof zeros, &small, &size));

    bytes lies = { "EADEMBN1", 8 }, short_zstd = lies, long_zstd = lies, list = lies, bomb = lies;
    add_record(&lies, LEDGER_RAW, 3, "abc", 3, &wrong);
    assert_int_equal(import(store, &lies), EA_ERR_FORMAT);
    add_record(&short_zstd, LEDGER_ZSTD, 1000, small, size, &digest); /* expands to more */
    assert_int_equal(import(store, &short_zstd), EA_ERR_FORMAT);
    add_record(&long_zstd, LEDGER_ZSTD, LEDGER_CHUNK_MAX, small, size / 2, &digest);
    assert_int_equal(import(store, &long_zstd), EA_ERR_FORMAT);

    unsigned char entries[20000 * LEDGER_LIST_ENTRY];
    for (int i = 0; i < 20000; i++) {
        memcpy(entries + i * LEDGER_LIST_ENTRY, digest.bytes, LEDGER_DIGEST_SIZE);
        ledger_put_le64(entries + i * LEDGER_LIST_ENTRY + LEDGER_DIGEST_SIZE, sizeof zeros);
    }
    add_record(&list, LEDGER_LIST, 2 * LEDGER_CHUNK_MAX, entries, 2 * LEDGER_LIST_ENTRY, &wrong);
    assert_int_equal(import(store, &list), EA_ERR_FORMAT); /* its chunk is not there */
    expect_empty(store);
    add_record(&bomb, LEDGER_ZSTD, sizeof zeros, small, size, &digest);
    add_record(&bomb, LEDGER_LIST, 20000 * (int64_t)sizeof zeros, entries, sizeof entries, &wrong);
    assert_int_equal(import(store, &bomb), EA_ERR_UNSUPPORTED); /* 20 GB in 800 kB */
    assert_non_null(strstr(ea_error_text(NULL), "--any-size"));
    expect_empty(store);
    ledger_packer_destroy(packer);
    ledger_sha_destroy(sha);
}

/* A header may promise 640 MB of list; memory is taken only for bytes that come. */
static void test_headers_do_not_take_memory(void **state)
{
    ledger_store *store = *state;
    unsigned char header[LEDGER_RECORD_SIZE];
    struct rusage before, after;
    ledger_record record = { LEDGER_LIST,
                             (int64_t)LEDGER_LIST_MAX << 18,
                             (int64_t)LEDGER_LIST_MAX * LEDGER_LIST_ENTRY,
                             0,
                             { { 0 } } };
    bytes bundle = { "EADEMBN1", 8 };
    ledger_record_encode(&record, header);
    add(&bundle, header, sizeof header);
    add(&bundle, header, sizeof header);
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(import(store, &bundle), EA_ERR_FORMAT);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* kilobytes */
    ledger_put_le64(header + 16, UINT64_MAX / 2);
    bytes larger = { "EADEMBN1", 8 };
    add(&larger, header, sizeof header);
    assert_int_equal(import(store, &larger), EA_ERR_FORMAT);
}

/* --- Stores ----------------------------------------------------------------------------------- */

static void test_a_store_with_links_is_refused(void **state)
{
    char command[512];
    ledger_store *store;
    ledger_close(*state);
    snprintf(
        command, sizeof command,
        "cd %s && mkdir elsewhere && rm -rf .eadem/objects && ln -s ../elsewhere .eadem/objects",
        ledger_test_folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(ledger_open(NULL, ledger_test_folder, 0, &store), EA_ERR_IO);
    snprintf(command, sizeof command,
             "cd %s && rm .eadem/objects && mv .eadem/ledger.db elsewhere && ln -s "
             "../elsewhere/ledger.db .eadem/ledger.db",
             ledger_test_folder);
    assert_int_equal(system(command), 0);
    assert_int_not_equal(ledger_open(NULL, ledger_test_folder, 0, &store), EA_OK);
    *state = NULL;
}

/* A damaged byte in a pack is found by reading and by fsck, and gc removes nothing then. */
static void test_damage_is_found(void **state)
{
    ledger_store *store = *state;
    ledger_object object;
    ledger_health health;
    ledger_garbage garbage;
    char command[512], *back;
    size_t size;
    int problems = 0;
    unsigned char *data = ledger_test_bytes(3 << 20, 5);
    ASSERT_OK(ledger_put_bytes(store, data, 3 << 20, &object));
    free(data);
    ASSERT_OK(ledger_begin(store));
    ASSERT_OK(ledger_ref(store, "test", &object.digest, LEDGER_FILE));
    ASSERT_OK(ledger_commit(store));
    snprintf(
        command, sizeof command,
        "p=$(find %s/.eadem/objects -name '*.pack') && chmod u+w $p && printf X | dd of=$p bs=1 "
        "seek=300000 conv=notrunc 2>/dev/null",
        ledger_test_folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(ledger_get_bytes(store, &object.digest, 4 << 20, &back, &size), EA_ERR_FORMAT);
    assert_null(back);
    ASSERT_OK(ledger_fsck(store, count_problem, &problems, &health));
    assert_int_equal(problems, 2); /* the chunk, and the content that it is part of */
    ASSERT_OK(ledger_collect(store, false, 1, &garbage));
    assert_int_equal(garbage.objects, 0);
}

/* Any one allocation may fail: a sentence, no leak (under ASan), and the store goes on. */
static void test_every_allocation_may_fail(void **state)
{
    ledger_store *store = *state;
    size_t size = 5 << 20;
    unsigned char *data = ledger_test_bytes(size, 11);
    ea_status status = EA_ERR_MEMORY;
    int64_t at = 1;
    for (; status != EA_OK; at++) {
        ledger_object object;
        char *back = NULL;
        size_t got;
        core_alloc_fail_at(at);
        data[0] = (unsigned char)at;
        status = ledger_put_bytes(store, data, size, &object);
        if (status == EA_OK)
            status = ledger_get_bytes(store, &object.digest, size, &back, &got);
        core_alloc_fail_at(0);
        core_free(back);
        if (status != EA_OK)
            assert_int_equal(status, EA_ERR_MEMORY);
        ledger_rollback(store);
        assert_true(at < 1000);
    }
    assert_true(at > 5);
    free(data);
}

#define STORE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, ledger_test_setup, ledger_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_names_that_lead_out_are_refused),
        cmocka_unit_test(test_trees_in_disorder_are_refused),
        STORE_TEST(test_links_that_lead_out_are_refused),
        STORE_TEST(test_a_planted_link_is_not_followed),
        STORE_TEST(test_a_folder_bomb_is_counted_and_refused),
        STORE_TEST(test_bad_manifests_leave_nothing),
        STORE_TEST(test_bad_objects_leave_nothing),
        STORE_TEST(test_headers_do_not_take_memory),
        STORE_TEST(test_a_store_with_links_is_refused),
        STORE_TEST(test_damage_is_found),
        STORE_TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
