/* mark.c: walking from the references through trees and lists. The set of what was seen is a
 * temporary table, so that a store of any size is walked in bounded memory. */
#include "ledger/mark.h"
#include "core/memory.h"
#include "ledger/inside.h"

#include <stdio.h>
#include <string.h>

typedef struct marker {
    ledger_store *store;
    ledger_missing missing;
    void *argument;
    const char *owner;
} marker;

static ea_status mark_object(marker *job, const ledger_digest *digest, ledger_kind kind, int depth);

/* *fresh: it was not in the table. Trees are marked under another key than files, because the same
 * bytes may be referred to as both. */
static ea_status insert(marker *job, const ledger_digest *digest, ledger_kind kind, bool *fresh)
{
    EA_TRY(ledger_exec(job->store, "INSERT OR IGNORE INTO temp.walked (digest, kind) VALUES (?, ?)",
                       "hi", digest, (int64_t)kind));
    *fresh = sqlite3_changes(job->store->db) > 0;
    return EA_OK;
}

static ea_status mark_chunks(marker *job, const ledger_place *place, const ledger_record *record)
{
    for (int64_t i = 0; i < record->stored / LEDGER_LIST_ENTRY; i++) {
        ledger_object chunk;
        bool fresh, found;
        EA_TRY(ledger_read_entry(job->store, place, record, i, &chunk));
        EA_TRY(insert(job, &chunk.digest, LEDGER_FILE, &fresh));
        if (!fresh)
            continue;
        EA_TRY(ledger_find(job->store, &chunk.digest, &found, NULL));
        if (!found)
            EA_TRY(job->missing(job->argument, job->owner, &chunk.digest, "is not there"));
    }
    return EA_OK;
}

static ea_status mark_entries(marker *job, const ledger_listing *listing, int depth)
{
    for (size_t i = 0; i < listing->count; i++) {
        const ledger_tree_entry *entry = &listing->entries[i];
        bool folder = entry->type == LEDGER_FOLDER_ENTRY;
        EA_TRY(mark_object(job, &entry->digest, folder ? LEDGER_TREE : LEDGER_FILE, depth + 1));
    }
    return EA_OK;
}

static ea_status mark_tree(marker *job, const ledger_digest *digest, int depth)
{
    ledger_listing listing;
    if (depth > LEDGER_TREE_DEPTH)
        return job->missing(job->argument, job->owner, digest, "is a folder too deep");
    ea_status status = ledger_tree_read(job->store, digest, &listing);
    if (status == EA_ERR_FORMAT) {
        char why[CORE_ERROR_SIZE];
        snprintf(why, sizeof why, "cannot be read as a folder: %s",
                 ea_error_text(ledger_context(job->store)));
        return job->missing(job->argument, job->owner, digest, why);
    }
    EA_TRY(status);
    status = mark_entries(job, &listing, depth);
    ledger_listing_free(&listing);
    return status;
}

static ea_status mark_object(marker *job, const ledger_digest *digest, ledger_kind kind, int depth)
{
    ledger_record record;
    ledger_place place;
    bool fresh, found;
    EA_TRY(insert(job, digest, kind, &fresh));
    if (!fresh)
        return EA_OK;
    EA_TRY(ledger_locate(job->store, digest, &found, &record, &place));
    if (!found)
        return job->missing(job->argument, job->owner, digest, "is not there");
    if (record.encoding == LEDGER_LIST)
        EA_TRY(mark_chunks(job, &place, &record));
    return kind == LEDGER_TREE ? mark_tree(job, digest, depth) : EA_OK;
}

ea_status ledger_mark(ledger_store *store, ledger_missing missing, void *argument)
{
    marker job = { store, missing, argument, NULL };
    sqlite3_stmt *rows;
    bool row;
    EA_TRY(ledger_exec(store, "DROP TABLE IF EXISTS temp.walked", ""));
    EA_TRY(ledger_exec(store,
                       "CREATE TEMP TABLE walked (digest BLOB NOT NULL, kind INTEGER NOT NULL, "
                       "PRIMARY KEY (digest, kind)) WITHOUT ROWID",
                       ""));
    EA_TRY(ledger_query(store, &rows, "SELECT owner, object, kind FROM ref", ""));
    ea_status status;
    while ((status = ledger_step(store, rows, &row)) == EA_OK && row) {
        ledger_digest digest;
        job.owner = (const char *)sqlite3_column_text(rows, 0);
        ledger_kind kind = sqlite3_column_int(rows, 2) ? LEDGER_TREE : LEDGER_FILE;
        if (ledger_column_digest(rows, 1, &digest))
            status = mark_object(&job, &digest, kind, 0);
        else
            status = missing(argument, job.owner, &(ledger_digest){ { 0 } }, "is no digest");
        if (status != EA_OK)
            break;
    }
    ledger_done(store, rows);
    return status;
}
