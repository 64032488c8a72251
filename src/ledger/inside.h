/* inside.h: the store's insides, for the files that implement store.h and for fsck and gc. */
#ifndef LEDGER_INSIDE_H
#define LEDGER_INSIDE_H

#include "ledger/chunk.h"
#include "ledger/pack.h"
#include "ledger/squeeze.h"
#include "ledger/store.h"
#include "ledger/stream.h"

#include <stdio.h>

enum {
    LEDGER_STATEMENTS = 96, /* prepared statements kept */
    LEDGER_OPEN_PACKS = 16, /* pack files kept open for reading */
    LEDGER_PACK_NAME = 16,  /* random bytes */
    LEDGER_PACK_BYTES = 256 << 20,
    LEDGER_PACK_RECORDS = 1 << 16,
    LEDGER_WRITE_BUFFER = 1 << 20
};

/* Where a record is. pack 0 is the pack being written. */
typedef struct ledger_place {
    int64_t pack;
    int64_t offset;
} ledger_place;

typedef struct ledger_entry {
    ledger_record record;
    int64_t offset;
} ledger_entry;

/* The pack being written: a file in tmp/ until it is sealed. */
typedef struct ledger_pending {
    int fd; /* −1: none */
    unsigned char name[LEDGER_PACK_NAME];
    int64_t size; /* of the file with what is buffered */
    unsigned char *buffer;
    size_t buffered;
    ledger_entry *entries;
    int count, capacity;
    int32_t *slots; /* hash table of entry numbers + 1 */
    int slot_count; /* power of two */
} ledger_pending;

struct ledger_store {
    ea_context *ctx;
    char *project, *path;
    int folder, objects, temporary, lock;
    bool locked, in_transaction;
    sqlite3 *db;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
        bool busy;
    } statements[LEDGER_STATEMENTS];
    ledger_pending pending;
    struct {
        int64_t pack;
        int fd;
    } open_packs[LEDGER_OPEN_PACKS];
    int next_open_pack;
    ledger_sha *chunk_sha, *whole_sha;
    ledger_packer *packer;
    ledger_squeezer *squeezer;
    ledger_stream *stream;
    ledger_progress progress; /* may be NULL */
    void *progress_argument;
    unsigned char *payload, *content; /* one chunk as stored and expanded */
};

/* --- store.c ------------------------------------------------------------------------------------
 */

/* Shared: nothing is collected while held. Taken once, kept until the transaction ends. */
ea_status ledger_lock(ledger_store *store);
/* Exclusive, for gc: waits `seconds` for writers, then EA_ERR_STATE. */
ea_status ledger_lock_alone(ledger_store *store, int seconds);
void ledger_unlock(ledger_store *store);
ea_status ledger_io_error(ledger_store *store, const char *doing, const char *name);

void ledger_report(ledger_store *store, int64_t bytes, int64_t files);

/* A file without a name in tmp/: nothing is left when the program dies. For fclose(). */
ea_status ledger_temporary(ledger_store *store, FILE **out);

/* --- database.c ---------------------------------------------------------------------------------
 */

ea_status ledger_database_open(ledger_store *store);
void ledger_database_close(ledger_store *store);
/* For operations that commit several times and may not be collected in between. */
ea_status ledger_commit_keeping_lock(ledger_store *store);

/* --- pending.c ----------------------------------------------------------------------------------
 */

/* The entry of the pack being written, or NULL. */
const ledger_entry *ledger_pending_find(const ledger_store *store, const ledger_digest *digest);
/* Starts a pack when none is open. `check` is filled in here. */
ea_status ledger_pending_add(ledger_store *store, ledger_record record, const void *payload);
bool ledger_pending_full(const ledger_store *store);
/* Puts everything on the disk; no transaction needed. */
ea_status ledger_pending_sync(ledger_store *store);
/* Gives the pack its name and its rows, inside a transaction. */
ea_status ledger_pending_seal(ledger_store *store);
void ledger_pending_drop(ledger_store *store);
/* For reading: everything added so far is in the file. */
ea_status ledger_pending_descriptor(ledger_store *store, int *fd);

/* --- object.c -----------------------------------------------------------------------------------
 */

ea_status ledger_locate(ledger_store *store, const ledger_digest *digest, bool *found,
                        ledger_record *record, ledger_place *place);
ea_status ledger_damaged(ledger_store *store, const ledger_digest *digest, const char *how);
/* The header in the pack must be what the index says it is; gives the payload's XXH3. */
ea_status ledger_check_header(ledger_store *store, const ledger_place *place,
                              const ledger_record *record, uint64_t *check);
/* Reads part of a record's payload. */
ea_status ledger_read_payload(ledger_store *store, const ledger_place *place,
                              const ledger_record *record, int64_t from, size_t size, void *out);
/* Reads one chunk (not a list) into store->content and checks its XXH3. */
ea_status ledger_read_chunk(ledger_store *store, const ledger_place *place,
                            const ledger_record *record);
/* The digest and size of entry `index` of a list. */
ea_status ledger_read_entry(ledger_store *store, const ledger_place *place,
                            const ledger_record *record, int64_t index, ledger_object *out);
void ledger_forget_packs(ledger_store *store); /* closes the packs kept open */

/* objects/xx/NAME of a pack, relative to objects/. */
enum { LEDGER_PACK_PATH = 48 };
char *ledger_pack_path(const unsigned char name[LEDGER_PACK_NAME], char path[LEDGER_PACK_PATH]);

#endif
