/* runs.c: asking the ledger which runs there are.
 *
 * Conditions on columns of `run` become SQL with bound values. A condition on a parameter, a metric
 * or a tag is asked for on its own, from one index, and leaves the numbers of its runs as a set of
 * bits; the sets are intersected, and the query over `run` asks for membership. SQLite's own way, a
 * b-tree of numbers for every condition, takes ten times as long. */
#define _XOPEN_SOURCE 700 /* strptime */
#include "ledger/runs.h"
#include "core/memory.h"
#include "ledger/json.h"
#include "ledger/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SQL_MAX = 16384, VALUES_MAX = 200, KEY_MAX = 1024, NUMBER_MAX = 1 << 30 };

/* The numbers of the runs for which all conditions so far hold. */
typedef struct chosen {
    int64_t size; /* the largest number of a run + 1 */
    unsigned char *bits;
} chosen;

/* A query being put together: its text and what is to be bound, in order. */
typedef struct builder {
    ledger_store *store;
    char sql[SQL_MAX];
    size_t used;
    struct {
        char *text; /* NULL: the number */
        double number;
        bool whole;
        int64_t integer;
    } values[VALUES_MAX];
    int count;
    bool full;
    chosen *chosen; /* bits NULL: all runs */
} builder;

static void add(builder *b, const char *sql)
{
    size_t length = strlen(sql);
    if (b->used + length >= SQL_MAX) {
        b->full = true;
        return;
    }
    memcpy(b->sql + b->used, sql, length + 1);
    b->used += length;
}

static void bind_text(builder *b, const char *text, size_t length)
{
    char *copy = b->count < VALUES_MAX ? core_alloc(length + 1) : NULL;
    if (!copy) {
        b->full = true;
        return;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    b->values[b->count++].text = copy;
}

static void bind_number(builder *b, const ledger_number *number)
{
    if (b->count == VALUES_MAX) {
        b->full = true;
        return;
    }
    b->values[b->count].number = number->real;
    b->values[b->count].whole = number->whole;
    b->values[b->count++].integer = number->integer;
}

static void bind_integer(builder *b, int64_t integer)
{
    bind_number(b, &(ledger_number){ true, integer, 0 });
}

/* --- Asking -------------------------------------------------------------------------------------
 */

static ea_status no_memory(ledger_store *store)
{
    return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory to ask for runs");
}

/* An empty query beside `b`. */
static builder *builder_make(const builder *b)
{
    builder *made = core_alloc_zero(sizeof *made);
    if (made)
        made->store = b->store;
    return made;
}

static void builder_free(builder *b)
{
    for (int i = 0; i < b->count; i++)
        core_free(b->values[i].text);
    core_free(b);
}

static ea_status bind_values(builder *b, sqlite3_stmt *rows)
{
    for (int i = 0; i < b->count; i++) {
        int code = b->values[i].text
                       ? sqlite3_bind_text(rows, i + 1, b->values[i].text, -1, SQLITE_STATIC)
                   : b->values[i].whole ? sqlite3_bind_int64(rows, i + 1, b->values[i].integer)
                                        : sqlite3_bind_double(rows, i + 1, b->values[i].number);
        if (code != SQLITE_OK)
            return ledger_sql_error(b->store, "ask for runs");
    }
    return EA_OK;
}

static ea_status prepare(builder *b, sqlite3_stmt **rows)
{
    *rows = NULL;
    if (b->full)
        return core_fail(ledger_context(b->store), EA_ERR_UNSUPPORTED,
                         "the question is too long: give fewer conditions");
    if (sqlite3_prepare_v2(ledger_db(b->store), b->sql, -1, rows, NULL) != SQLITE_OK)
        return ledger_sql_error(b->store, "ask for runs");
    return bind_values(b, *rows);
}

static bool has_bit(const chosen *set, int64_t number)
{
    return number >= 0 && number < set->size && set->bits[number / 8] >> number % 8 & 1;
}

/* The new set's bits for those rows that the old set (if any) has too. */
static ea_status fill(builder *b, sqlite3_stmt *rows, const chosen *old, chosen *set)
{
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(rows, 0);
        if (number >= 0 && number < set->size && (!old->bits || has_bit(old, number)))
            set->bits[number / 8] |= (unsigned char)(1 << number % 8);
    }
    return code == SQLITE_DONE ? EA_OK : ledger_sql_error(b->store, "ask for runs");
}

/* Keeps of the runs chosen so far those that the query `among` gives, and frees that. */
static ea_status choose(builder *b, builder *among)
{
    sqlite3_stmt *rows = NULL;
    chosen set = { 0 };
    ea_status status = ledger_value(b->store, &set.size, "SELECT max(number) + 1 FROM run", "");
    if (status == EA_OK && set.size > NUMBER_MAX)
        status = core_fail(ledger_context(b->store), EA_ERR_UNSUPPORTED,
                           "the runs of %.300s have too large numbers", ledger_path(b->store));
    if (status == EA_OK && !(set.bits = core_alloc_zero((size_t)set.size / 8 + 1)))
        status = no_memory(b->store);
    if (status == EA_OK)
        status = prepare(among, &rows);
    if (status == EA_OK)
        status = fill(b, rows, b->chosen, &set);
    sqlite3_finalize(rows);
    builder_free(among);
    core_free(b->chosen->bits);
    *b->chosen = set;
    return status;
}

/* SQL's eadem_chosen(NUMBER). */
static void is_chosen(sqlite3_context *call, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int(call, has_bit(sqlite3_user_data(call), sqlite3_value_int64(values[0])));
}

/* --- Conditions ---------------------------------------------------------------------------------
 */

/* Two-character operators first, so that "<=" is not read as "<". */
static const struct {
    const char *text, *sql;
} operators[] = { { "<=", "<=" }, { ">=", ">=" }, { "!=", "!=" }, { "==", "=" },
                  { "<", "<" },   { ">", ">" },   { "=", "=" },   { "~", "LIKE" } };

enum { OPERATORS = sizeof operators / sizeof operators[0] };

/* Keys that are columns of their own. */
static const struct {
    const char *key, *sql;
    bool number;
} columns[] = {
    { "status", "run.status", false },   { "name", "run.name", false },
    { "command", "run.command", false }, { "exit", "run.exit", true },
    { "started", "run.started", true },  { "seconds", "(run.ended - run.started) / 1e9", true }
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static int find_column(const char *key, size_t length)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strlen(columns[i].key) == length && strncmp(columns[i].key, key, length) == 0)
            return i;
    return -1;
}

/* Takes "param." or "metric." off a key; the SQL that it stands for. */
static const char *take_kind(const char **key, size_t *length)
{
    static const struct {
        const char *prefix, *sql;
    } kinds[] = { { "param.", " AND metric = 0" }, { "metric.", " AND metric = 1" } };
    for (int i = 0; i < 2; i++) {
        size_t prefix = strlen(kinds[i].prefix);
        if (*length > prefix && strncmp(*key, kinds[i].prefix, prefix) == 0) {
            *key += prefix;
            *length -= prefix;
            return kinds[i].sql;
        }
    }
    return "";
}

size_t ledger_runs_key_length(const char *condition)
{
    return strcspn(condition, "<>=!~");
}

/* "operator ?" with the value bound: as a number, as text, or as a pattern. */
static void add_comparison(builder *b, const char *sql_operator, const char *value, bool as_number,
                           const ledger_number *number)
{
    char pattern[KEY_MAX];
    add(b, " ");
    add(b, sql_operator);
    add(b, " ?");
    if (as_number) {
        bind_number(b, number);
    } else if (strcmp(sql_operator, "LIKE") == 0) {
        int length = snprintf(pattern, sizeof pattern, "%%%s%%", value);
        bind_text(b, pattern, length < KEY_MAX ? (size_t)length : KEY_MAX - 1);
    } else {
        bind_text(b, value, strlen(value));
    }
}

/* KEY OPERATOR VALUE, taken apart. */
typedef struct condition {
    const char *key;
    size_t length; /* of the key */
    const char *sql, *value;
    bool is_number;
    ledger_number number;
} condition;

static ea_status read_condition(const builder *b, const char *text, condition *out)
{
    size_t length = ledger_runs_key_length(text);
    const char *rest = text + length;
    int op = 0;
    while (op < OPERATORS && strncmp(rest, operators[op].text, strlen(operators[op].text)) != 0)
        op++;
    if (op == OPERATORS || length == 0)
        return core_fail(ledger_context(b->store), EA_ERR_ARGUMENT,
                         "the condition '%.100s' has no form KEY OPERATOR VALUE, such as lr>0.01; "
                         "operators are < <= > >= = != ~",
                         text);
    const char *value = rest + strlen(operators[op].text);
    if (*value && strchr("<>=!", *value))
        return core_fail(ledger_context(b->store), EA_ERR_ARGUMENT,
                         "the condition '%.100s' has an operator that is none: there are < <= > >= "
                         "= != ~",
                         text);
    *out = (condition){ .key = text, .length = length, .sql = operators[op].sql, .value = value };
    out->is_number = ledger_number_read(value, &out->number) && strcmp(out->sql, "LIKE") != 0;
    return EA_OK;
}

static ea_status add_condition(builder *b, const char *text)
{
    condition c;
    EA_TRY(read_condition(b, text, &c));
    int column = find_column(c.key, c.length);
    if (column >= 0) {
        add(b, " AND ");
        add(b, columns[column].sql);
        add_comparison(b, c.sql, c.value, c.is_number && columns[column].number, &c.number);
        return EA_OK;
    }
    builder *values = builder_make(b);
    if (!values)
        return no_memory(b->store);
    const char *kind = take_kind(&c.key, &c.length);
    add(values, "SELECT run FROM run_value WHERE key = ?");
    bind_text(values, c.key, c.length);
    add(values, c.is_number ? " AND number" : " AND text");
    add_comparison(values, c.sql, c.value, c.is_number, &c.number);
    add(values, kind);
    return choose(b, values);
}

static ea_status add_tag(builder *b, const char *tag)
{
    builder *tags = builder_make(b);
    if (!tags)
        return no_memory(b->store);
    add(tags, "SELECT run FROM run_tag WHERE tag = ?");
    bind_text(tags, tag, strlen(tag));
    return choose(b, tags);
}

/* --- The whole question -------------------------------------------------------------------------
 */

/* Whether the key that is to be sorted by is a metric of any run (else it is a parameter). */
static ea_status is_metric(ledger_store *store, const char *key, int64_t *metric)
{
    *metric = -1;
    EA_TRY(ledger_value(store, metric,
                        "SELECT metric FROM run_value WHERE key = ? ORDER BY metric DESC LIMIT 1",
                        "t", key));
    return *metric >= 0
               ? EA_OK
               : core_fail(ledger_context(store), EA_ERR_ARGUMENT,
                           "no run has the parameter or metric '%.100s' to be sorted by", key);
}

static ea_status begin_question(builder *b, const char *sort)
{
    add(b, "SELECT run.number, run.id, run.status, run.name, run.command, run.started, run.ended,"
           " run.exit FROM run");
    const char *key = sort ? sort + (*sort == '-') : NULL;
    size_t length = key ? strlen(key) : 0;
    if (key && find_column(key, length) < 0) {
        int64_t metric;
        const char *kind = take_kind(&key, &length);
        EA_TRY(is_metric(b->store, key, &metric));
        if (*kind)
            metric = strstr(kind, "1") != NULL;
        add(b, " JOIN run_value AS v ON v.run = run.number AND v.key = ? AND v.metric = ?");
        bind_text(b, key, length);
        bind_integer(b, metric);
    }
    add(b, " WHERE 1");
    return EA_OK;
}

static void add_order(builder *b, const char *sort)
{
    const char *key = sort ? sort + (*sort == '-') : "";
    int column = find_column(key, strlen(key));
    add(b, " ORDER BY ");
    if (sort)
        add(b, column >= 0 ? columns[column].sql : "v.number");
    else
        add(b, "run.started");
    add(b, !sort || *sort == '-' ? " DESC" : "");
}

static ea_status build(builder *b, const ledger_runs_question *question)
{
    EA_TRY(begin_question(b, question->sort));
    for (int i = 0; question->where && question->where[i]; i++)
        EA_TRY(add_condition(b, question->where[i]));
    for (int i = 0; question->tags && question->tags[i]; i++)
        EA_TRY(add_tag(b, question->tags[i]));
    if (b->chosen->bits)
        add(b, " AND eadem_chosen(run.number)");
    if (question->name) {
        add(b, " AND run.name = ?");
        bind_text(b, question->name, strlen(question->name));
    }
    if (question->status) {
        add(b, " AND run.status = ?");
        bind_text(b, question->status, strlen(question->status));
    }
    if (question->since) {
        add(b, " AND run.started >= ?");
        bind_integer(b, question->since);
    }
    add_order(b, question->sort);
    if (question->limit) {
        add(b, " LIMIT ?");
        bind_integer(b, question->limit);
    }
    return EA_OK;
}

static const char *column_text(sqlite3_stmt *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);
    return text ? text : "";
}

static ea_status visit_rows(ledger_store *store, sqlite3_stmt *rows, ledger_run_visit visit,
                            void *argument)
{
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        bool has_exit = sqlite3_column_type(rows, 7) != SQLITE_NULL;
        ledger_run_row row = { .number = sqlite3_column_int64(rows, 0),
                               .id = column_text(rows, 1),
                               .status = column_text(rows, 2),
                               .name = column_text(rows, 3),
                               .command = column_text(rows, 4),
                               .started = sqlite3_column_int64(rows, 5),
                               .ended = sqlite3_column_int64(rows, 6),
                               .exit_code = has_exit ? sqlite3_column_int(rows, 7) : -1 };
        EA_TRY(visit(argument, &row));
    }
    return code == SQLITE_DONE ? EA_OK : ledger_sql_error(store, "read runs");
}

ea_status ledger_runs_each(ledger_store *store, const ledger_runs_question *question,
                           ledger_run_visit visit, void *argument)
{
    chosen set = { 0 };
    sqlite3 *db = ledger_db(store);
    sqlite3_stmt *rows = NULL;
    builder *b = core_alloc_zero(sizeof *b);
    if (!b)
        return no_memory(store);
    b->store = store;
    b->chosen = &set;
    ea_status status = EA_OK;
    if (sqlite3_create_function(db, "eadem_chosen", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, &set,
                                is_chosen, NULL, NULL) != SQLITE_OK)
        status = ledger_sql_error(store, "ask for runs");
    if (status == EA_OK)
        status = build(b, question);
    if (status == EA_OK)
        status = prepare(b, &rows);
    if (status == EA_OK)
        status = visit_rows(store, rows, visit, argument);
    sqlite3_finalize(rows);
    sqlite3_create_function(db, "eadem_chosen", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
    core_free(set.bits);
    builder_free(b);
    return status;
}

/* --- One run's values ---------------------------------------------------------------------------
 */

ea_status ledger_runs_value(ledger_store *store, int64_t number, const char *key, char **out)
{
    sqlite3_stmt *rows;
    bool row = false;
    size_t length = strlen(key);
    const char *kind = take_kind(&key, &length);
    *out = NULL;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT text FROM run_value WHERE key = ? AND run = ? AND metric >= ? AND "
                        "metric <= ? ORDER BY metric DESC",
                        "tiii", key, number, (int64_t)(strstr(kind, "1") != NULL),
                        (int64_t)(strstr(kind, "0") == NULL)));
    ea_status status = ledger_step(store, rows, &row);
    if (status == EA_OK && row && !(*out = core_strdup(column_text(rows, 0))))
        status = core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a value");
    ledger_done(store, rows);
    return status;
}

static ea_status read_values(ledger_store *store, sqlite3_stmt *rows, json_t *params,
                             json_t *metrics)
{
    bool row;
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row)
        json_object_set_new(sqlite3_column_int(rows, 1) ? metrics : params, column_text(rows, 0),
                            ledger_json_text(column_text(rows, 2)));
    return status;
}

static ea_status read_tags(ledger_store *store, int64_t number, json_t *tags)
{
    sqlite3_stmt *rows;
    bool row;
    ea_status status;
    EA_TRY(ledger_query(store, &rows, "SELECT tag FROM run_tag WHERE run = ? ORDER BY tag", "i",
                        number));
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row)
        json_array_append_new(tags, ledger_json_text(column_text(rows, 0)));
    ledger_done(store, rows);
    return status;
}

ea_status ledger_runs_values(ledger_store *store, int64_t number, json_t **out)
{
    sqlite3_stmt *rows;
    json_t *params = json_object(), *metrics = json_object(), *tags = json_array();
    *out = json_pack("{s:o, s:o, s:o}", "params", params, "metrics", metrics, "tags", tags);
    if (!*out)
        return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a run's values");
    ea_status status = ledger_query(
        store, &rows, "SELECT key, metric, text FROM run_value WHERE run = ?", "i", number);
    if (status == EA_OK) {
        status = read_values(store, rows, params, metrics);
        ledger_done(store, rows);
    }
    if (status == EA_OK)
        status = read_tags(store, number, tags);
    if (status != EA_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* --- Times --------------------------------------------------------------------------------------
 */

bool ledger_runs_time(const char *text, int64_t *out)
{
    struct tm parts = { .tm_isdst = -1 };
    char *end;
    long count = strtol(text, &end, 10);
    static const char units[] = "smhd";
    const char *unit = *end && !end[1] ? strchr(units, *end) : NULL;
    if (end > text && unit && count >= 0 && count < 1000000) {
        static const int64_t seconds[] = { 1, 60, 3600, 86400 };
        *out = ((int64_t)time(NULL) - count * seconds[unit - units]) * 1000000000;
        return true;
    }
    static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                         "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S" };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tried = parts;
        const char *rest = strptime(text, forms[i], &tried);
        if (rest && !*rest) {
            *out = (int64_t)mktime(&tried) * 1000000000;
            return true;
        }
    }
    return false;
}
