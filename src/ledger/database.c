/* database.c: the store's SQLite database: opening, statements, transactions. */
#include "core/memory.h"
#include "ledger/inside.h"
#include "ledger/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BUSY_MILLISECONDS = 60000 };

ea_status ledger_sql_error(ledger_store *store, const char *doing)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    ea_status status = EA_ERR_IO;
    const char *remedy = "";
    if (code == SQLITE_NOMEM)
        status = EA_ERR_MEMORY;
    else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
        status = EA_ERR_FORMAT;
        remedy = ": run eadem fsck";
    } else if (code == SQLITE_BUSY)
        remedy = ": another process has been writing for a minute; try again";
    else if (code == SQLITE_FULL)
        remedy = ": free some space and try again";
    return core_fail(store->ctx, status, "%s/ledger.db: cannot %s: %s%s", store->path, doing,
                     sqlite3_errmsg(store->db), remedy);
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* WAL: readers never wait for the writer. FULL: a commit is on the disk when it returns, which is
 * what "no finished record is lost" means. The rest is distrust: a store may come from a stranger,
 * so its triggers and views do not run and its schema may not call functions with side effects. */
static const char pragmas[] = "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA foreign_keys = ON;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA mmap_size = 0;"
                              "PRAGMA cache_size = -16384;";

ea_status ledger_database_open(ledger_store *store)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s/ledger.db", store->path) >= (int)sizeof name)
        return core_fail(store->ctx, EA_ERR_ARGUMENT, "the path %.200s… is too long", store->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
                SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(name, &store->db, flags, NULL) != SQLITE_OK)
        return store->db ? ledger_sql_error(store, "open it")
                         : core_fail(store->ctx, EA_ERR_MEMORY, "no memory for SQLite");
    sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (sqlite3_exec(store->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
        return ledger_sql_error(store, "set it up");
    return ledger_migrate(store);
}

void ledger_database_close(ledger_store *store)
{
    for (int i = 0; i < LEDGER_STATEMENTS; i++)
        sqlite3_finalize(store->statements[i].statement);
    sqlite3_close(store->db);
}

sqlite3 *ledger_db(ledger_store *store)
{
    return store->db;
}

/* --- Statements ------------------------------------------------------------------------------- */

/* A statement of the cache that is free, else one made new in a free place. */
static ea_status take_statement(ledger_store *store, const char *sql, sqlite3_stmt **out)
{
    int place = -1;
    for (int i = 0; i < LEDGER_STATEMENTS; i++) {
        if (store->statements[i].busy)
            continue;
        if (store->statements[i].sql == sql) {
            store->statements[i].busy = true;
            *out = store->statements[i].statement;
            return EA_OK;
        }
        if (place < 0 || (store->statements[place].sql && !store->statements[i].sql))
            place = i;
    }
    if (place < 0)
        return core_fail(store->ctx, EA_ERR_STATE, "more than %d statements at once",
                         (int)LEDGER_STATEMENTS);
    sqlite3_finalize(store->statements[place].statement);
    store->statements[place].statement = NULL;
    store->statements[place].sql = NULL;
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
        return ledger_sql_error(store, "prepare a statement");
    store->statements[place].statement = *out;
    store->statements[place].sql = sql;
    store->statements[place].busy = true;
    return EA_OK;
}

static int bind_next(sqlite3_stmt *statement, int index, char type, va_list *arguments)
{
    const void *data;
    switch (type) {
    case 't':
        return sqlite3_bind_text(statement, index, va_arg(*arguments, const char *), -1,
                                 SQLITE_STATIC);
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'd':
        return sqlite3_bind_double(statement, index, va_arg(*arguments, double));
    case 'b':
        data = va_arg(*arguments, const void *);
        return sqlite3_bind_blob64(statement, index, data, va_arg(*arguments, size_t),
                                   SQLITE_STATIC);
    case 'h':
        return sqlite3_bind_blob(statement, index, va_arg(*arguments, const ledger_digest *)->bytes,
                                 LEDGER_DIGEST_SIZE, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static ea_status query_list(ledger_store *store, sqlite3_stmt **out, const char *sql,
                            const char *types, va_list arguments)
{
    EA_TRY(take_statement(store, sql, out));
    va_list rest;
    va_copy(rest, arguments);
    int code = SQLITE_OK;
    for (int i = 0; types[i] && code == SQLITE_OK; i++)
        code = bind_next(*out, i + 1, types[i], &rest);
    va_end(rest);
    if (code == SQLITE_OK)
        return EA_OK;
    ledger_done(store, *out);
    return ledger_sql_error(store, "bind a value");
}

ea_status ledger_query(ledger_store *store, sqlite3_stmt **out, const char *sql, const char *types,
                       ...)
{
    va_list arguments;
    va_start(arguments, types);
    ea_status status = query_list(store, out, sql, types, arguments);
    va_end(arguments);
    return status;
}

ea_status ledger_step(ledger_store *store, sqlite3_stmt *statement, bool *row)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return EA_OK;
    return ledger_sql_error(store, sqlite3_stmt_readonly(statement) ? "read it" : "write to it");
}

void ledger_done(ledger_store *store, sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    for (int i = 0; i < LEDGER_STATEMENTS; i++)
        if (store->statements[i].statement == statement)
            store->statements[i].busy = false;
}

ea_status ledger_exec(ledger_store *store, const char *sql, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement;
    bool row;
    ea_status status = query_list(store, &statement, sql, types, arguments);
    va_end(arguments);
    if (status == EA_OK) {
        status = ledger_step(store, statement, &row);
        ledger_done(store, statement);
    }
    return status;
}

ea_status ledger_value(ledger_store *store, int64_t *out, const char *sql, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement;
    bool row;
    ea_status status = query_list(store, &statement, sql, types, arguments);
    va_end(arguments);
    if (status != EA_OK)
        return status;
    status = ledger_step(store, statement, &row);
    if (status == EA_OK && row)
        *out = sqlite3_column_int64(statement, 0);
    ledger_done(store, statement);
    return status;
}

bool ledger_column_digest(sqlite3_stmt *statement, int column, ledger_digest *out)
{
    const void *blob = sqlite3_column_blob(statement, column);
    if (!blob || sqlite3_column_bytes(statement, column) != LEDGER_DIGEST_SIZE)
        return false;
    memcpy(out->bytes, blob, LEDGER_DIGEST_SIZE);
    return true;
}

/* --- Transactions ----------------------------------------------------------------------------- */

ea_status ledger_begin(ledger_store *store)
{
    if (store->in_transaction)
        return core_fail(store->ctx, EA_ERR_STATE, "a transaction is open already");
    EA_TRY(ledger_lock(store));
    EA_TRY(ledger_pending_sync(store)); /* so that others wait for the rows only */
    EA_TRY(ledger_exec(store, "BEGIN IMMEDIATE", ""));
    store->in_transaction = true;
    return EA_OK;
}

void ledger_rollback(ledger_store *store)
{
    if (store->in_transaction && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->in_transaction = false;
    ledger_pending_drop(store);
    ledger_unlock(store);
}

ea_status ledger_commit_keeping_lock(ledger_store *store)
{
    ea_status status = ledger_pending_seal(store);
    if (status == EA_OK)
        status = ledger_exec(store, "COMMIT", "");
    if (status != EA_OK)
        ledger_rollback(store);
    store->in_transaction = false;
    return status;
}

ea_status ledger_commit(ledger_store *store)
{
    if (!store->in_transaction)
        return core_fail(store->ctx, EA_ERR_STATE, "no transaction is open");
    EA_TRY(ledger_commit_keeping_lock(store));
    ledger_unlock(store);
    return EA_OK;
}

ea_status ledger_flush(ledger_store *store)
{
    if (store->pending.count == 0)
        return EA_OK;
    if (store->in_transaction)
        return ledger_pending_seal(store);
    EA_TRY(ledger_begin(store));
    return ledger_commit_keeping_lock(store);
}
