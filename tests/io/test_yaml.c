/* Recipes: the tree, the getters, and what their errors say. */
#include "core/memory.h"
#include "io/nearest.h"
#include "io/yaml.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static io_yaml *parse(const char *text)
{
    io_yaml *doc;
    if (io_yaml_parse(ctx, "r.yaml", text, strlen(text), &doc) != EA_OK)
        fail_msg("%s", ea_error_text(ctx));
    return doc;
}

static void expect_text(const char *text)
{
    if (!strstr(ea_error_text(ctx), text))
        fail_msg("'%s' does not say '%s'", ea_error_text(ctx), text);
}

static void expect_error(const char *text, const char *error)
{
    io_yaml *doc;
    assert_int_equal(io_yaml_parse(ctx, "r.yaml", text, strlen(text), &doc), EA_ERR_FORMAT);
    assert_null(doc);
    expect_text(error);
}

static void test_tree(void **state)
{
    (void)state;
    io_yaml *doc = parse("epochs: 2\n"
                         "rate: 1e-2 # comment\n"
                         "model:\n"
                         "  - conv: { in: 1, out: 6 }\n"
                         "  - relu\n"
                         "name: \"12\"\n"
                         "shuffle: true\n");
    const io_node *root = io_yaml_root(doc), *model;
    int64_t epochs = 0, absent = 7;
    double rate = 0;
    bool shuffle = false;
    const char *name = NULL;
    static const char *const keys[] = { "epochs", "rate", "model", "name", "shuffle", NULL };
    assert_int_equal(io_yaml_keys(ctx, root, keys), EA_OK);
    assert_int_equal(io_yaml_int(ctx, root, "epochs", 1, 10, &epochs), EA_OK);
    assert_int_equal(io_yaml_int(ctx, root, "absent", 1, 10, &absent), EA_OK);
    assert_int_equal(io_yaml_double(ctx, root, "rate", 0, 1, &rate), EA_OK);
    assert_int_equal(io_yaml_bool(ctx, root, "shuffle", &shuffle), EA_OK);
    assert_int_equal(io_yaml_string(ctx, root, "name", &name), EA_OK);
    assert_true(epochs == 2 && absent == 7 && rate == 0.01 && shuffle);
    assert_string_equal(name, "12");
    assert_int_equal(io_yaml_require(ctx, root, "model", IO_LIST, &model), EA_OK);
    assert_int_equal(model->count, 2);
    assert_int_equal(model->first->line, 4);
    int64_t out = 0;
    assert_int_equal(io_yaml_int(ctx, io_yaml_find(model->first, "conv"), "out", 1, 9, &out),
                     EA_OK);
    assert_int_equal(out, 6);
    assert_string_equal(model->first->next->text, "relu");
    assert_null(model->first->next->next);
    io_yaml_free(doc);
}

static void test_getter_errors(void **state)
{
    (void)state;
    io_yaml *doc = parse("epohcs: 2\nbatch: many\nrate: 2\nshuffle: yes\noptim: adma\nlist: [1]\n"
                         "quoted: \"3\"\nbig: 99999999999999999999\nempty:\nhex: 0x10\n");
    const io_node *root = io_yaml_root(doc), *node;
    int64_t i = 5;
    double d = 5;
    bool b = false;
    int choice = 5;
    const char *s = "5";
    static const char *const keys[] = { "batch", "epochs", NULL };
    static const char *const optimisers[] = { "sgd", "adam", "adamw", NULL };
    static const char *const others[] = { "xxxxxx", "yyyyyy", NULL };
    assert_int_equal(io_yaml_keys(ctx, root, keys), EA_ERR_ARGUMENT);
    assert_string_equal(ea_error_text(ctx),
                        "r.yaml:1: key 'epohcs' is unknown: did you mean 'epochs'?");
    assert_int_equal(io_yaml_keys(ctx, root, others), EA_ERR_ARGUMENT);
    expect_text("r.yaml:1: key 'epohcs' is unknown: give one of xxxxxx, yyyyyy");
    assert_int_equal(io_yaml_int(ctx, root, "batch", 1, 10, &i), EA_ERR_ARGUMENT);
    expect_text("r.yaml:2: 'batch' is many: give a whole number from 1 to 10");
    assert_int_equal(io_yaml_double(ctx, root, "rate", 0, 1, &d), EA_ERR_ARGUMENT);
    expect_text("r.yaml:3: 'rate' is 2: give a number from 0 to 1");
    assert_int_equal(io_yaml_bool(ctx, root, "shuffle", &b), EA_ERR_ARGUMENT);
    expect_text("r.yaml:4: 'shuffle' is yes: give true or false");
    assert_int_equal(io_yaml_choice(ctx, root, "optim", optimisers, &choice), EA_ERR_ARGUMENT);
    expect_text("r.yaml:5: optim 'adma' is unknown: did you mean 'adam'?");
    assert_int_equal(io_yaml_string(ctx, root, "list", &s), EA_ERR_ARGUMENT);
    expect_text("r.yaml:6: 'list' is a list: give a text");
    assert_int_equal(io_yaml_int(ctx, root, "quoted", 1, 10, &i), EA_ERR_ARGUMENT);
    expect_text("r.yaml:7: 'quoted' is \"3\"");
    assert_int_equal(io_yaml_int(ctx, root, "big", 1, INT64_MAX, &i), EA_ERR_ARGUMENT);
    assert_int_equal(io_yaml_int(ctx, root, "empty", 1, 10, &i), EA_ERR_ARGUMENT);
    assert_int_equal(io_yaml_int(ctx, root, "hex", 1, 99, &i), EA_ERR_ARGUMENT);
    assert_int_equal(io_yaml_require(ctx, root, "none", IO_MAP, &node), EA_ERR_ARGUMENT);
    expect_text("key 'none' is missing");
    assert_int_equal(io_yaml_require(ctx, root, "list", IO_MAP, &node), EA_ERR_ARGUMENT);
    expect_text("r.yaml:6: 'list' is a list: give a map");
    assert_int_equal(io_yaml_keys(ctx, io_yaml_find(root, "list"), keys), EA_ERR_ARGUMENT);
    expect_text("'list' is a list: give a map");
    assert_true(i == 5 && d == 5 && choice == 5 && !b);
    io_yaml_free(doc);
}

static void test_refused(void **state)
{
    (void)state;
    expect_error("", "empty");
    expect_error("a: 1\nb: }\n", "r.yaml:2: not valid YAML");
    expect_error("a: 1\nb: 2\na: 3\n", "r.yaml:3: key 'a' comes twice: it is on line 1 too");
    expect_error("a: &x 1\n", "r.yaml:1: anchors");
    expect_error("a: *x\n", "r.yaml:1: aliases");
    expect_error("a: !!int 3\n", "r.yaml:1: tags");
    expect_error("a: 1\n---\nb: 2\n", "second document");
    expect_error("? [1]\n: 2\n", "a list or a map");
    expect_error("a: \"b\\0c\"\n", "NUL");
    expect_error("a: \xff\n", "not valid YAML");
    char deep[100];
    memset(deep, '[', sizeof deep);
    deep[99] = 0;
    expect_error(deep, "more than 32 levels");
}

static void test_bounds(void **state)
{
    (void)state;
    size_t size = 400001;
    char *many = malloc(size);
    for (size_t i = 0; i + 1 < size; i += 2)
        memcpy(many + i, i ? "1," : "[ ", 2);
    many[size - 1] = 0;
    expect_error(many, "more than 100000 nodes");
    free(many);
    io_yaml *doc;
    assert_int_equal(io_yaml_load(ctx, "/nonexistent.yaml", &doc), EA_ERR_IO);
    assert_int_equal(io_yaml_load(ctx, "/tmp", &doc), EA_ERR_IO);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    io_yaml *doc = NULL;
    for (int n = 1; !doc; n++) {
        core_alloc_fail_at(n);
        io_yaml_parse(ctx, "r.yaml", "a: [1, {b: c}]", 14, &doc);
        core_alloc_fail_at(0);
        assert_true(n < 20);
    }
    io_yaml_free(doc);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = { "epochs", "batch", "seed", "lr", "momentum", NULL };
    assert_string_equal(io_nearest("epochs", names), "epochs");
    assert_string_equal(io_nearest("epoch", names), "epochs");
    assert_string_equal(io_nearest("momemtun", names), "momentum");
    assert_string_equal(io_nearest("sede", names), "seed");
    assert_string_equal(io_nearest("l", names), "lr");
    assert_null(io_nearest("banana", names));
    assert_null(io_nearest("", (const char *const[]){ "abc", NULL }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_getter_errors),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
