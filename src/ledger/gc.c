/* gc.c: removing what no reference leads to.
 *
 * The store is locked alone for all of it. The order makes a kill harmless: rows go in one
 * transaction, files only after it; a live record is copied and its row moved before its old file
 * goes. */
#include "core/memory.h"
#include "ledger/fsck.h"
#include "ledger/inside.h"
#include "ledger/leftover.h"
#include "ledger/mark.h"

#include <string.h>
#include <unistd.h>

enum { SMALL_PACK = 16 << 20, SMALL_PACKS = 64 };

/* A reference to something missing is for fsck to tell: removing more would lose what may still be
 * saved. */
static ea_status refuse(void *argument, const char *owner, const ledger_digest *digest,
                        const char *why)
{
    ledger_store *store = argument;
    char hex[LEDGER_HEX_SIZE];
    return core_fail(
        store->ctx, EA_ERR_FORMAT,
        "nothing was removed: object %.16s…, which %.100s refers to, %s: run eadem fsck",
        ledger_hex(digest, hex), owner ? owner : "", why);
}

#define DEAD "digest NOT IN (SELECT digest FROM temp.walked)"

static ea_status count_dead(ledger_store *store, ledger_garbage *out)
{
    EA_TRY(ledger_value(store, &out->objects, "SELECT count(*) FROM object WHERE " DEAD, ""));
    return ledger_value(store, &out->bytes,
                        "SELECT ifnull(sum(stored + 64), 0) FROM object WHERE " DEAD, "");
}

static ea_status delete_dead_rows(ledger_store *store)
{
    EA_TRY(ledger_begin(store));
    ea_status status = ledger_exec(store, "DELETE FROM object WHERE " DEAD, "");
    if (status == EA_OK)
        status =
            ledger_exec(store, "DELETE FROM pack WHERE id NOT IN (SELECT pack FROM object)", "");
    if (status == EA_OK)
        status = ledger_exec(
            store, "DELETE FROM file_cache WHERE digest NOT IN (SELECT digest FROM object)", "");
    if (status != EA_OK) {
        ledger_rollback(store);
        return status;
    }
    return ledger_commit_keeping_lock(store);
}

/* --- Rewriting -------------------------------------------------------------------------------- */

static ea_status copy_record(ledger_store *store, const ledger_record *record,
                             const ledger_place *place)
{
    void *payload = core_alloc((size_t)record->stored);
    if (!payload)
        return core_fail(store->ctx, EA_ERR_MEMORY, "no memory for a record of %lld bytes",
                         (long long)record->stored);
    uint64_t check;
    ea_status status = ledger_check_header(store, place, record, &check);
    if (status == EA_OK)
        status = ledger_read_payload(store, place, record, 0, (size_t)record->stored, payload);
    if (status == EA_OK && ledger_check(payload, (size_t)record->stored) != check)
        status = ledger_damaged(store, &record->digest, "is damaged");
    if (status == EA_OK)
        status = ledger_pending_add(store, *record, payload);
    core_free(payload);
    return status;
}

/* Copies the live records of the packs in temp.rewrite, in one scan. */
static ea_status copy_packs(ledger_store *store)
{
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_query(store, &rows,
                        "SELECT digest, pack, offset, encoding, size, stored FROM object "
                        "WHERE pack IN (SELECT id FROM temp.rewrite) ORDER BY pack, offset",
                        ""));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        ledger_place place = { sqlite3_column_int64(rows, 1), sqlite3_column_int64(rows, 2) };
        ledger_record record = { .encoding = (ledger_encoding)sqlite3_column_int(rows, 3),
                                 .size = sqlite3_column_int64(rows, 4),
                                 .stored = sqlite3_column_int64(rows, 5) };
        if (!ledger_column_digest(rows, 0, &record.digest))
            status = core_fail(store->ctx, EA_ERR_FORMAT,
                               "%.300s: a row without digest: run eadem fsck", store->path);
        else
            status = copy_record(store, &record, &place);
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}

/* The new pack is on the disk before the transaction that moves the rows to it. */
static ea_status replace_packs(ledger_store *store)
{
    static const char *const steps[] = {
        "DELETE FROM object WHERE pack IN (SELECT id FROM temp.rewrite)",
        "DELETE FROM pack WHERE id IN (SELECT id FROM temp.rewrite)",
    };
    ea_status status = copy_packs(store);
    if (status == EA_OK)
        status = ledger_begin(store);
    for (int i = 0; i < 2 && status == EA_OK; i++)
        status = ledger_exec(store, steps[i], "");
    if (status == EA_OK)
        return ledger_commit_keeping_lock(store);
    ledger_rollback(store);
    return status;
}

/* Fills temp.rewrite with the packs to rewrite next, from pack number *at on: those with a tenth of
 * garbage, and small ones when there are many. What is live in them fills about one pack. */
static ea_status choose_packs(ledger_store *store, bool merge, int64_t *at, int64_t *count)
{
    sqlite3_stmt *rows;
    bool row;
    int64_t bytes = 0, records = 0;
    *count = 0;
    EA_TRY(ledger_exec(store, "DELETE FROM temp.rewrite", ""));
    EA_TRY(ledger_query(
        store, &rows,
        "SELECT id, live, records FROM (SELECT id, pack.size AS size, sum(stored + 64) AS live, "
        "count(*) AS records FROM object JOIN pack ON pack = id WHERE id > ?1 GROUP BY id) "
        "WHERE live < (size - 8) * 9 / 10 OR (?2 AND size < ?3) ORDER BY id",
        "iii", *at, (int64_t)merge, (int64_t)SMALL_PACK));
    ea_status status = EA_OK;
    while (bytes < LEDGER_PACK_BYTES && records < LEDGER_PACK_RECORDS &&
           (status = ledger_step(store, rows, &row)) == EA_OK && row) {
        *at = sqlite3_column_int64(rows, 0);
        bytes += sqlite3_column_int64(rows, 1);
        records += sqlite3_column_int64(rows, 2);
        ++*count;
        status = ledger_exec(store, "INSERT INTO temp.rewrite (id) VALUES (?)", "i", *at);
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}

/* The packs made here have higher numbers and must not be looked at again, which is why the last
 * number is taken first. */
static ea_status rewrite_packs(ledger_store *store, ledger_garbage *out)
{
    int64_t end = 0, small = 0, at = 0, count;
    EA_TRY(
        ledger_exec(store, "CREATE TEMP TABLE IF NOT EXISTS rewrite (id INTEGER PRIMARY KEY)", ""));
    EA_TRY(ledger_value(store, &end, "SELECT ifnull(max(id), 0) FROM pack", ""));
    EA_TRY(ledger_value(store, &small, "SELECT count(*) FROM pack WHERE size < ?", "i",
                        (int64_t)SMALL_PACK));
    for (;;) {
        EA_TRY(choose_packs(store, small > SMALL_PACKS, &at, &count));
        EA_TRY(ledger_exec(store, "DELETE FROM temp.rewrite WHERE id > ?", "i", end));
        count -= sqlite3_changes(store->db);
        if (count == 0)
            return EA_OK;
        EA_TRY(replace_packs(store));
        out->packs_rewritten += count;
    }
}

/* --- The whole -------------------------------------------------------------------------------- */

static ea_status collect(ledger_store *store, bool dry_run, ledger_garbage *out)
{
    int64_t before = 0, after = 0;
    EA_TRY(ledger_mark(store, refuse, store));
    EA_TRY(count_dead(store, out));
    if (dry_run)
        return ledger_leftovers(store, false, &out->leftovers);
    EA_TRY(ledger_value(store, &before, "SELECT count(*) FROM pack", ""));
    EA_TRY(delete_dead_rows(store));
    EA_TRY(ledger_value(store, &after, "SELECT count(*) FROM pack", ""));
    out->packs_removed = before - after;
    EA_TRY(rewrite_packs(store, out));
    ledger_forget_packs(store);
    EA_TRY(ledger_leftovers(store, true, &out->leftovers));
    out->leftovers -= out->packs_removed + out->packs_rewritten;
    return EA_OK;
}

ea_status ledger_collect(ledger_store *store, bool dry_run, int seconds, ledger_garbage *out)
{
    *out = (ledger_garbage){ 0 };
    EA_TRY(ledger_lock_alone(store, seconds));
    ea_status status = collect(store, dry_run, out);
    ledger_unlock(store);
    return status;
}
