/* index.c: reading and writing where an index says. Neighbouring lines that share their index are
 * moved together, as rows. Threads take different outputs: of a scatter different lines, columns
 * or, where there is one line only, different destinations, each of which sees the sources in
 * order. */
#include "cpu/index.h"
#include "core/pool.h"
#include "cpu/stream.h"

enum { GRAIN = 8192, MOST_COLUMNS = 1024 };

typedef struct job {
    ref_indexed i;               /* lines without those that `width` stands for */
    ea_view target;              /* shape and strides of what a position addresses, merged */
    ea_view entries;             /* shape and strides of the sequence of `index` */
    ea_view sources;             /* the same of `with` */
    int64_t width, width_stride; /* elements of a row; of `with` 1 or 0 from one to the next */
    int64_t lines, count, positions;
    int64_t column_blocks, ranges; /* of a scatter; of a gather `ranges` of the sequence */
    ea_scatter_kind kind;
    double alpha;
} job;

static ea_view tail(const ea_view *view, int lines)
{
    return core_row(view, lines, 0);
}

/* Takes the last line dimensions into `width` while they are one run of memory that shares its
 * index. */
static void find_rows(job *j)
{
    ref_indexed *i = &j->i;
    j->width = 1;
    j->width_stride = 1;
    for (int d = i->lines - 1; d >= 0; d--) {
        int64_t size = i->index.shape[d], with = i->with.stride[d];
        bool shares = i->index.stride[d] == 0 && i->at.stride[d] == j->width;
        if (j->width == 1 && (with == 0 || with == 1))
            j->width_stride = with;
        if (size != 1 && (!shares || with != j->width * j->width_stride))
            return;
        j->width *= size;
        ea_view *views[] = { &i->at, &i->index, &i->with };
        for (int v = 0; v < 3; v++)
            views[v]->shape[d] = 1;
    }
}

/* False when nothing is to be moved. */
static bool prepare(job *j, const ref_indexed *i)
{
    if (core_numel(&i->index) == 0)
        return false;
    j->i = *i;
    j->target = tail(&i->at, i->lines);
    j->entries = tail(&i->index, i->lines);
    j->sources = tail(&i->with, i->lines);
    j->positions = core_numel(&j->target);
    j->count = core_numel(&j->entries);
    ea_view lead = i->index;
    lead.ndim = i->lines;
    j->lines = core_numel(&lead);
    find_rows(j);
    j->lines /= j->width;
    cpu_merge(&j->target);
    cpu_merge(&j->entries);
    cpu_merge(&j->sources);
    return true;
}

static inline int64_t offset_of(const ea_view *view, int64_t position)
{
    return view->ndim == 1 ? position * view->stride[0] : core_offset(view, position);
}

/* The line's data of a view whose tail is `shape`. */
static ea_view at_line(const ea_view *view, const ea_view *shape, int lines, int64_t line)
{
    ea_view at = *shape;
    at.data = core_row(view, lines, line).data;
    return at;
}

static void move_row(const char *from, int64_t stride, char *to, int64_t n, size_t size)
{
    if (stride == 1 && n > 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    for (int64_t i = 0; i < n; i++, from += stride * (int64_t)size, to += size)
        switch (size) {
        case 1:
            *to = *from;
            break;
        case 2:
            *(uint16_t *)to = *(const uint16_t *)from;
            break;
        case 4:
            *(uint32_t *)to = *(const uint32_t *)from;
            break;
        default:
            *(uint64_t *)to = *(const uint64_t *)from;
        }
}

/* Items are (line, range of its sequence). */
static void gather_items(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    size_t size = core_dtype_size(j->i.at.dtype);
    for (int64_t item = first; item < last; item++) {
        int64_t line = item / j->ranges, range = item % j->ranges;
        ea_view at = at_line(&j->i.at, &j->target, j->i.lines, line);
        ea_view index = at_line(&j->i.index, &j->entries, j->i.lines, line);
        ea_view with = at_line(&j->i.with, &j->sources, j->i.lines, line);
        int64_t end = j->count * (range + 1) / j->ranges;
        for (int64_t k = j->count * range / j->ranges; k < end; k++) {
            int64_t position = core_load_index(&index, offset_of(&index, k));
            const char *from = at.data;
            char *to = with.data;
            move_row(from + offset_of(&at, position) * (int64_t)size, 1,
                     to + offset_of(&with, k) * (int64_t)size, j->width, size);
        }
    }
}

ea_status cpu_gather(ea_context *ctx, const ref_indexed *i)
{
    job j = { 0 };
    if (!prepare(&j, i))
        return EA_OK;
    int64_t work = j.count * j.width;
    j.ranges = work > GRAIN ? (work + GRAIN - 1) / GRAIN : 1;
    core_parallel(ctx, j.lines * j.ranges, work < GRAIN ? GRAIN / work : 1, gather_items, &j);
    return EA_OK;
}

/* --- Scatter ---------------------------------------------------------------------------------- */

static void take_in_floats(ea_scatter_kind kind, float alpha, float *to, const float *from,
                           int64_t stride, int64_t n)
{
    if (kind == EA_SCATTER_SUM || kind == EA_SCATTER_MEAN) {
        if (alpha == 1 && stride == 1)
            for (int64_t i = 0; i < n; i++)
                to[i] += from[i];
        else
            for (int64_t i = 0; i < n; i++)
                to[i] += alpha * from[i * stride];
        return;
    }
    for (int64_t i = 0; i < n; i++)
        to[i] = ref_take_in(kind, to[i], alpha * from[i * stride]);
}

static void take_in_integers(const job *j, const ea_view *at, int64_t a, const ea_view *with,
                             int64_t b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)core_load_index(with, b + i * j->width_stride);
        int64_t old = core_load_index(at, a + i);
        core_store_index(
            at, a + i,
            ref_take_in_integer(j->kind, old, (int64_t)((uint64_t)(int64_t)j->alpha * x)));
    }
}

/* Columns [column, column + n) of the row at `a` take in those at `b`. */
static void take_in_row(const job *j, const ea_view *at, int64_t a, const ea_view *with, int64_t b,
                        int64_t column, int64_t n)
{
    size_t size = core_dtype_size(at->dtype);
    a += column;
    b += column * j->width_stride;
    if (j->kind == EA_SCATTER_COPY)
        move_row((const char *)with->data + b * (int64_t)size, j->width_stride,
                 (char *)at->data + a * (int64_t)size, n, size);
    else if (at->dtype == CORE_F32)
        take_in_floats(j->kind, (float)j->alpha, (float *)at->data + a,
                       (const float *)with->data + b, j->width_stride, n);
    else
        take_in_integers(j, at, a, with, b, n);
}

/* Items are (line, block of columns, range of positions): each goes through the whole sequence. */
static void scatter_items(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t item = first; item < last; item++) {
        int64_t range = item % j->ranges, block = item / j->ranges % j->column_blocks;
        int64_t line = item / j->ranges / j->column_blocks;
        ea_view at = at_line(&j->i.at, &j->target, j->i.lines, line);
        ea_view index = at_line(&j->i.index, &j->entries, j->i.lines, line);
        ea_view with = at_line(&j->i.with, &j->sources, j->i.lines, line);
        int64_t column = j->width * block / j->column_blocks;
        int64_t columns = j->width * (block + 1) / j->column_blocks - column;
        int64_t low = j->positions * range / j->ranges;
        int64_t high = j->positions * (range + 1) / j->ranges;
        for (int64_t k = 0; k < j->count; k++) {
            int64_t position = core_load_index(&index, offset_of(&index, k));
            if (position >= low && position < high)
                take_in_row(j, &at, offset_of(&at, position), &with, offset_of(&with, k), column,
                            columns);
        }
    }
}

ea_status cpu_scatter(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind, double alpha)
{
    job j = { .kind = kind, .alpha = alpha, .column_blocks = 1, .ranges = 1 };
    if (!prepare(&j, i))
        return EA_OK;
    int64_t threads = ctx->threads, work = j.count * j.width;
    if (j.lines < 4 * threads && work > GRAIN) {
        if (j.width >= 64 * threads)
            j.column_blocks = threads;
        else
            j.ranges = threads;
    }
    int64_t item = work / (j.column_blocks * j.ranges);
    core_parallel(ctx, j.lines * j.column_blocks * j.ranges, item < GRAIN ? GRAIN / (item + 1) : 1,
                  scatter_items, &j);
    return EA_OK;
}

/* --- Bags ------------------------------------------------------------------------------------- */

typedef struct bag_rows {
    const ref_bags *bags;
    int64_t width;
} bag_rows;

/* `n` columns of a bag from `column` on; count is how many entries it has. */
static int64_t bag_columns(const ref_bags *b, int64_t bag, int64_t column, int64_t n, float *total,
                           int64_t *position)
{
    int64_t first, end, count = 0;
    float buffer[MOST_COLUMNS];
    ea_view rows = b->weight;
    ref_bag_range(b, bag, &first, &end);
    memset(total, 0, sizeof *total * (size_t)n);
    memset(position, 0xff, sizeof *position * (size_t)n);
    for (int64_t e = first; e < end; e++) {
        int64_t row = core_load_index(&b->index, core_offset(&b->index, e));
        if (row == b->padding)
            continue;
        const float *x = cpu_read(&rows, row * rows.shape[1] + column, n, buffer);
        count++;
        if (b->mode == EA_BAG_MAX) {
            for (int64_t k = 0; k < n; k++)
                if (position[k] < 0 || x[k] > total[k] || (x[k] != x[k] && total[k] == total[k])) {
                    total[k] = x[k];
                    position[k] = row;
                }
        } else if (b->weighted) {
            float weight = core_load(&b->weights, core_offset(&b->weights, e));
            take_in_floats(EA_SCATTER_SUM, weight, total, x, 1, n);
        } else {
            take_in_floats(EA_SCATTER_SUM, 1, total, x, 1, n);
        }
    }
    return count;
}

static void run_bags(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const bag_rows *r = argument;
    const ref_bags *b = r->bags;
    float total[MOST_COLUMNS];
    int64_t position[MOST_COLUMNS];
    for (int64_t bag = first; bag < last; bag++)
        for (int64_t column = 0; column < r->width; column += MOST_COLUMNS) {
            int64_t left = r->width - column, n = left < MOST_COLUMNS ? left : MOST_COLUMNS;
            int64_t count = bag_columns(b, bag, column, n, total, position);
            for (int64_t k = 0; b->mode == EA_BAG_MEAN && count > 0 && k < n; k++)
                total[k] = total[k] / (float)count;
            for (int64_t k = 0; k < n; k++) {
                int64_t at = bag * r->width + column + k;
                core_store(&b->out, core_offset(&b->out, at), total[k]);
                if (b->wants_indices)
                    core_store_index(&b->max_indices, core_offset(&b->max_indices, at),
                                     position[k]);
            }
        }
}

ea_status cpu_embedding_bag(ea_context *ctx, const ref_bags *bags)
{
    bag_rows rows = { .bags = bags, .width = bags->out.shape[1] };
    int64_t grain = GRAIN / (rows.width + 1);
    core_parallel(ctx, bags->out.shape[0], grain > 0 ? grain : 1, run_bags, &rows);
    return EA_OK;
}
