/* index.h: definitions of reading and writing where an index says. Arguments are checked. */
#ifndef REF_INDEX_H
#define REF_INDEX_H

#include "core/view.h"
#include "eadem/op/index.h"

/* Lines: the first `lines` dimensions of all views, in which they agree. In each line what is left
 * of `at`, the tensor that the index points into, is addressed by one row-major position; what is
 * left of `index` and of `with` is one sequence. */
typedef struct ref_indexed {
    int lines;
    ea_view at, index, with;
} ref_indexed;

/* with ← at[index] in each line; one type of any size. */
ea_status ref_gather(ea_context *ctx, const ref_indexed *i);
/* at[index] takes in alpha · with, in the sequence's order. COPY: one type of any size; else
 * float32 for both or one integer type; MEAN only adds. */
ea_status ref_scatter(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind, double alpha);

/* One embedding's bags: entry e of `index` belongs to bag b when offset[b] ≤ e < offset[b + 1]. All
 * float32 or, for weight and out, any float type. */
typedef struct ref_bags {
    ea_view weight, index, offsets, weights, out, max_indices;
    bool weighted, wants_indices;
    ea_bag_mode mode;
    int64_t padding;
} ref_bags;

ea_status ref_embedding_bag(ea_context *ctx, const ref_bags *bags);
/* The bag's first entry and the one behind its last. */
void ref_bag_range(const ref_bags *bags, int64_t bag, int64_t *first, int64_t *end);

/* What a destination becomes when x comes; for floats and for integers (which wrap). */
static inline float ref_take_in(ea_scatter_kind kind, float old, float x)
{
    switch (kind) {
    case EA_SCATTER_SUM:
    case EA_SCATTER_MEAN:
        return old + x;
    case EA_SCATTER_PROD:
        return old * x;
    case EA_SCATTER_AMAX:
        return x > old || x != x ? x : old;
    case EA_SCATTER_AMIN:
        return x < old || x != x ? x : old;
    default:
        return x;
    }
}

static inline int64_t ref_take_in_integer(ea_scatter_kind kind, int64_t old, int64_t x)
{
    switch (kind) {
    case EA_SCATTER_SUM:
        return (int64_t)((uint64_t)old + (uint64_t)x);
    case EA_SCATTER_PROD:
        return (int64_t)((uint64_t)old * (uint64_t)x);
    case EA_SCATTER_AMAX:
        return x > old ? x : old;
    case EA_SCATTER_AMIN:
        return x < old ? x : old;
    default:
        return x;
    }
}

#endif
