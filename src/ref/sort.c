/* sort.c: definitions of order along the last dimension. */
#include "ref/sort.h"
#include "core/memory.h"

#include <stdlib.h>

void ref_entries(const ea_view *line, int64_t n, bool descending, ref_entry *entries)
{
    uint64_t turn = !descending ? 0 : ref_key_bits(line->dtype) == 32 ? UINT32_MAX : UINT64_MAX;
    for (int64_t i = 0; i < n; i++)
        entries[i] = (ref_entry){ ref_key(line, i * line->stride[0]) ^ turn, i };
}

static int compare(const void *a, const void *b)
{
    const ref_entry *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

int64_t ref_mode_place(const ref_entry *sorted, int64_t n, bool floats)
{
    int64_t best = 0, longest = 0;
    for (int64_t begin = 0, end; begin < n; begin = end) {
        bool nan = floats && sorted[begin].key == REF_NAN_KEY;
        for (end = begin + 1; end < n && !nan && sorted[end].key == sorted[begin].key; end++)
            continue;
        if (end - begin > longest) {
            longest = end - begin;
            best = sorted[begin].place;
        }
    }
    return best;
}

int64_t ref_wanted_rank(const ref_order_call *c, const ref_entry *entries, int64_t n)
{
    if (c->kind == REF_KTH)
        return c->k;
    int64_t nans = 0;
    bool floats = CORE_FLOATS & CORE_BIT(c->x->dtype);
    for (int64_t i = 0; floats && i < n; i++)
        nans += entries[i].key == REF_NAN_KEY;
    if (nans == n || (nans > 0 && c->kind == REF_MEDIAN))
        return -1;
    return (n - nans - 1) / 2;
}

/* The first element equal to the one that is wanted. */
static int64_t place_of_rank(const ref_order_call *c, const ref_entry *sorted, int64_t n)
{
    int64_t rank = ref_wanted_rank(c, sorted, n);
    uint64_t key = rank < 0 ? REF_NAN_KEY : sorted[rank].key;
    int64_t i = 0;
    while (sorted[i].key != key)
        i++;
    return sorted[i].place;
}

void ref_order_put(const ref_order_call *c, int64_t line, const int64_t *places)
{
    int kept = c->x->ndim - 1;
    ea_view from = core_row(c->x, kept, line);
    size_t size = core_dtype_size(from.dtype);
    if (c->values) {
        ea_view to = core_row(c->values, kept, line);
        for (int64_t i = 0; i < c->count; i++)
            memcpy((char *)to.data + i * to.stride[0] * (int64_t)size,
                   (const char *)from.data + places[i] * from.stride[0] * (int64_t)size, size);
    }
    if (c->indices) {
        ea_view to = core_row(c->indices, kept, line);
        for (int64_t i = 0; i < c->count; i++)
            core_store_index(&to, i * to.stride[0], places[i]);
    }
}

ea_status ref_order(ea_context *ctx, const ref_order_call *c)
{
    int kept = c->x->ndim - 1;
    int64_t n = c->x->shape[kept];
    ref_entry *entries = core_arena_alloc(ctx->arena, sizeof *entries * (size_t)n);
    int64_t *places = core_arena_alloc(ctx->arena, sizeof *places * (size_t)n);
    if (!entries || !places)
        return core_fail(ctx, EA_ERR_MEMORY, "sort: no memory for a line of %lld elements",
                         (long long)n);
    for (int64_t line = 0; n > 0 && line < core_numel(c->x) / n; line++) {
        ea_view x = core_row(c->x, kept, line);
        ref_entries(&x, n, c->descending, entries);
        qsort(entries, (size_t)n, sizeof *entries, compare);
        for (int64_t i = 0; c->kind == REF_SORT && i < c->count; i++)
            places[i] = entries[i].place;
        if (c->kind == REF_MODE)
            places[0] = ref_mode_place(entries, n, CORE_FLOATS & CORE_BIT(x.dtype));
        else if (c->kind != REF_SORT)
            places[0] = place_of_rank(c, entries, n);
        ref_order_put(c, line, places);
    }
    return EA_OK;
}

/* --- Unique ----------------------------------------------------------------------------------- */

/* One more member of a group, whose count the first begins; counts may be NULL. */
static void count_member(const ea_view *counts, int64_t group, bool first)
{
    if (!counts)
        return;
    int64_t at = group * counts->stride[0];
    core_store_index(counts, at, first ? 1 : core_load_index(counts, at) + 1);
}

void ref_unique_end(const ref_unique_call *c, const ref_entry *sorted)
{
    int64_t n = c->x->shape[0], group = -1, size = (int64_t)core_dtype_size(c->x->dtype);
    bool floats = CORE_FLOATS & CORE_BIT(c->x->dtype);
    for (int64_t i = 0; i < n; i++) {
        bool nan = floats && sorted[i].key == REF_NAN_KEY;
        bool first = i == 0 || nan || sorted[i].key != sorted[i - 1].key;
        if (first) {
            group++;
            memcpy((char *)c->values->data + group * c->values->stride[0] * size,
                   (const char *)c->x->data + core_offset(c->x, sorted[i].place) * size,
                   (size_t)size);
        }
        count_member(c->counts, group, first);
        if (c->inverse)
            core_store_index(c->inverse, core_offset(c->inverse, sorted[i].place), group);
    }
    *c->count = group + 1;
}

ea_status ref_unique(ea_context *ctx, const ref_unique_call *c)
{
    int64_t n = c->x->shape[0];
    ref_entry *entries = core_arena_alloc(ctx->arena, sizeof *entries * (size_t)n);
    if (!entries)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_unique: no memory for %lld elements",
                         (long long)n);
    ref_entries(c->x, n, false, entries);
    qsort(entries, (size_t)n, sizeof *entries, compare);
    ref_unique_end(c, entries);
    return EA_OK;
}

/* --- Unique slices ---------------------------------------------------------------------------- */

typedef struct slice {
    const uint64_t *keys;
    int64_t width, place;
    bool nan;
} slice;

static int compare_keys(const slice *x, const slice *y)
{
    for (int64_t i = 0; i < x->width; i++)
        if (x->keys[i] != y->keys[i])
            return x->keys[i] < y->keys[i] ? -1 : 1;
    return 0;
}

static int compare_slices(const void *a, const void *b)
{
    const slice *x = a, *y = b;
    int order = compare_keys(x, y);
    return order ? order : x->place < y->place ? -1 : x->place > y->place;
}

static void read_slice(const ea_view *x, int64_t place, int64_t width, uint64_t *keys, slice *to)
{
    ea_view from = core_row(x, 1, place);
    bool floats = CORE_FLOATS & CORE_BIT(x->dtype);
    *to = (slice){ .keys = keys, .width = width, .place = place };
    for (int64_t i = 0; i < width; i++) {
        keys[i] = ref_key(&from, core_offset(&from, i));
        to->nan = to->nan || (floats && keys[i] == REF_NAN_KEY);
    }
}

/* The first slice of each group goes to `values`. */
static void put_groups(ea_context *ctx, const ref_unique_slices_call *c, const slice *sorted)
{
    int64_t group = -1;
    for (int64_t i = 0; i < c->x->shape[0]; i++) {
        bool first = i == 0 || sorted[i].nan || compare_keys(&sorted[i], &sorted[i - 1]) != 0;
        if (first) {
            ea_view from = core_row(c->x, 1, sorted[i].place), to = core_row(c->values, 1, ++group);
            core_copy(ctx, &from, &to);
        }
        count_member(c->counts, group, first);
        if (c->inverse)
            core_store_index(c->inverse, sorted[i].place * c->inverse->stride[0], group);
    }
    *c->count = group + 1;
}

ea_status ref_unique_slices(ea_context *ctx, const ref_unique_slices_call *c)
{
    int64_t n = c->x->shape[0], width = n ? core_numel(c->x) / n : 0;
    uint64_t *keys = core_arena_alloc(ctx->arena, sizeof *keys * (size_t)(n * width));
    slice *slices = core_arena_alloc(ctx->arena, sizeof *slices * (size_t)n);
    if (!keys || !slices)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_unique_dim: no memory for %lld elements",
                         (long long)(n * width));
    for (int64_t i = 0; i < n; i++)
        read_slice(c->x, i, width, keys + i * width, &slices[i]);
    qsort(slices, (size_t)n, sizeof *slices, compare_slices);
    put_groups(ctx, c, slices);
    return EA_OK;
}
