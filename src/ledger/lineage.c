/* lineage.c: the links between runs, data, models and features. */
#include "ledger/lineage.h"

#include <stdio.h>

static const char *const lineage_steps[] = {
    "CREATE TABLE link (child TEXT NOT NULL, parent TEXT NOT NULL, role TEXT NOT NULL,"
    "                   PRIMARY KEY (child, parent, role)) WITHOUT ROWID;"
    "CREATE INDEX link_parent ON link (parent, child);",
};

const ledger_schema ledger_lineage_schema = { "lineage", lineage_steps, 1 };

ea_status ledger_link(ledger_store *store, const char *child, const char *parent, const char *role)
{
    return ledger_exec(store, "INSERT OR IGNORE INTO link (child, parent, role) VALUES (?, ?, ?)",
                       "ttt", child, parent, role);
}

ea_status ledger_unlink(ledger_store *store, const char *node)
{
    return ledger_exec(store, "DELETE FROM link WHERE child = ?1 OR parent = ?1", "t", node);
}

char *ledger_object_node(const ledger_digest *digest, char node[LEDGER_NODE])
{
    char hex[LEDGER_HEX_SIZE];
    snprintf(node, LEDGER_NODE, "object:%s", ledger_hex(digest, hex));
    return node;
}
