/* tree.h: folders as content: one object lists a folder's entries in the order of their names.
 * docs/ledger.md gives the bytes. Permissions are reduced to "executable", owners and times are
 * left out, so that the same data has the same digest on every machine.
 */
#ifndef LEDGER_TREE_H
#define LEDGER_TREE_H

#include "ledger/store.h"

enum {
    LEDGER_TREE_DEPTH = 200,       /* folders inside folders */
    LEDGER_TREE_BYTES = 256 << 20, /* of one folder's object: four million entries */
    LEDGER_NAME_MAX = 255,
    LEDGER_LINK_MAX = 4095
};

typedef enum ledger_type {
    LEDGER_PLAIN = 'f',
    LEDGER_EXECUTABLE = 'x',
    LEDGER_FOLDER_ENTRY = 'd',
    LEDGER_LINK = 'l' /* the object holds the target's text */
} ledger_type;

typedef struct ledger_tree_entry {
    ledger_type type;
    const char *name; /* ends with NUL */
    int64_t size;     /* of the content; of a folder: of all files in it */
    ledger_digest digest;
    bool has_digest; /* false only for entries of a folder on disk that were not read yet */
} ledger_tree_entry;

/* A folder's entries, sorted by name. */
typedef struct ledger_listing {
    ledger_tree_entry *entries;
    size_t count, capacity;
    int left_out; /* folders named .git or .eadem on disk */
    char *names;  /* what the names point into; NULL when each is its own block */
} ledger_listing;

void ledger_listing_free(ledger_listing *listing);

/* A name that may stand in a folder: 1 to 255 bytes, no '/', not "." or "..", and not ".git" or
 * ".eadem" in any case: a folder of those names would change what programs do in the checkout. */
bool ledger_name_allowed(const char *name, size_t length);

/* Reads the bytes of a tree object. EA_ERR_FORMAT for anything that ledger_tree_encode() would not
 * have written. */
ea_status ledger_tree_decode(ea_context *ctx, const char *data, size_t size, ledger_listing *out);
ea_status ledger_tree_read(ledger_store *store, const ledger_digest *digest, ledger_listing *out);

/* The tree's bytes in memory that core_free() frees. */
ea_status ledger_tree_encode(ea_context *ctx, const ledger_listing *listing, char **data,
                             size_t *size);

/* A folder on disk: names, types and sizes, no digests. What may not stand in a tree (names as
 * above, devices, sockets) is an error, except .git and .eadem themselves, which are left out. */
ea_status ledger_folder_read(ea_context *ctx, int fd, const char *path, ledger_listing *out);

#endif
