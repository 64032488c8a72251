/* record.c: the record of a run and its index. */
#include "ledger/record.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/lineage.h"
#include "ledger/number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const run_steps[] = {
    "CREATE TABLE run (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record BLOB NOT NULL,"
    "  status TEXT NOT NULL, name TEXT NOT NULL, command TEXT NOT NULL, started INTEGER NOT NULL,"
    "  ended INTEGER, exit INTEGER);"
    "CREATE INDEX run_started ON run (started);"
    "CREATE INDEX run_name ON run (name, started);"
    "CREATE INDEX run_status ON run (status, started);"
    "CREATE TABLE run_value (key TEXT NOT NULL, run INTEGER NOT NULL, metric INTEGER NOT NULL,"
    "  number REAL, text TEXT NOT NULL, PRIMARY KEY (key, run, metric)) WITHOUT ROWID;"
    "CREATE INDEX run_value_number ON run_value (key, number, run);"
    "CREATE INDEX run_value_run ON run_value (run);"
    "CREATE TABLE run_tag (tag TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (tag, run))"
    "  WITHOUT ROWID;"
    "CREATE INDEX run_tag_run ON run_tag (run);",
};

const ledger_schema ledger_run_schema = { "run", run_steps, 1 };

/* --- Parts of a record --------------------------------------------------------------------------
 */

bool ledger_record_digest(const json_t *object, const char *key, ledger_digest *out)
{
    return ledger_from_hex(ledger_json_string(object, key), out);
}

static void quote_into(char **at, const char *word)
{
    bool plain = *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789_-+=./:,@%^~")];
    char *to = *at;
    if (!plain)
        *to++ = '\'';
    for (; *word; word++) {
        if (*word == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *word;
        }
    }
    if (!plain)
        *to++ = '\'';
    *at = to;
}

char *ledger_record_command(const json_t *record)
{
    const json_t *words = json_object_get(record, "command"), *word;
    size_t i, room = 1;
    char *text = NULL, *at;
    json_array_foreach(words, i, word)
    {
        char *bytes = ledger_json_bytes(word);
        room += bytes ? 4 * strlen(bytes) + 3 : 0;
        core_free(bytes);
    }
    text = at = core_alloc(room);
    json_array_foreach(words, i, word)
    {
        char *bytes = text ? ledger_json_bytes(word) : NULL;
        if (bytes && at > text)
            *at++ = ' ';
        if (bytes)
            quote_into(&at, bytes);
        core_free(bytes);
    }
    if (text)
        *at = 0;
    return text;
}

static ea_status see_member(const json_t *object, const char *key, ledger_record_object see,
                            void *argument)
{
    ledger_digest digest;
    bool tree = strcmp(ledger_json_string(object, "type"), "folder") == 0;
    return ledger_record_digest(object, key, &digest)
               ? see(argument, &digest, tree ? LEDGER_TREE : LEDGER_FILE)
               : EA_OK;
}

ea_status ledger_record_objects(const json_t *record, ledger_record_object see, void *argument)
{
    static const char *const lists[] = { "inputs", "outputs" };
    static const char *const files[] = { "stdout", "stderr", "report", "trace" };
    EA_TRY(see_member(json_object_get(record, "code"), "patch", see, argument));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        EA_TRY(see_member(json_object_get(record, files[i]), "digest", see, argument));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const json_t *entry;
        size_t k;
        json_array_foreach(json_object_get(record, lists[i]), k, entry)
            EA_TRY(see_member(entry, "digest", see, argument));
    }
    return EA_OK;
}

/* --- Saving -------------------------------------------------------------------------------------
 */

/* A run being saved. */
typedef struct saving {
    ledger_store *store;
    const json_t *record;
    const char *id;
    char owner[LEDGER_RUN_ID + 4]; /* "run:ID" */
    int64_t number;
} saving;

static ea_status hold_object(void *argument, const ledger_digest *digest, ledger_kind kind)
{
    saving *s = argument;
    return ledger_ref(s->store, s->owner, digest, kind);
}

static ea_status link_files(saving *s, const char *list, bool made_from)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(s->record, list), i, entry)
    {
        char node[LEDGER_HEX_SIZE + 8];
        ledger_digest digest;
        if (!ledger_record_digest(entry, "digest", &digest))
            continue;
        snprintf(node, sizeof node, "object:%s", ledger_json_string(entry, "digest"));
        EA_TRY(made_from ? ledger_link(s->store, s->owner, node, "input")
                         : ledger_link(s->store, node, s->owner, "output"));
    }
    return EA_OK;
}

static ea_status save_row(saving *s, const ledger_digest *digest)
{
    char *command = ledger_record_command(s->record);
    if (!command)
        return core_fail(ledger_context(s->store), EA_ERR_MEMORY, "no memory for a run's record");
    const json_t *times = json_object_get(s->record, "times"),
                 *exit_code = json_object_get(s->record, "exit");
    ea_status status = ledger_exec(
        s->store,
        "INSERT INTO run (id, record, status, name, command, started) VALUES (?, ?, ?, ?, ?, ?)"
        "  ON CONFLICT (id) DO UPDATE SET record = excluded.record, status = excluded.status,"
        "  name = excluded.name, command = excluded.command, started = excluded.started,"
        "  ended = NULL, exit = NULL",
        "thttti", s->id, digest, ledger_json_string(s->record, "status"),
        ledger_json_string(s->record, "name"), command, ledger_json_integer(times, "started"));
    core_free(command);
    EA_TRY(status);
    EA_TRY(ledger_value(s->store, &s->number, "SELECT number FROM run WHERE id = ?", "t", s->id));
    if (json_is_integer(json_object_get(times, "ended")))
        EA_TRY(ledger_exec(s->store, "UPDATE run SET ended = ? WHERE number = ?", "ii",
                           ledger_json_integer(times, "ended"), s->number));
    if (json_is_integer(exit_code))
        EA_TRY(ledger_exec(s->store, "UPDATE run SET exit = ? WHERE number = ?", "ii",
                           (int64_t)json_integer_value(exit_code), s->number));
    return EA_OK;
}

static ea_status save_value(saving *s, const char *key, bool metric, const char *text)
{
    ledger_number number;
    if (ledger_number_read(text, &number) && !isnan(number.real))
        return ledger_exec(s->store,
                           "INSERT INTO run_value (key, run, metric, number, text)"
                           "  VALUES (?, ?, ?, ?, ?)",
                           "tiidt", key, s->number, (int64_t)metric, number.real, text);
    return ledger_exec(s->store,
                       "INSERT INTO run_value (key, run, metric, text) VALUES (?, ?, ?, ?)", "tiit",
                       key, s->number, (int64_t)metric, text);
}

static ea_status save_values(saving *s)
{
    const char *key;
    const json_t *value;
    char text[32];
    json_object_foreach((json_t *)(uintptr_t)json_object_get(s->record, "params"), key, value)
    {
        char *bytes = ledger_json_bytes(value);
        ea_status status = bytes ? save_value(s, key, false, bytes) : EA_OK;
        core_free(bytes);
        EA_TRY(status);
    }
    json_object_foreach((json_t *)(uintptr_t)json_object_get(s->record, "metrics"), key, value)
    {
        const json_t *last = json_object_get(value, "last");
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(last));
        EA_TRY(save_value(s, key, true, json_is_string(last) ? json_string_value(last) : text));
    }
    const json_t *tag;
    size_t i;
    json_array_foreach(json_object_get(s->record, "tags"), i, tag) if (json_is_string(tag))
        EA_TRY(ledger_exec(s->store, "INSERT OR IGNORE INTO run_tag (tag, run) VALUES (?, ?)", "ti",
                           json_string_value(tag), s->number));
    return EA_OK;
}

static bool is_run_id(const char *id)
{
    return strlen(id) == LEDGER_RUN_ID - 1 && strspn(id, "0123456789abcdef") == LEDGER_RUN_ID - 1;
}

static ea_status check_record(ledger_store *store, const json_t *record)
{
    static const char *const states[] = { "running", "finished", "failed", "interrupted" };
    bool state = false;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        state |= strcmp(ledger_json_string(record, "status"), states[i]) == 0;
    if (strcmp(ledger_json_string(record, "format"), LEDGER_RECORD_FORMAT) != 0)
        return core_fail(ledger_context(store), EA_ERR_FORMAT,
                         "a run's record has the format '%.40s': this Eadem reads " //
                         LEDGER_RECORD_FORMAT,
                         ledger_json_string(record, "format"));
    if (!is_run_id(ledger_json_string(record, "id")) || !state ||
        json_array_size(json_object_get(record, "command")) == 0)
        return core_fail(ledger_context(store), EA_ERR_FORMAT,
                         "a run's record lacks a proper id, status or command");
    return EA_OK;
}

static ea_status put_record(ledger_store *store, const json_t *record, ledger_object *out)
{
    char *text = ledger_json_dump(record);
    if (!text)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a run's record");
    ea_status status = ledger_put_bytes(store, text, strlen(text), out);
    free(text);
    return status;
}

ea_status ledger_record_save(ledger_store *store, const json_t *record)
{
    saving s = { .store = store, .record = record, .id = ledger_json_string(record, "id") };
    ledger_object object;
    EA_TRY(check_record(store, record));
    snprintf(s.owner, sizeof s.owner, "run:%s", s.id);
    EA_TRY(put_record(store, record, &object));
    EA_TRY(save_row(&s, &object.digest));
    EA_TRY(ledger_exec(store, "DELETE FROM run_value WHERE run = ?", "i", s.number));
    EA_TRY(ledger_exec(store, "DELETE FROM run_tag WHERE run = ?", "i", s.number));
    EA_TRY(save_values(&s));
    EA_TRY(ledger_unref(store, s.owner));
    EA_TRY(ledger_ref(store, s.owner, &object.digest, LEDGER_FILE));
    EA_TRY(ledger_record_objects(record, hold_object, &s));
    EA_TRY(link_files(&s, "inputs", true));
    return link_files(&s, "outputs", false);
}

/* --- Finding and loading ------------------------------------------------------------------------
 */

static ea_status find_last(ledger_store *store, const char *text, char id[LEDGER_RUN_ID])
{
    char *end = (char *)(uintptr_t) "";
    long back = text[4] == '~' ? strtol(text + 5, &end, 10) : 0;
    sqlite3_stmt *rows;
    bool row = false;
    if (*end || back < 0)
        return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                         "'%.40s' names no run: write last or last~NUMBER", text);
    EA_TRY(ledger_query(store, &rows, "SELECT id FROM run ORDER BY number DESC LIMIT 1 OFFSET ?",
                        "i", (int64_t)back));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row)
        snprintf(id, LEDGER_RUN_ID, "%s", (const char *)sqlite3_column_text(rows, 0));
    ledger_done(store, rows);
    if (status == EA_OK && !row)
        return core_fail(ledger_context(store), EA_ERR_ARGUMENT, "there is no run '%.40s'", text);
    return status;
}

ea_status ledger_record_find(ledger_store *store, const char *text, char id[LEDGER_RUN_ID])
{
    sqlite3_stmt *rows;
    bool row = false;
    int found = 0;
    if (strncmp(text, "last", 4) == 0 && (!text[4] || text[4] == '~'))
        return find_last(store, text, id);
    if (strncmp(text, "run:", 4) == 0)
        text += 4;
    size_t length = strlen(text);
    if (length == 0 || length >= LEDGER_RUN_ID || strspn(text, "0123456789abcdef") != length)
        return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                         "'%.40s' is no run: give the beginning of an id that `eadem runs` shows, "
                         "or last",
                         text);
    char above[LEDGER_RUN_ID + 1];
    snprintf(above, sizeof above, "%sg", text); /* g: the next after the digit f */
    EA_TRY(ledger_query(store, &rows, "SELECT id FROM run WHERE id >= ? AND id < ? LIMIT 2", "tt",
                        text, above));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        snprintf(id, LEDGER_RUN_ID, "%s", (const char *)sqlite3_column_text(rows, 0));
        found++;
    }
    ledger_done(store, rows);
    EA_TRY(status);
    if (found != 1)
        return core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                         found ? "several runs begin with '%s': give more of the id"
                               : "no run begins with '%s': eadem runs lists them",
                         text);
    return EA_OK;
}

ea_status ledger_record_load(ledger_store *store, const char *id, json_t **out)
{
    sqlite3_stmt *rows;
    bool row = false, has_digest = false;
    ledger_digest digest;
    char *text;
    size_t size;
    *out = NULL;
    EA_TRY(ledger_query(store, &rows, "SELECT record FROM run WHERE id = ?", "t", id));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row)
        has_digest = ledger_column_digest(rows, 0, &digest);
    ledger_done(store, rows);
    EA_TRY(status);
    if (!has_digest)
        return core_fail(ledger_context(store), EA_ERR_STATE, "there is no run %s", id);
    EA_TRY(ledger_get_bytes(store, &digest, LEDGER_RECORD_MAX, &text, &size));
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    core_free(text);
    if (!*out || check_record(store, *out) != EA_OK) {
        json_decref(*out);
        *out = NULL;
        return core_fail(ledger_context(store), EA_ERR_FORMAT,
                         "the record of run %s is damaged: eadem fsck says more", id);
    }
    return EA_OK;
}
