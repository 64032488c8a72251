/* params.c: a run's parameters. */
#include "ledger/params.h"
#include "ledger/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

enum { MAX_DEPTH = 64, MAX_PATH = 4096, MAX_VALUES = 100000 };

/* Where in the file's tree the reader is. */
typedef struct level {
    bool mapping;
    bool has_key;  /* of a mapping: the key was read, its value comes */
    int64_t index; /* of a sequence: the next one's */
    bool empty;
    size_t path_length; /* of the path that leads to this level */
} level;

typedef struct loader {
    ea_context *ctx;
    json_t *params; /* of this file alone */
    const char *file;
    yaml_parser_t parser;
    level levels[MAX_DEPTH];
    int depth;
    char path[MAX_PATH];
    int values;
} loader;

ea_status ledger_params_add(ea_context *ctx, json_t *params, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return core_fail(ctx, EA_ERR_ARGUMENT, "the parameter '%.100s' has no form NAME=VALUE",
                         assignment);
    json_t *value = ledger_json_text(equals + 1);
    if (json_object_setn_new(params, assignment, (size_t)(equals - assignment), value) != 0)
        return core_fail(ctx, EA_ERR_ARGUMENT, "the parameter '%.100s' is not UTF-8", assignment);
    return EA_OK;
}

static ea_status unsupported(loader *l, size_t line, const char *what)
{
    return core_fail(l->ctx, EA_ERR_UNSUPPORTED, "%s, line %zu: %s", l->file, line + 1, what);
}

/* Puts the next place's name behind the path of the level: ".key" or ".3". */
static ea_status extend_path(loader *l, size_t line, const char *key)
{
    level *top = &l->levels[l->depth - 1];
    size_t at = top->path_length;
    char number[24];
    if (!key) {
        snprintf(number, sizeof number, "%lld", (long long)top->index++);
        key = number;
    }
    int used = snprintf(l->path + at, MAX_PATH - at, at ? ".%s" : "%s", key);
    return at + (size_t)used < MAX_PATH ? EA_OK : unsupported(l, line, "the names are too long");
}

static ea_status add_value(loader *l, size_t line, const char *text)
{
    if (++l->values > MAX_VALUES)
        return unsupported(l, line, "more than 100000 values");
    if (json_object_get(l->params, l->path))
        return core_fail(l->ctx, EA_ERR_FORMAT, "%s, line %zu: '%.100s' is there twice", l->file,
                         line + 1, l->path);
    if (json_object_set_new(l->params, l->path, ledger_json_text(text)) != 0)
        return core_fail(l->ctx, EA_ERR_MEMORY, "%s: no memory", l->file);
    return EA_OK;
}

static ea_status read_scalar(loader *l, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t line = event->start_mark.line, length = event->data.scalar.length;
    if (l->depth == 0)
        return length ? unsupported(l, line, "the file must hold a mapping of names to values")
                      : EA_OK;
    level *top = &l->levels[l->depth - 1];
    top->empty = false;
    if (strlen(text) != length)
        return unsupported(l, line, "a text holds a NUL");
    if (top->mapping && !top->has_key) {
        top->has_key = true;
        return extend_path(l, line, text);
    }
    if (!top->mapping)
        EA_TRY(extend_path(l, line, NULL));
    top->has_key = false;
    return add_value(l, line, text);
}

static ea_status enter(loader *l, const yaml_event_t *event, bool mapping)
{
    size_t length = 0;
    if (l->depth == MAX_DEPTH)
        return unsupported(l, event->start_mark.line, "nested deeper than 64");
    if (l->depth > 0) {
        level *top = &l->levels[l->depth - 1];
        if (top->mapping && !top->has_key)
            return unsupported(l, event->start_mark.line, "a name must be a text");
        if (!top->mapping)
            EA_TRY(extend_path(l, event->start_mark.line, NULL));
        top->has_key = false;
        top->empty = false;
        length = strlen(l->path);
    }
    l->levels[l->depth++] = (level){ .mapping = mapping, .empty = true, .path_length = length };
    return EA_OK;
}

/* An empty list is a value too: a run with "layers: []" is not one without layers. */
static ea_status leave(loader *l, const yaml_event_t *event)
{
    const level *top = &l->levels[--l->depth];
    if (!top->empty || l->depth == 0)
        return EA_OK;
    l->path[top->path_length] = 0;
    return add_value(l, event->start_mark.line, top->mapping ? "{}" : "[]");
}

static ea_status read_event(loader *l, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(l, event);
    case YAML_MAPPING_START_EVENT:
        return enter(l, event, true);
    case YAML_SEQUENCE_START_EVENT:
        return enter(l, event, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return leave(l, event);
    case YAML_ALIAS_EVENT:
        return unsupported(l, event->start_mark.line, "aliases (*name) are not supported");
    default:
        return EA_OK;
    }
}

static ea_status read_events(loader *l)
{
    ea_status status = EA_OK;
    for (bool end = false; status == EA_OK && !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&l->parser, &event))
            return core_fail(l->ctx, EA_ERR_FORMAT, "%s, line %zu: %s", l->file,
                             l->parser.problem_mark.line + 1,
                             l->parser.problem ? l->parser.problem : "not YAML");
        status = read_event(l, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return status;
}

ea_status ledger_params_load(ea_context *ctx, json_t *params, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return core_fail(ctx, EA_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    loader l = { .ctx = ctx, .params = json_object(), .file = path };
    if (!l.params || !yaml_parser_initialize(&l.parser)) {
        json_decref(l.params);
        fclose(file);
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory", path);
    }
    yaml_parser_set_input_file(&l.parser, file);
    ea_status status = read_events(&l);
    if (status == EA_OK && json_object_update(params, l.params) != 0)
        status = core_fail(ctx, EA_ERR_MEMORY, "%s: no memory", path);
    json_decref(l.params);
    yaml_parser_delete(&l.parser);
    fclose(file);
    return status;
}

bool ledger_is_seed(const char *name)
{
    size_t length = strlen(name);
    if (length >= 4 && strcasecmp(name + length - 4, "seed") == 0)
        return length == 4 || strchr("._-", name[length - 5]) != NULL;
    return length >= 5 && strcasecmp(name + length - 5, "seeds") == 0;
}
