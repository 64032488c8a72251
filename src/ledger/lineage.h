/* lineage.h: what was made from what.
 *
 * A node is named KIND:NAME: "run:3f2a…", "object:SHA-256", "feature:user@3". Contents are nodes by
 * their digest, and data versions and models are names of contents: so a file that a run made is
 * the same node as the data version that it became and the input of the next run. A link says that
 * the child was made from, or by, the parent.
 */
#ifndef LEDGER_LINEAGE_H
#define LEDGER_LINEAGE_H

#include "ledger/store.h"

/* Inside a transaction. `role` is a word: "input", "output", "join", "ingest". */
ea_status ledger_link(ledger_store *store, const char *child, const char *parent, const char *role);
/* All links of a node, for when it is removed. */
ea_status ledger_unlink(ledger_store *store, const char *node);

enum { LEDGER_NODE = LEDGER_HEX_SIZE + 8 };
char *ledger_object_node(const ledger_digest *digest, char node[LEDGER_NODE]);

/* --- The graph around one node ------------------------------------------------------------------
 */

typedef struct ledger_node {
    char *id;     /* "run:3f2a…" */
    char *label;  /* "mnist@2", "python train.py", …; "" when it has no name */
    int64_t time; /* of a run: milliseconds since 1970; else 0 */
} ledger_node;

typedef struct ledger_edge {
    int child, parent; /* node numbers */
    char role[16];
} ledger_edge;

typedef struct ledger_graph {
    ledger_node *nodes; /* the first one is where it started */
    int node_count, node_capacity;
    ledger_edge *edges;
    int edge_count, edge_capacity;
} ledger_graph;

/* The node that `reference` means: "data:mnist@2", "model:lenet@production", "run:3f2a",
 * "feature:user@1", "object:SHA-256", or the part behind the colon alone, tried in this order. For
 * core_free(). */
ea_status ledger_lineage_find(ledger_store *store, const char *reference, char **node);

/* All that `node` was made from and all that was made from it, through any number of steps. */
ea_status ledger_lineage_load(ledger_store *store, const char *node, ledger_graph *out);
void ledger_graph_free(ledger_graph *graph);

#endif
