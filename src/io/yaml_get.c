/* yaml_get.c: values of a YAML document, checked. */
#include "io/nearest.h"
#include "io/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = { "a single value", "a list", "a map" };

ea_status io_yaml_error(ea_context *ctx, const io_node *node, const char *format, ...)
{
    char text[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return core_fail(ctx, EA_ERR_ARGUMENT, "%s:%d: %s", node->file, node->line, text);
}

static ea_status unknown(ea_context *ctx, const io_node *node, const char *what, const char *word,
                         const char *const *names)
{
    char list[256];
    const char *nearest = io_nearest(word, names);
    if (nearest)
        return io_yaml_error(ctx, node, "%s '%.60s' is unknown: did you mean '%s'?", what, word,
                             nearest);
    return io_yaml_error(ctx, node, "%s '%.60s' is unknown: give one of %s", what, word,
                         io_list_names(names, list, sizeof list));
}

ea_status io_yaml_keys(ea_context *ctx, const io_node *map, const char *const *allowed)
{
    if (map->kind != IO_MAP)
        return io_yaml_error(ctx, map, "%s%s%s is %s: give a map", map->key ? "'" : "the document",
                             map->key ? map->key : "", map->key ? "'" : "", kind_names[map->kind]);
    for (const io_node *child = map->first; child; child = child->next) {
        int i = 0;
        while (allowed[i] && strcmp(child->key, allowed[i]) != 0)
            i++;
        if (!allowed[i])
            return unknown(ctx, child, "key", child->key, allowed);
    }
    return EA_OK;
}

const io_node *io_yaml_find(const io_node *map, const char *key)
{
    for (const io_node *child = map->first; child; child = child->next)
        if (child->key && strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

ea_status io_yaml_require(ea_context *ctx, const io_node *map, const char *key, io_node_kind kind,
                          const io_node **out)
{
    *out = io_yaml_find(map, key);
    if (!*out)
        return io_yaml_error(ctx, map, "key '%s' is missing", key);
    if ((*out)->kind != kind)
        return io_yaml_error(ctx, *out, "'%s' is %s: give %s", key, kind_names[(*out)->kind],
                             kind_names[kind]);
    return EA_OK;
}

/* --- Scalars ------------------------------------------------------------------------------------
 */

static ea_status wrong(ea_context *ctx, const io_node *node, const char *what, const char *wanted)
{
    if (node->kind != IO_SCALAR)
        return io_yaml_error(ctx, node, "'%s' is %s: give %s", what, kind_names[node->kind],
                             wanted);
    return io_yaml_error(ctx, node, "'%s' is %s%.60s%s: give %s", what, node->quoted ? "\"" : "",
                         node->text, node->quoted ? "\"" : "", wanted);
}

ea_status io_node_int(ea_context *ctx, const io_node *node, const char *what, int64_t min,
                      int64_t max, int64_t *out)
{
    char wanted[96];
    snprintf(wanted, sizeof wanted, "a whole number from %" PRId64 " to %" PRId64, min, max);
    if (node->kind != IO_SCALAR || node->quoted || !*node->text ||
        node->text[strspn(node->text, "+-0123456789")])
        return wrong(ctx, node, what, wanted);
    char *end;
    errno = 0;
    long long value = strtoll(node->text, &end, 10);
    if (errno || *end || value < min || value > max)
        return wrong(ctx, node, what, wanted);
    *out = value;
    return EA_OK;
}

/* strtod() in the C locale: the program around us may have set one with a decimal comma. */
static double parse_double(const char *text, char **end)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = uselocale(c);
    double value = strtod(text, end);
    uselocale(old);
    freelocale(c);
    return value;
}

ea_status io_node_double(ea_context *ctx, const io_node *node, const char *what, double min,
                         double max, double *out)
{
    char wanted[96];
    snprintf(wanted, sizeof wanted, "a number from %g to %g", min, max);
    if (node->kind != IO_SCALAR || node->quoted || !*node->text ||
        node->text[strspn(node->text, "+-.0123456789eE")])
        return wrong(ctx, node, what, wanted);
    char *end;
    double value = parse_double(node->text, &end);
    if (*end || !(value >= min && value <= max))
        return wrong(ctx, node, what, wanted);
    *out = value;
    return EA_OK;
}

ea_status io_yaml_int(ea_context *ctx, const io_node *map, const char *key, int64_t min,
                      int64_t max, int64_t *out)
{
    const io_node *node = io_yaml_find(map, key);
    return node ? io_node_int(ctx, node, key, min, max, out) : EA_OK;
}

ea_status io_yaml_double(ea_context *ctx, const io_node *map, const char *key, double min,
                         double max, double *out)
{
    const io_node *node = io_yaml_find(map, key);
    return node ? io_node_double(ctx, node, key, min, max, out) : EA_OK;
}

ea_status io_yaml_bool(ea_context *ctx, const io_node *map, const char *key, bool *out)
{
    const io_node *node = io_yaml_find(map, key);
    if (!node)
        return EA_OK;
    bool yes = node->kind == IO_SCALAR && !node->quoted && strcmp(node->text, "true") == 0;
    bool no = node->kind == IO_SCALAR && !node->quoted && strcmp(node->text, "false") == 0;
    if (!yes && !no)
        return wrong(ctx, node, key, "true or false");
    *out = yes;
    return EA_OK;
}

ea_status io_yaml_string(ea_context *ctx, const io_node *map, const char *key, const char **out)
{
    const io_node *node = io_yaml_find(map, key);
    if (!node)
        return EA_OK;
    if (node->kind != IO_SCALAR || !*node->text)
        return wrong(ctx, node, key, "a text");
    *out = node->text;
    return EA_OK;
}

ea_status io_yaml_name(ea_context *ctx, const io_node *node, const char *what, const char *word,
                       const char *const *names, int *out)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(word, names[i]) == 0) {
            *out = i;
            return EA_OK;
        }
    return unknown(ctx, node, what, word, names);
}

ea_status io_yaml_choice(ea_context *ctx, const io_node *map, const char *key,
                         const char *const *names, int *out)
{
    const char *text = NULL;
    EA_TRY(io_yaml_string(ctx, map, key, &text));
    return text ? io_yaml_name(ctx, io_yaml_find(map, key), key, text, names, out) : EA_OK;
}
