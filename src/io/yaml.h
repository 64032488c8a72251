/* yaml.h: recipes: a YAML document as a tree whose nodes know their line, and getters whose errors
 * read "recipe.yaml:7: key 'epohcs' is unknown: did you mean 'epochs'?".
 *
 *     io_yaml *doc;
 *     EA_TRY(io_yaml_load(ctx, "recipe.yaml", &doc));
 *     const io_node *root = io_yaml_root(doc);
 *     static const char *const keys[] = { "epochs", "rate", "model", NULL };
 *     status = io_yaml_keys(ctx, root, keys);
 *     status = io_yaml_int(ctx, root, "epochs", 1, 1000000, &epochs);   // epochs keeps its default
 *                                                                       // when the key is absent
 *
 * Taken: maps, lists, plain and quoted scalars, one document. Refused, as errors with a line:
 * anchors, aliases, tags, keys that are not scalars or come twice, more than 1 MiB, 32 levels or
 * 100000 nodes. */
#ifndef IO_YAML_H
#define IO_YAML_H

#include "core/context.h"

typedef enum io_node_kind { IO_SCALAR, IO_LIST, IO_MAP } io_node_kind;

typedef struct io_node {
    io_node_kind kind;
    const char *file;
    int line;              /* from 1 */
    const char *key;       /* in a map: its key, else NULL */
    const char *text;      /* of a scalar */
    bool quoted;           /* a quoted scalar is a string whatever it says */
    struct io_node *first; /* of a list's or a map's children */
    struct io_node *next;  /* the next child of the same parent */
    int count;             /* children */
} io_node;

typedef struct io_yaml io_yaml;

ea_status io_yaml_load(ea_context *ctx, const char *path, io_yaml **out);
/* `name` is what errors call the text. */
ea_status io_yaml_parse(ea_context *ctx, const char *name, const char *text, size_t size,
                        io_yaml **out);
void io_yaml_free(io_yaml *doc);
const io_node *io_yaml_root(const io_yaml *doc);

/* Records "FILE:LINE: …" and returns EA_ERR_ARGUMENT. */
ea_status io_yaml_error(ea_context *ctx, const io_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Error unless `map` is a map, all of whose keys are in the NULL-ended list. */
ea_status io_yaml_keys(ea_context *ctx, const io_node *map, const char *const *allowed);

/* NULL when the map has no such key. */
const io_node *io_yaml_find(const io_node *map, const char *key);
/* Error when the key is absent or its value is of another kind. */
ea_status io_yaml_require(ea_context *ctx, const io_node *map, const char *key, io_node_kind kind,
                          const io_node **out);

/* The value of a key. Absent: EA_OK and *out stays. Wrong type or out of range: error. */
ea_status io_yaml_int(ea_context *ctx, const io_node *map, const char *key, int64_t min,
                      int64_t max, int64_t *out);
ea_status io_yaml_double(ea_context *ctx, const io_node *map, const char *key, double min,
                         double max, double *out);
ea_status io_yaml_bool(ea_context *ctx, const io_node *map, const char *key, bool *out);
/* Lives as long as the document. */
ea_status io_yaml_string(ea_context *ctx, const io_node *map, const char *key, const char **out);
/* The place of the value in a NULL-ended list of names. */
ea_status io_yaml_choice(ea_context *ctx, const io_node *map, const char *key,
                         const char *const *names, int *out);

/* The place of `word`, which stands at `node`, in a NULL-ended list; `what` is for the error text.
 */
ea_status io_yaml_name(ea_context *ctx, const io_node *node, const char *what, const char *word,
                       const char *const *names, int *out);

/* The same for a scalar itself, such as a list's item; `what` is for the error text. */
ea_status io_node_int(ea_context *ctx, const io_node *node, const char *what, int64_t min,
                      int64_t max, int64_t *out);
ea_status io_node_double(ea_context *ctx, const io_node *node, const char *what, double min,
                         double max, double *out);

#endif
