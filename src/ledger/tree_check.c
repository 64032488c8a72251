/* tree_check.c: walking a tree with the totals of its folders remembered. */
#include "ledger/tree_check.h"

typedef struct walk {
    ledger_store *store;
    int64_t limit;
} walk;

static ea_status check_tree(walk *job, const ledger_digest *digest, int depth,
                            ledger_tree_total *out);

static ea_status is_known(walk *job, const ledger_digest *digest, bool *known,
                          ledger_tree_total *out)
{
    sqlite3_stmt *rows;
    EA_TRY(ledger_query(job->store, &rows,
                        "SELECT entries, files, bytes FROM temp.checked WHERE digest = ?", "h",
                        digest));
    ea_status status = ledger_step(job->store, rows, known);
    if (status == EA_OK && *known)
        *out = (ledger_tree_total){ sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
                                    sqlite3_column_int64(rows, 2) };
    ledger_done(job->store, rows);
    return status;
}

static ea_status bad_entry(walk *job, const ledger_tree_entry *entry, const char *what)
{
    return core_fail(ledger_context(job->store), EA_ERR_FORMAT, "a tree's entry '%.100s' %s",
                     entry->name, what);
}

static ea_status check_entry(walk *job, const ledger_tree_entry *entry, int depth,
                             ledger_tree_total *total)
{
    ledger_tree_total one = { 1, 1, entry->size };
    if (entry->type == LEDGER_FOLDER_ENTRY) {
        EA_TRY(check_tree(job, &entry->digest, depth + 1, &one));
        one.entries++;
        if (one.bytes != entry->size)
            return bad_entry(job, entry, "has another size than its content");
    } else {
        ledger_object object;
        bool found;
        EA_TRY(ledger_find(job->store, &entry->digest, &found, &object));
        if (!found)
            return bad_entry(job, entry, "is not there");
        if (object.size != entry->size)
            return bad_entry(job, entry, "has another size than its content");
    }
    if (one.entries > job->limit - total->entries || one.bytes > INT64_MAX - total->bytes)
        return core_fail(ledger_context(job->store), EA_ERR_UNSUPPORTED,
                         "a tree of more than %lld entries or 2^63 bytes: give --any-size if you "
                         "trust where it comes from",
                         (long long)job->limit);
    total->entries += one.entries;
    total->files += one.files;
    total->bytes += one.bytes;
    return EA_OK;
}

static ea_status check_tree(walk *job, const ledger_digest *digest, int depth,
                            ledger_tree_total *out)
{
    bool known;
    ledger_listing listing;
    *out = (ledger_tree_total){ 0 };
    EA_TRY(is_known(job, digest, &known, out));
    if (known)
        return EA_OK;
    if (depth > LEDGER_TREE_DEPTH)
        return core_fail(ledger_context(job->store), EA_ERR_FORMAT, "a tree deeper than %d folders",
                         (int)LEDGER_TREE_DEPTH);
    EA_TRY(ledger_tree_read(job->store, digest, &listing));
    ea_status status = EA_OK;
    for (size_t i = 0; i < listing.count && status == EA_OK; i++)
        status = check_entry(job, &listing.entries[i], depth, out);
    ledger_listing_free(&listing);
    EA_TRY(status);
    return ledger_exec(job->store,
                       "INSERT OR REPLACE INTO temp.checked (digest, entries, files, bytes) VALUES "
                       "(?, ?, ?, ?)",
                       "hiii", digest, out->entries, out->files, out->bytes);
}

ea_status ledger_tree_check(ledger_store *store, const ledger_digest *digest, int64_t limit,
                            ledger_tree_total *out)
{
    walk job = { store, limit };
    EA_TRY(ledger_exec(store,
                       "CREATE TEMP TABLE IF NOT EXISTS checked (digest BLOB PRIMARY KEY, "
                       "entries INTEGER, files INTEGER, bytes INTEGER) WITHOUT ROWID",
                       ""));
    return check_tree(&job, digest, 0, out);
}
