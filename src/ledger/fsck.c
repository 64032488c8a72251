/* fsck.c: reading everything that a store holds. */
#include "ledger/fsck.h"
#include "core/memory.h"
#include "ledger/inside.h"
#include "ledger/leftover.h"
#include "ledger/mark.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct checker {
    ledger_store *store;
    ledger_problem tell;
    void *argument;
    ledger_health *health;
} checker;

static void problem(checker *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void problem(checker *job, const char *format, ...)
{
    char text[CORE_ERROR_SIZE + 200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    job->health->problems++;
    job->tell(job->argument, text);
}

/* --- The database ----------------------------------------------------------------------------- */

static ea_status check_database(checker *job)
{
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_query(job->store, &rows, "PRAGMA integrity_check(20)", ""));
    ea_status status;
    while ((status = ledger_step(job->store, rows, &row)) == EA_OK && row) {
        const char *text = (const char *)sqlite3_column_text(rows, 0);
        if (text && strcmp(text, "ok") != 0)
            problem(job, "ledger.db: %s", text);
    }
    ledger_done(job->store, rows);
    if (status == EA_ERR_FORMAT) {
        problem(job, "%s", ea_error_text(job->store->ctx));
        return EA_OK;
    }
    return status;
}

/* --- Packs ------------------------------------------------------------------------------------ */

static void check_pack(checker *job, const unsigned char *name, int64_t size)
{
    char path[LEDGER_PACK_PATH], magic[LEDGER_PACK_MAGIC_SIZE];
    struct stat info;
    ledger_pack_path(name, path);
    int fd = openat(job->store->objects, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        problem(job, "the pack %s is not there", path);
        return;
    }
    if (fstat(fd, &info) != 0 || info.st_size != size)
        problem(job, "the pack %s has %lld bytes and should have %lld", path,
                (long long)info.st_size, (long long)size);
    if (!ledger_pread(fd, magic, sizeof magic, 0) ||
        memcmp(magic, LEDGER_PACK_MAGIC, sizeof magic) != 0)
        problem(job, "the pack %s does not begin as one", path);
    close(fd);
    job->health->packs++;
    job->health->bytes += size;
}

static ea_status check_packs(checker *job)
{
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_query(job->store, &rows, "SELECT name, size FROM pack", ""));
    ea_status status;
    while ((status = ledger_step(job->store, rows, &row)) == EA_OK && row) {
        if (sqlite3_column_bytes(rows, 0) == LEDGER_PACK_NAME)
            check_pack(job, sqlite3_column_blob(rows, 0), sqlite3_column_int64(rows, 1));
        else
            problem(job, "ledger.db: a pack has a name of %d bytes", sqlite3_column_bytes(rows, 0));
    }
    ledger_done(job->store, rows);
    return status;
}

/* --- Objects ---------------------------------------------------------------------------------- */

static ea_status to_nowhere(void *argument, const void *data, size_t size)
{
    (void)argument, (void)data, (void)size;
    return EA_OK;
}

/* Everything is read through the same door as in use. */
static ea_status check_object(checker *job, const ledger_digest *digest)
{
    ea_status status = ledger_get(job->store, digest, to_nowhere, NULL);
    if (status == EA_ERR_MEMORY)
        return status;
    if (status != EA_OK)
        problem(job, "%s", ea_error_text(job->store->ctx));
    job->health->objects++;
    return EA_OK;
}

static ea_status check_objects(checker *job)
{
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_query(job->store, &rows, "SELECT digest FROM object ORDER BY pack, offset", ""));
    ea_status status;
    while ((status = ledger_step(job->store, rows, &row)) == EA_OK && row) {
        ledger_digest digest;
        if (ledger_column_digest(rows, 0, &digest))
            status = check_object(job, &digest);
        else
            problem(job, "ledger.db: an object has no digest");
        if (status != EA_OK)
            break;
    }
    ledger_done(job->store, rows);
    return status;
}

/* --- References ------------------------------------------------------------------------------- */

static ea_status tell_missing(void *argument, const char *owner, const ledger_digest *digest,
                              const char *why)
{
    checker *job = argument;
    char hex[LEDGER_HEX_SIZE];
    problem(job, "object %.16s…, which %.100s refers to, %s", ledger_hex(digest, hex),
            owner ? owner : "?", why);
    return EA_OK;
}

static ea_status check_references(checker *job)
{
    EA_TRY(ledger_mark(job->store, tell_missing, job));
    return ledger_value(job->store, &job->health->references, "SELECT count(*) FROM ref", "");
}

ea_status ledger_fsck(ledger_store *store, ledger_problem tell, void *argument, ledger_health *out)
{
    *out = (ledger_health){ 0 };
    checker job = { store, tell, argument, out };
    EA_TRY(check_database(&job));
    EA_TRY(check_packs(&job));
    EA_TRY(check_objects(&job));
    EA_TRY(check_references(&job));
    return ledger_leftovers(store, false, &out->leftovers);
}
