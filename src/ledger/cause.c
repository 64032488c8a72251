/* cause.c: what two runs were made by that differs. */
#include "ledger/cause.h"
#include "core/memory.h"
#include "ledger/codediff.h"
#include "ledger/json.h"
#include "ledger/output.h"
#include "ledger/params.h"

#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 1024, DEPTH_MAX = 8 };

static ea_status no_memory(void)
{
    return core_fail(NULL, EA_ERR_MEMORY, "no memory to compare two runs");
}

/* --- Values -------------------------------------------------------------------------------------
 */

static void add_value(json_t *list, const char *key, const json_t *a, const json_t *b)
{
    json_array_append_new(list, json_pack("{s:s, s:O?, s:O?}", "key", key, "a", a, "b", b));
}

static bool is_nested(const json_t *value)
{
    return json_is_object(value) && !json_object_get(value, "hex");
}

/* Lists what differs in two objects, nested values by their path. */
static void compare_values(const char *path, const json_t *a, const json_t *b, json_t *list,
                           int depth)
{
    const char *key;
    const json_t *value;
    char full[KEY_MAX];
    json_t *all = json_object();
    json_object_update(all, (json_t *)(uintptr_t)a);
    json_object_update(all, (json_t *)(uintptr_t)b);
    json_object_foreach(all, key, value)
    {
        const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
        if (snprintf(full, sizeof full, "%s%s%s", path, *path ? "." : "", key) >= KEY_MAX)
            strcpy(full + KEY_MAX - 4, "..."); /* the values are told all the same */
        if (depth < DEPTH_MAX && (is_nested(x) || is_nested(y)) && (!x || is_nested(x)) &&
            (!y || is_nested(y)))
            compare_values(full, x, y, list, depth + 1);
        else if (!x || !y || !json_equal(x, y))
            add_value(list, full, x, y);
    }
    json_decref(all);
}

/* Splits the parameters that differ into seeds and others. */
static void compare_params(const json_t *a, const json_t *b, json_t *params, json_t *seeds)
{
    json_t *all = json_array(), *entry;
    size_t i;
    compare_values("", a, b, all, DEPTH_MAX);
    json_array_foreach(all, i, entry)
        json_array_append(ledger_is_seed(ledger_json_string(entry, "key")) ? seeds : params, entry);
    json_decref(all);
}

/* --- Data ---------------------------------------------------------------------------------------
 */

static ea_status add_data(ledger_store *store, const json_t *path, const json_t *a, const json_t *b,
                          json_t *list)
{
    json_t *entry = json_pack("{s:O, s:O?, s:O?}", "path", path, "a", json_object_get(a, "digest"),
                              "b", json_object_get(b, "digest"));
    if (!entry || json_array_append_new(list, entry) != 0)
        return no_memory();
    return ledger_list_files(store, a, b, entry);
}

static ea_status compare_data(ledger_store *store, const json_t *a, const json_t *b, json_t *list)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(a, i, entry)
    {
        const json_t *path = json_object_get(entry, "path"), *other = ledger_find_path(b, path);
        if (!other ||
            !json_equal(json_object_get(entry, "digest"), json_object_get(other, "digest")))
            EA_TRY(add_data(store, path, entry, other, list));
    }
    json_array_foreach(b, i, entry) if (!ledger_find_path(a, json_object_get(entry, "path")))
        EA_TRY(add_data(store, json_object_get(entry, "path"), NULL, entry, list));
    return EA_OK;
}

/* --- All ----------------------------------------------------------------------------------------
 */

static json_t *part_of(const json_t *record, const char *const *keys)
{
    json_t *part = json_object();
    for (; *keys; keys++)
        if (json_object_get(record, *keys))
            json_object_set(part, *keys, json_object_get(record, *keys));
    return part;
}

static void compare_part(const json_t *a, const json_t *b, const char *const *keys, json_t *list)
{
    json_t *x = part_of(a, keys), *y = part_of(b, keys);
    compare_values("", x, y, list, 0);
    json_decref(x);
    json_decref(y);
}

/* Dozens of packages would hide that it is another Python altogether. */
static json_t *packages_last(json_t *list)
{
    static const char packages[] = "environment.python.packages.";
    json_t *ordered = json_array(), *entry;
    size_t i;
    for (int last = 0; last < 2; last++)
        json_array_foreach(list, i, entry)
        {
            const char *key = ledger_json_string(entry, "key");
            if ((strncmp(key, packages, sizeof packages - 1) == 0) == last)
                json_array_append(ordered, entry);
        }
    json_decref(list);
    return ordered;
}

static void keep_if_any(json_t *out, const char *key, json_t *list)
{
    if (json_array_size(list))
        json_object_set(out, key, list);
    json_decref(list);
}

ea_status ledger_causes(ledger_store *store, const json_t *a, const json_t *b, json_t **out)
{
    static const char *const command[] = { "command", "folder", "program", "program_digest", NULL };
    static const char *const machine[] = { "environment", "variables", NULL };
    json_t *data = json_array(), *params = json_array(), *seeds = json_array(),
           *environment = json_array(), *commands = json_array(), *code = NULL;
    *out = json_object();
    ea_status status =
        compare_data(store, json_object_get(a, "inputs"), json_object_get(b, "inputs"), data);
    if (status == EA_OK)
        status = ledger_code_compare(store, a, b, &code);
    compare_params(json_object_get(a, "params"), json_object_get(b, "params"), params, seeds);
    compare_part(a, b, machine, environment);
    compare_part(a, b, command, commands);
    if (code && !json_is_null(code))
        json_object_set(*out, "code", code);
    json_decref(code);
    keep_if_any(*out, "data", data);
    keep_if_any(*out, "environment", packages_last(environment));
    keep_if_any(*out, "parameters", params);
    keep_if_any(*out, "seeds", seeds);
    keep_if_any(*out, "command", commands);
    if (status != EA_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
