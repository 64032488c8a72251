/* collect.h: what a run leaves behind: kept output, reports, trace, and the files it made. */
#ifndef LEDGER_COLLECT_H
#define LEDGER_COLLECT_H

#include "ledger/record.h"

/* Adds an entry {"path", "type", "digest", "size"} for a file or folder, whose content goes into
 * the store, to `list`. `root` is the project's folder. With `may_miss`, what is not there gets
 * {"path", "missing": true}. */
ea_status ledger_collect_file(ledger_store *store, json_t *list, const char *root, const char *path,
                              bool may_miss);

/* Puts the run folder's output, report and trace into the store and adds them, and what was
 * reported, to the record. `streams` holds how many bytes the program wrote to each, NULL: what is
 * there. */
ea_status ledger_collect_folder(ledger_store *store, json_t *record, const char *folder,
                                const int64_t streams[2]);

#endif
