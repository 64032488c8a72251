/* yaml.c: building the tree, by libyaml's events. */
#include "io/yaml.h"
#include "core/memory.h"
#include "io/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 32, MAX_NODES = 100000, BLOCK = 1 << 16 };

/* Nodes and texts lie in blocks that go together. */
typedef struct block {
    struct block *previous;
    size_t used;
    size_t size;
} block;

struct io_yaml {
    block *blocks;
    char *file;
    io_node *root;
    int nodes;
};

typedef struct builder {
    ea_context *ctx;
    io_yaml *doc;
    yaml_parser_t parser;
    const char *name;
} builder;

static void *take_bytes(io_yaml *doc, size_t size)
{
    size = (size + 15) / 16 * 16;
    if (!doc->blocks || doc->blocks->size - doc->blocks->used < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        block *b = core_alloc(sizeof *b + 64 + room);
        if (!b)
            return NULL;
        *b = (block){ .previous = doc->blocks, .size = room };
        doc->blocks = b;
    }
    void *bytes = (char *)doc->blocks + 64 + doc->blocks->used;
    doc->blocks->used += size;
    return bytes;
}

void io_yaml_free(io_yaml *doc)
{
    if (!doc)
        return;
    while (doc->blocks) {
        block *b = doc->blocks;
        doc->blocks = b->previous;
        core_free(b);
    }
    core_free(doc);
}

const io_node *io_yaml_root(const io_yaml *doc)
{
    return doc->root;
}

/* --- Building -----------------------------------------------------------------------------------
 */

__attribute__((format(printf, 3, 4))) static ea_status syntax_error(builder *b, size_t line,
                                                                    const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return core_fail(b->ctx, EA_ERR_FORMAT, "%s:%zu: %s", b->name, line, text);
}

static ea_status no_memory(builder *b)
{
    return core_fail(b->ctx, EA_ERR_MEMORY, "%s: no memory to read it", b->name);
}

static ea_status next_event(builder *b, yaml_event_t *event)
{
    if (yaml_parser_parse(&b->parser, event))
        return EA_OK;
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(b);
    return syntax_error(b, p->problem_mark.line + 1, "not valid YAML: %s",
                        p->problem ? p->problem : "unknown");
}

static ea_status make_node(builder *b, const yaml_event_t *event, io_node_kind kind, io_node **out)
{
    size_t line = event->start_mark.line + 1;
    if (++b->doc->nodes > MAX_NODES)
        return syntax_error(b, line, "more than %d nodes", MAX_NODES);
    io_node *node = take_bytes(b->doc, sizeof *node);
    if (!node)
        return no_memory(b);
    *node = (io_node){ .kind = kind, .file = b->doc->file, .line = (int)line };
    *out = node;
    return EA_OK;
}

static ea_status copy_text(builder *b, const yaml_event_t *event, const char **out)
{
    size_t length = event->data.scalar.length;
    char *text = take_bytes(b->doc, length + 1);
    if (!text)
        return no_memory(b);
    memcpy(text, event->data.scalar.value, length);
    text[length] = 0;
    *out = text;
    if (strlen(text) != length)
        return syntax_error(b, event->start_mark.line + 1, "a text holds a NUL");
    return EA_OK;
}

/* Anchors and tags are not offered: recipes need neither, and aliases can make a small file huge.
 */
static ea_status check_plain(builder *b, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return syntax_error(b, line, "aliases are not offered: write the value out");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor)
        return syntax_error(b, line, "anchors are not offered: write the value out");
    if (tag)
        return syntax_error(b, line, "tags are not offered: leave '%.40s' out", (const char *)tag);
    return EA_OK;
}

static ea_status build_node(builder *b, const yaml_event_t *event, int depth, io_node **out);

/* Reads the key into `key`; false in *more when the map or the list is over. */
static ea_status next_child(builder *b, io_node *parent, yaml_event_t *event, const char **key,
                            bool *more)
{
    *key = NULL;
    EA_TRY(next_event(b, event));
    *more = event->type != YAML_MAPPING_END_EVENT && event->type != YAML_SEQUENCE_END_EVENT;
    if (!*more || parent->kind == IO_LIST)
        return EA_OK;
    ea_status status = check_plain(b, event);
    size_t line = event->start_mark.line + 1;
    if (status == EA_OK && event->type != YAML_SCALAR_EVENT)
        status = syntax_error(b, line, "a key that is a list or a map is not offered");
    if (status == EA_OK)
        status = copy_text(b, event, key);
    yaml_event_delete(event);
    EA_TRY(status);
    const io_node *twin = io_yaml_find(parent, *key);
    if (twin)
        return syntax_error(b, line, "key '%.60s' comes twice: it is on line %d too", *key,
                            twin->line);
    return next_event(b, event);
}

static ea_status build_children(builder *b, io_node *parent, int depth)
{
    io_node **link = &parent->first;
    for (;;) {
        yaml_event_t event = { 0 };
        const char *key;
        bool more = false;
        EA_TRY(next_child(b, parent, &event, &key, &more));
        ea_status status = more ? build_node(b, &event, depth, link) : EA_OK;
        yaml_event_delete(&event);
        if (status != EA_OK || !more)
            return status;
        (*link)->key = key;
        link = &(*link)->next;
        parent->count++;
    }
}

static ea_status build_node(builder *b, const yaml_event_t *event, int depth, io_node **out)
{
    EA_TRY(check_plain(b, event));
    if (depth > MAX_DEPTH)
        return syntax_error(b, event->start_mark.line + 1, "more than %d levels", MAX_DEPTH);
    io_node_kind kind = event->type == YAML_SCALAR_EVENT           ? IO_SCALAR
                        : event->type == YAML_SEQUENCE_START_EVENT ? IO_LIST
                                                                   : IO_MAP;
    EA_TRY(make_node(b, event, kind, out));
    if (kind != IO_SCALAR)
        return build_children(b, *out, depth + 1);
    (*out)->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return copy_text(b, event, &(*out)->text);
}

static ea_status expect_end(builder *b)
{
    yaml_event_t event;
    for (;;) {
        EA_TRY(next_event(b, &event));
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return EA_OK;
        if (type != YAML_DOCUMENT_END_EVENT)
            return syntax_error(b, line, "a second document: give one");
    }
}

static ea_status build(builder *b)
{
    yaml_event_t event;
    for (;;) {
        EA_TRY(next_event(b, &event));
        yaml_event_type_t type = event.type;
        if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT)
            break;
        yaml_event_delete(&event);
    }
    ea_status status = event.type == YAML_STREAM_END_EVENT
                           ? syntax_error(b, event.start_mark.line + 1, "the document is empty")
                           : build_node(b, &event, 1, &b->doc->root);
    yaml_event_delete(&event);
    return status == EA_OK ? expect_end(b) : status;
}

ea_status io_yaml_parse(ea_context *ctx, const char *name, const char *text, size_t size,
                        io_yaml **out)
{
    *out = NULL;
    builder b = { .ctx = ctx, .name = name, .doc = core_alloc_zero(sizeof *b.doc) };
    if (!b.doc || !(b.doc->file = take_bytes(b.doc, strlen(name) + 1)) ||
        !yaml_parser_initialize(&b.parser)) {
        io_yaml_free(b.doc);
        return no_memory(&b);
    }
    memcpy(b.doc->file, name, strlen(name) + 1);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, size);
    ea_status status =
        size > MAX_BYTES ? core_fail(ctx, EA_ERR_FORMAT, "%s: has %zu bytes: at most %d are taken",
                                     name, size, MAX_BYTES)
                         : build(&b);
    yaml_parser_delete(&b.parser);
    if (status != EA_OK) {
        io_yaml_free(b.doc);
        return status;
    }
    *out = b.doc;
    return EA_OK;
}

ea_status io_yaml_load(ea_context *ctx, const char *path, io_yaml **out)
{
    char *text;
    size_t size;
    *out = NULL;
    EA_TRY(io_read_file(ctx, path, MAX_BYTES, &text, &size));
    ea_status status = io_yaml_parse(ctx, path, text, size, out);
    core_free(text);
    return status;
}
