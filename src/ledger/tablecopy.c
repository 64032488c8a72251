/* tablecopy.c: feature tables and joins on their way through a bundle. */
#include "ledger/tablecopy.h"
#include "core/memory.h"
#include "ledger/data.h"
#include "ledger/inside.h"
#include "ledger/json.h"
#include "ledger/lineage.h"
#include "ledger/record.h"
#include "ledger/table.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 1024, NAMES_TRIED = 100 };

static ea_status no_memory(ledger_store *store)
{
    return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a feature table");
}

static ea_status bad(ledger_store *store, const char *what)
{
    return core_fail(ledger_context(store), EA_ERR_FORMAT, "the bundle has %s", what);
}

/* --- Out ----------------------------------------------------------------------------------------
 */

static ea_status list_versions(ledger_store *store, const ledger_table *table, json_t *out)
{
    sqlite3_stmt *rows;
    bool row;
    ea_status status;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT digest FROM feature_version WHERE feature = ? AND version <= ? "
                        "ORDER BY version",
                        "ii", table->id, table->version));
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        ledger_digest digest;
        char hex[LEDGER_HEX_SIZE];
        if (ledger_column_digest(rows, 0, &digest))
            json_array_append_new(out, json_string(ledger_hex(&digest, hex)));
    }
    ledger_done(store, rows);
    return status;
}

ea_status ledger_table_describe(ledger_store *store, const char *reference, json_t **out)
{
    ledger_table table;
    *out = NULL;
    EA_TRY(ledger_table_find(store, reference, &table));
    json_t *versions = json_array();
    ea_status status = list_versions(store, &table, versions);
    *out = json_pack("{s:s, s:s, s:s, s:O, s:o}", "name", table.name, "key", table.key, "time",
                     table.time, "columns", table.columns, "versions", versions);
    ledger_table_free(&table);
    if (status == EA_OK && !*out)
        status = no_memory(store);
    if (status != EA_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* --- In -----------------------------------------------------------------------------------------
 */

/* *same: the table `name` here begins with what the description says. */
static ea_status compare_table(ledger_store *store, const char *name, const json_t *description,
                               bool *there, bool *same)
{
    json_t *own;
    int64_t found = 0;
    *same = false;
    EA_TRY(ledger_value(store, &found, "SELECT count(*) FROM feature WHERE name = ?", "t", name));
    *there = found > 0;
    if (!found)
        return EA_OK;
    EA_TRY(ledger_table_describe(store, name, &own));
    const json_t *wanted = json_object_get(description, "versions"),
                 *versions = json_object_get(own, "versions");
    *same = json_array_size(versions) >= json_array_size(wanted);
    for (size_t i = 0; *same && i < json_array_size(wanted); i++)
        *same = json_equal(json_array_get(versions, i), json_array_get(wanted, i));
    static const char *const fixed[] = { "key", "time", "columns" };
    for (int i = 0; i < 3; i++)
        *same &= json_equal(json_object_get(own, fixed[i]), json_object_get(description, fixed[i]));
    json_decref(own);
    return EA_OK;
}

static ea_status make_table(ledger_store *store, const char *name, const json_t *description)
{
    const char *columns[COLUMNS_MAX + 1];
    const json_t *list = json_object_get(description, "columns");
    size_t count = json_array_size(list);
    if (count > COLUMNS_MAX)
        return bad(store, "a feature table of too many columns");
    for (size_t i = 0; i < count; i++)
        if (!(columns[i] = json_string_value(json_array_get(list, i))))
            return bad(store, "a feature table whose columns have no names");
    columns[count] = NULL;
    return ledger_table_make(store, name, ledger_json_string(description, "key"),
                             ledger_json_string(description, "time"), columns);
}

static ea_status add_version(ledger_store *store, ledger_table *table, const char *hex)
{
    ledger_object content;
    FILE *file;
    int64_t version, rows;
    bool found = false;
    if (hex && ledger_from_hex(hex, &content.digest))
        EA_TRY(ledger_find(store, &content.digest, &found, &content));
    if (!found)
        return bad(store, "a feature table without its files");
    EA_TRY(ledger_temporary(store, &file));
    ea_status status = ledger_get_fd(store, &content.digest, fileno(file));
    if (status == EA_OK && fseek(file, 0, SEEK_SET) != 0)
        status = ledger_io_error(store, "read a file in", ledger_path(store));
    if (status == EA_OK)
        status = ledger_table_add(store, table, file, "a bundle's file", &content, &version, &rows);
    fclose(file);
    return status;
}

static ea_status add_versions(ledger_store *store, const char *name, const json_t *versions)
{
    ledger_table table;
    EA_TRY(ledger_table_find(store, name, &table));
    ea_status status = EA_OK;
    for (size_t i = 0; status == EA_OK && i < json_array_size(versions); i++)
        status = add_version(store, &table, json_string_value(json_array_get(versions, i)));
    ledger_table_free(&table);
    return status;
}

ea_status ledger_table_import(ledger_store *store, const json_t *description, char name[256],
                              bool *fresh)
{
    const char *own = ledger_json_string(description, "name");
    bool there = true, same = false;
    EA_TRY(ledger_check_name(ledger_context(store), "feature table", own));
    for (int i = 0; there && !same; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "%d", i);
        if (i == NAMES_TRIED ||
            snprintf(name, 256, "%s%s%s", own, i ? "-imported" : "", number) >= 256)
            return bad(store, "a feature table for which there is no free name here");
        EA_TRY(compare_table(store, name, description, &there, &same));
    }
    *fresh = !there;
    if (there)
        return EA_OK;
    EA_TRY(make_table(store, name, description));
    return add_versions(store, name, json_object_get(description, "versions"));
}

/* --- Joins --------------------------------------------------------------------------------------
 */

ea_status ledger_join_parents(ledger_store *store, const ledger_digest *result, json_t **out)
{
    char node[LEDGER_NODE];
    sqlite3_stmt *rows;
    bool row;
    ea_status status;
    *out = json_array();
    if (!*out)
        return no_memory(store);
    status = ledger_query(store, &rows,
                          "SELECT parent FROM link WHERE child = ? AND role = 'join' ORDER BY "
                          "parent",
                          "t", ledger_object_node(result, node));
    if (status == EA_OK) {
        while ((status = ledger_step(store, rows, &row)) == EA_OK && row)
            json_array_append_new(*out, json_string((const char *)sqlite3_column_text(rows, 0)));
        ledger_done(store, rows);
    }
    if (status != EA_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* The result keeps its events, as after a join made here. */
static ea_status add_parent(ledger_store *store, const char *child, const char *parent)
{
    ledger_digest digest;
    bool found = false;
    if (strncmp(parent, "object:", 7) == 0 && ledger_from_hex(parent + 7, &digest)) {
        EA_TRY(ledger_find(store, &digest, &found, NULL));
        if (found)
            EA_TRY(ledger_ref(store, child, &digest, LEDGER_FILE));
    } else if (strncmp(parent, "feature:", 8) == 0) {
        ledger_table table;
        found = ledger_table_find(store, parent + 8, &table) == EA_OK;
        ledger_table_free(&table);
    }
    return found ? ledger_link(store, child, parent, "join")
                 : bad(store, "a join without what it was made from");
}

ea_status ledger_join_import(ledger_store *store, const ledger_digest *result,
                             const json_t *parents)
{
    char child[LEDGER_NODE];
    int64_t known = 0;
    EA_TRY(ledger_value(store, &known,
                        "SELECT count(*) FROM link WHERE child = ? AND role = 'join'", "t",
                        ledger_object_node(result, child)));
    for (size_t i = 0; !known && i < json_array_size(parents); i++) {
        const char *parent = json_string_value(json_array_get(parents, i));
        EA_TRY(add_parent(store, child, parent ? parent : ""));
    }
    return EA_OK;
}
