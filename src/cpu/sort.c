/* sort.c: order on the CPU: a stable radix sort of keys, and a selection by radix for what needs
 * only part of the order. Both take time linear in the line's length; threads take different lines.
 */
#include "cpu/sort.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
#include "cpu/stream.h"

enum {
    SHORT = 32,   /* sorted by insertion */
    LONG = 8192,  /* from here on the wider digit pays */
    NARROW = 8,   /* bits of a digit */
    WIDE = 11,    /* 2048 counters fit the first-level cache */
    GRAIN = 4096, /* elements in a piece of work */
    PIECE = 128   /* of a line, looked at together */
};

static void sort_short(ref_entry *entries, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        ref_entry e = entries[i];
        int64_t at = i;
        for (; at > 0 && entries[at - 1].key > e.key; at--)
            entries[at] = entries[at - 1];
        entries[at] = e;
    }
}

static void count_digits(const ref_entry *entries, int64_t n, int shift, int digit, int64_t *count)
{
    uint64_t mask = ((uint64_t)1 << digit) - 1;
    memset(count, 0, sizeof *count << digit);
    for (int64_t i = 0; i < n; i++)
        count[entries[i].key >> shift & mask]++;
}

/* One pass of a radix sort from the lowest digit: from → to, stable. False when all have one digit:
 * nothing was moved. */
static bool distribute(const ref_entry *from, ref_entry *to, int64_t n, int shift, int digit)
{
    int64_t count[1 << WIDE], start = 0;
    uint64_t mask = ((uint64_t)1 << digit) - 1;
    count_digits(from, n, shift, digit, count);
    if (count[from[0].key >> shift & mask] == n)
        return false;
    for (int64_t d = 0; d < (int64_t)1 << digit; d++) {
        int64_t next = start + count[d];
        count[d] = start;
        start = next;
    }
    for (int64_t i = 0; i < n; i++)
        to[count[from[i].key >> shift & mask]++] = from[i];
    return true;
}

/* Sorts n entries of `bits` bits; the result stands in `entries` or in `spare`. */
static ref_entry *sort(ref_entry *entries, ref_entry *spare, int64_t n, int bits)
{
    if (n <= SHORT) {
        sort_short(entries, n);
        return entries;
    }
    int digit = n < LONG ? NARROW : WIDE;
    for (int shift = 0; shift < bits; shift += digit)
        if (distribute(entries, spare, n, shift, digit)) {
            ref_entry *swap = entries;
            entries = spare;
            spare = swap;
        }
    return entries;
}

/* The key of rank k: digit by digit from the highest, keeping what shares the digit. Leaves
 * `entries` as they are. */
static uint64_t select_key(const ref_entry *entries, ref_entry *spare, int64_t n, int64_t k,
                           int bits)
{
    int64_t count[1 << WIDE];
    for (int shift = bits - WIDE; n > SHORT; shift -= WIDE) {
        int low = shift < 0 ? 0 : shift;
        count_digits(entries, n, low, WIDE, count);
        uint64_t digit = 0, mask = ((uint64_t)1 << WIDE) - 1;
        while (k >= count[digit])
            k -= count[digit++];
        int64_t kept = 0;
        for (int64_t i = 0; i < n; i++)
            if ((entries[i].key >> low & mask) == digit)
                spare[kept++] = entries[i];
        entries = spare;
        n = kept;
        if (low == 0)
            return entries[0].key;
    }
    if (entries != spare)
        memcpy(spare, entries, sizeof *spare * (size_t)n);
    sort_short(spare, n);
    return spare[k].key;
}

/* --- Lines ------------------------------------------------------------------------------------ */

typedef struct job {
    const ref_order_call *call;
    int64_t n;
    int bits;
    ref_entry *scratch; /* twice n for each worker */
    int64_t *places;    /* count for each worker */
    bool few;           /* floats of which few are wanted: find_first() pays */
    cpu_rows rows;
    const cpu_kernels *kernels;
} job;

/* Entries that find_first() gathers before it drops what is not among the first `count`. */
static int64_t most_candidates(int64_t count)
{
    return 2 * count + 2 * PIECE;
}

/* Puts the first `count` entries of the order to the front, in their old order; spare is free.
 * Returns the last one's key. */
static uint64_t keep_first(ref_entry *entries, ref_entry *spare, int64_t n, int64_t count, int bits)
{
    uint64_t last = select_key(entries, spare, n, count - 1, bits);
    int64_t below = 0, kept = 0;
    for (int64_t i = 0; i < n; i++)
        below += entries[i].key < last;
    int64_t equal = count - below;
    for (int64_t i = 0; i < n; i++)
        if (entries[i].key < last || (entries[i].key == last && equal-- > 0))
            entries[kept++] = entries[i];
    return last;
}

/* Entries of a line among which are the first `count` of the order, with all that come before them;
 * returns how many. Once `count` are known, only what comes before their last can be one of them,
 * and most pieces of a long line have no such element. */
static int64_t find_first(const job *j, int64_t line, ref_entry *entries, ref_entry *spare)
{
    int64_t count = j->call->count, kept = 0;
    bool descending = j->call->descending;
    uint64_t turn = descending ? UINT32_MAX : 0, bound = UINT64_MAX;
    float buffer[PIECE];
    for (int64_t begin = 0, n; begin < j->n; begin += n) {
        n = j->n - begin < PIECE ? j->n - begin : PIECE;
        const float *x = cpu_read_row(&j->rows, line, begin, n, buffer);
        float first = (descending ? j->kernels->maximum : j->kernels->minimum)(x, n);
        if (first == first && (ref_float_key(first) ^ turn) >= bound)
            continue;
        for (int64_t i = 0; i < n; i++) {
            uint64_t key = ref_float_key(x[i]) ^ turn;
            if (key < bound)
                entries[kept++] = (ref_entry){ key, begin + i };
        }
        if (kept >= most_candidates(count)) {
            bound = keep_first(entries, spare, kept, count, j->bits);
            kept = count;
        }
    }
    return kept;
}

static void sort_places(const job *j, ref_entry *entries, ref_entry *spare, int64_t n,
                        int64_t *places)
{
    int64_t count = j->call->count;
    if (count == 0)
        return;
    if (count < n / 2) {
        keep_first(entries, spare, n, count, j->bits);
        n = count;
    }
    entries = sort(entries, spare, n, j->bits);
    for (int64_t i = 0; i < count; i++)
        places[i] = entries[i].place;
}

static int64_t place_of_rank(const job *j, const ref_entry *entries, ref_entry *spare)
{
    int64_t rank = ref_wanted_rank(j->call, entries, j->n), i = 0;
    uint64_t key = rank < 0 ? REF_NAN_KEY : select_key(entries, spare, j->n, rank, j->bits);
    while (entries[i].key != key)
        i++;
    return i;
}

static void order_lines(void *argument, int64_t first, int64_t last, int worker)
{
    const job *j = argument;
    const ref_order_call *c = j->call;
    ref_entry *entries = j->scratch + 2 * j->n * worker, *spare = entries + j->n;
    int64_t *places = j->places + c->count * worker;
    for (int64_t line = first; line < last; line++) {
        ea_view x = core_row(c->x, c->x->ndim - 1, line);
        if (j->few) {
            sort_places(j, entries, spare, find_first(j, line, entries, spare), places);
            ref_order_put(c, line, places);
            continue;
        }
        ref_entries(&x, j->n, c->descending, entries);
        if (c->kind == REF_SORT)
            sort_places(j, entries, spare, j->n, places);
        else if (c->kind == REF_MODE)
            places[0] = ref_mode_place(sort(entries, spare, j->n, j->bits), j->n, j->bits == 32);
        else
            places[0] = place_of_rank(j, entries, spare);
        ref_order_put(c, line, places);
    }
}

static ea_status no_memory(ea_context *ctx, int64_t n)
{
    return core_fail(ctx, EA_ERR_MEMORY, "sort: no memory for %lld elements", (long long)n);
}

ea_status cpu_order(ea_context *ctx, const ref_order_call *call)
{
    job j = { .call = call, .n = call->x->shape[call->x->ndim - 1] };
    if (core_numel(call->x) == 0)
        return EA_OK;
    size_t workers = (size_t)ctx->threads;
    j.bits = ref_key_bits(call->x->dtype);
    j.scratch = core_arena_alloc(ctx->arena, sizeof *j.scratch * 2 * (size_t)j.n * workers);
    j.places = core_arena_alloc(ctx->arena, sizeof *j.places * (size_t)call->count * workers);
    if (!j.scratch || !j.places)
        return no_memory(ctx, j.n);
    j.few = call->kind == REF_SORT && j.bits == 32 && call->count > 0 &&
            most_candidates(call->count) < j.n / 4;
    j.rows = cpu_rows_of(call->x, call->x->ndim - 1);
    j.kernels = cpu_kernels_of(ctx);
    core_parallel(ctx, core_numel(call->x) / j.n, j.n < GRAIN ? GRAIN / j.n : 1, order_lines, &j);
    return EA_OK;
}

ea_status cpu_unique(ea_context *ctx, const ref_unique_call *call)
{
    int64_t n = call->x->shape[0];
    if (n == 0)
        return ref_unique(ctx, call);
    ref_entry *entries = core_arena_alloc(ctx->arena, sizeof *entries * 2 * (size_t)n);
    if (!entries)
        return no_memory(ctx, n);
    ref_entries(call->x, n, false, entries);
    ref_unique_end(call, sort(entries, entries + n, n, ref_key_bits(call->x->dtype)));
    return EA_OK;
}
