/* Recipes: parsing, and every getter on every node. */
#include "fuzz.h"
#include "io/yaml.h"

static void visit(const io_node *node)
{
    static const char *const names[] = { "epochs", "batch", "model", NULL };
    ea_context *ctx = fuzz_context();
    int64_t i;
    double d;
    bool b;
    int choice;
    const char *text;
    if (node->kind == IO_SCALAR) {
        io_node_int(ctx, node, "value", -5, 5, &i);
        io_node_double(ctx, node, "value", -5, 5, &d);
    } else {
        io_yaml_keys(ctx, node, names);
    }
    for (const io_node *child = node->first; child; child = child->next) {
        if (child->key) {
            io_yaml_bool(ctx, node, child->key, &b);
            io_yaml_string(ctx, node, child->key, &text);
            io_yaml_choice(ctx, node, child->key, names, &choice);
        }
        visit(child);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    io_yaml *doc;
    ea_status status = io_yaml_parse(fuzz_context(), "r.yaml", (const char *)data, size, &doc);
    fuzz_check(status, doc);
    if (doc)
        visit(io_yaml_root(doc));
    io_yaml_free(doc);
    return 0;
}
