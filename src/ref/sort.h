/* sort.h: definitions of order along the last dimension. */
#ifndef REF_SORT_H
#define REF_SORT_H

#include "core/view.h"

typedef enum ref_order_kind {
    REF_SORT,
    REF_KTH,
    REF_MEDIAN,
    REF_NANMEDIAN,
    REF_MODE
} ref_order_kind;

/* Of each line of x, the first `count` places in order (SORT), or one place (then count is 1). The
 * results have `count` elements along the last dimension. */
typedef struct ref_order_call {
    ref_order_kind kind;
    bool descending; /* SORT */
    int64_t count;
    int64_t k; /* KTH: from 0 */
    const ea_view *x;
    const ea_view *values, *indices; /* one may be NULL */
} ref_order_call;

ea_status ref_order(ea_context *ctx, const ref_order_call *call);

/* x, values, inverse and counts have one dimension; the last two may be NULL. */
typedef struct ref_unique_call {
    const ea_view *x, *values, *inverse, *counts;
    int64_t *count;
} ref_unique_call;

ea_status ref_unique(ea_context *ctx, const ref_unique_call *call);

/* --- Shared with the fast version ------------------------------------------------------------- */

/* An element as a number whose order is the elements', and its place in the line. */
typedef struct ref_entry {
    uint64_t key;
    int64_t place;
} ref_entry;

#define REF_NAN_KEY 0xffffffffu

/* 32 for floats, else 64 */
static inline int ref_key_bits(core_dtype dtype)
{
    return CORE_FLOATS & CORE_BIT(dtype) ? 32 : 64;
}

static inline uint64_t ref_float_key(float x)
{
    if (x != x)
        return REF_NAN_KEY;
    uint32_t bits = x == 0 ? 0 : core_float_bits(x);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static inline uint64_t ref_key(const ea_view *view, int64_t offset)
{
    if (CORE_FLOATS & CORE_BIT(view->dtype))
        return ref_float_key(core_load(view, offset));
    return (uint64_t)core_load_index(view, offset) ^ (uint64_t)1 << 63;
}

/* The different slices x[i, …], of one element or more, in order, to `values`, of x's shape;
 * inverse and counts, one number for each slice, may be NULL. A sort by comparison, which is the
 * fast version too. */
typedef struct ref_unique_slices_call {
    const ea_view *x, *values, *inverse, *counts;
    int64_t *count;
} ref_unique_slices_call;

ea_status ref_unique_slices(ea_context *ctx, const ref_unique_slices_call *call);

/* Entries of a line; descending turns the keys round. */
void ref_entries(const ea_view *line, int64_t n, bool descending, ref_entry *entries);
/* The place of the most frequent, from entries in order. */
int64_t ref_mode_place(const ref_entry *sorted, int64_t n, bool floats);
/* Ends unique from entries in order. */
void ref_unique_end(const ref_unique_call *call, const ref_entry *sorted);
/* Moves the elements at `places` of a line, and the places, to where they are wanted. */
void ref_order_put(const ref_order_call *call, int64_t line, const int64_t *places);
/* Which place in ascending order is wanted: of KTH, MEDIAN, NANMEDIAN; −1: the first NaN. */
int64_t ref_wanted_rank(const ref_order_call *call, const ref_entry *entries, int64_t n);

#endif
