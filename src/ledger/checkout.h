/* checkout.h: objects of the store as a file or folder on disk. */
#ifndef LEDGER_CHECKOUT_H
#define LEDGER_CHECKOUT_H

#include "ledger/tree.h"

typedef struct ledger_checkout_options {
    bool read_only;
    bool any_link; /* also links that lead out of the folder */
} ledger_checkout_options;

/* Makes `path`, which must not exist (an empty folder may). A folder is written beside it, under
 * the name PATH.eadem-DIGEST, and renamed when it is complete; after an interruption the same call
 * goes on with what is there. Nothing outside is written, whatever the tree says: names are
 * checked, links in the way are not followed, and links that would lead out are an error. */
ea_status ledger_checkout(ledger_store *store, ledger_type type, const ledger_digest *digest,
                          const char *path, const ledger_checkout_options *options);

/* Reads a file's or folder's whole content and checks its digests. */
ea_status ledger_verify_content(ledger_store *store, ledger_type type, const ledger_digest *digest);

/* True for a link, in a folder `depth` below the top, that stays inside: relative, with ".." only
 * at its front and at most `depth` of them. (A ".." behind a name could start from where another
 * link leads.) */
bool ledger_link_stays_inside(const char *target, int depth);

#endif
