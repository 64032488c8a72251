/* store.h: the ledger of one project: its folder `.eadem/`, its database, its content-addressed
 * objects.
 *
 * An object is a file's content, named by its SHA-256. Objects are put first and become durable,
 * then findable, when the transaction that refers to them commits:
 *
 *     EA_TRY(ledger_put_file(store, "model.safetensors", &object));
 *     EA_TRY(ledger_begin(store));
 *     …  ledger_exec(store, "INSERT INTO …", …), ledger_ref(store, "run:3f2a…", &object.digest, …)
 *     EA_TRY(ledger_commit(store));
 *
 * From the first put to the commit (or rollback, or close) the store is locked against `gc`, so
 * nothing put and not yet referred to can go away. Long-lived programs should therefore put and
 * commit together.
 *
 * A ledger_store is used by one thread at a time. Many processes and many handles may use one
 * folder. Errors: EA_ERR_IO (the operating system or SQLite refused; the sentence says what),
 * EA_ERR_FORMAT (damaged store), EA_ERR_STATE (no store, object not there, newer schema),
 * EA_ERR_MEMORY.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "ledger/digest.h"

#include <sqlite3.h>
#include <sys/types.h>

#define LEDGER_FOLDER ".eadem"

typedef struct ledger_store ledger_store;

/* --- Opening ------------------------------------------------------------------------------------
 */

enum {
    LEDGER_CREATE = 1,       /* make it if need be: at the top of the git work tree, else here */
    LEDGER_CREATE_IN_GIT = 2 /* the same, but only in a git work tree */
};

/* Opens the store of the project that `start` (NULL: the working folder) lies in: the nearest
 * `.eadem` upwards. With start NULL, the environment variable EADEM_DIR names the `.eadem` folder
 * instead. */
ea_status ledger_open(ea_context *ctx, const char *start, int flags, ledger_store **out);
void ledger_close(ledger_store *store); /* what was put and not committed is gone; takes NULL */

ea_context *ledger_context(const ledger_store *store);
const char *ledger_project(const ledger_store *store); /* absolute path of the project's folder */
const char *ledger_path(const ledger_store *store);    /* absolute path of `.eadem` */
int ledger_folder(const ledger_store *store); /* descriptor of `.eadem`; not to be closed */

/* --- Database -----------------------------------------------------------------------------------
 */

/* BEGIN IMMEDIATE; waits up to a minute for other writers. Transactions do not nest. */
ea_status ledger_begin(ledger_store *store);
/* Makes the objects put so far durable, then commits. On failure the transaction is rolled back. */
ea_status ledger_commit(ledger_store *store);
void ledger_rollback(ledger_store *store); /* harmless when no transaction is open */

sqlite3 *ledger_db(ledger_store *store);

/* Prepares (from a cache) and binds. `types` has one letter an argument: 't' const char * (NULL is
 * allowed), 'i' int64_t, 'd' double, 'b' const void * and size_t, 'h' const ledger_digest *.
 * Bound text, blobs and digests must stay until ledger_done(). `sql` must be a string literal. */
ea_status ledger_query(ledger_store *store, sqlite3_stmt **out, const char *sql, const char *types,
                       ...);
/* *row says whether there is one. */
ea_status ledger_step(ledger_store *store, sqlite3_stmt *statement, bool *row);
/* Gives the statement back to the cache. */
void ledger_done(ledger_store *store, sqlite3_stmt *statement);
/* ledger_query, one step, ledger_done. */
ea_status ledger_exec(ledger_store *store, const char *sql, const char *types, ...);
/* The same for a statement that gives one integer; *out stays as it is when there is no row. */
ea_status ledger_value(ledger_store *store, int64_t *out, const char *sql, const char *types, ...);
/* True (and *out filled) when the column holds a digest. */
bool ledger_column_digest(sqlite3_stmt *statement, int column, ledger_digest *out);
/* The sentence for a failed call into SQLite. */
ea_status ledger_sql_error(ledger_store *store, const char *doing);

/* One subject's tables: step i brings version i to i+1. A released step never changes; later ones
 * are added at the end. The list of all subjects is in schema.c. */
typedef struct ledger_schema {
    const char *subject;
    const char *const *steps; /* SQL */
    int count;
} ledger_schema;

/* --- Objects ------------------------------------------------------------------------------------
 */

typedef struct ledger_object {
    ledger_digest digest;
    int64_t size;
} ledger_object;

/* Content already there is not stored again. Large content is read in pieces: memory stays bounded.
 */
ea_status ledger_put_bytes(ledger_store *store, const void *data, size_t size, ledger_object *out);
/* From the descriptor's position to its end; `name` is for the error text. */
ea_status ledger_put_fd(ledger_store *store, int fd, const char *name, ledger_object *out);
ea_status ledger_put_file(ledger_store *store, const char *path, ledger_object *out);
/* Makes what was put durable and findable now, and keeps the lock. Only for long operations that
 * should not start over when interrupted: ledger_commit does it anyway. */
ea_status ledger_flush(ledger_store *store);

ea_status ledger_find(ledger_store *store, const ledger_digest *digest, bool *found,
                      ledger_object *out);

/* Content in order, in pieces; a failure of the sink is handed on. The digest is checked: when the
 * stored bytes do not have it, the last thing that happens is EA_ERR_FORMAT, so a sink must not
 * publish before the get is done. */
typedef ea_status (*ledger_sink)(void *argument, const void *data, size_t size);
ea_status ledger_get(ledger_store *store, const ledger_digest *digest, ledger_sink sink,
                     void *argument);
/* All of it in memory that core_free() frees, with a NUL after the end; EA_ERR_ARGUMENT when it is
 * larger than `limit`. */
ea_status ledger_get_bytes(ledger_store *store, const ledger_digest *digest, size_t limit,
                           char **data, size_t *size);
ea_status ledger_get_fd(ledger_store *store, const ledger_digest *digest, int fd);
/* Writes a new file (temporary name, fsync, rename); `mode` as for chmod. */
ea_status ledger_get_file(ledger_store *store, const ledger_digest *digest, const char *path,
                          mode_t mode);

/* Called with what has been put or got since the last call, for progress displays. */
typedef void (*ledger_progress)(void *argument, int64_t bytes, int64_t files);
void ledger_on_progress(ledger_store *store, ledger_progress progress, void *argument);

/* --- What keeps an object -----------------------------------------------------------------------
 */

/* An object lives while an owner refers to it. A tree also keeps what its entries name. */
typedef enum ledger_kind { LEDGER_FILE = 0, LEDGER_TREE = 1 } ledger_kind;

/* Owners are names such as "run:3f2a…" or "data:mnist@2". Inside a transaction. */
ea_status ledger_ref(ledger_store *store, const char *owner, const ledger_digest *digest,
                     ledger_kind kind);
ea_status ledger_unref(ledger_store *store,
                       const char *owner); /* all that this owner referred to */

#endif
