/* index.c: reading and writing where an index says. Neighbouring lines that share their index are
 * moved together, as rows. Threads take different outputs: of a scatter different lines, columns
 * or, where there is one line only, different destinations, each of which sees the sources in
 * order. */
#include "cpu/index.h"
#include "core/pool.h"
#include "cpu/isa/isa.h"
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

/* The views of one line after another: what a position addresses, the sequence of positions and
 * that of elements. */
typedef struct line_views {
    ea_view at, index, with;
} line_views;

static void *line_data(const ea_view *view, int lines, int64_t line)
{
    ea_view lead = *view;
    lead.ndim = lines;
    return (char *)view->data + core_offset(&lead, line) * (int64_t)core_dtype_size(view->dtype);
}

static void go_to_line(const job *j, int64_t line, line_views *v)
{
    v->at.data = line_data(&j->i.at, j->i.lines, line);
    v->index.data = line_data(&j->i.index, j->i.lines, line);
    v->with.data = line_data(&j->i.with, j->i.lines, line);
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

/* --- Single elements --------------------------------------------------------------------------
 *
 * Rows of one element: a batch of the sequence at a time, its positions first. */

enum { BATCH = 256 };

/* Entries first … first + n − 1 of the index, as offsets into the memory that `at` describes: in
 * place where they stand so already, else in `buffer`. */
static const int64_t *offsets_of(const ea_view *index, const ea_view *at, int64_t first, int64_t n,
                                 int64_t *buffer)
{
    bool run = index->ndim == 1 && index->stride[0] == 1;
    if (run && index->dtype == CORE_I64 && at->ndim == 1 && at->stride[0] == 1)
        return (const int64_t *)index->data + first;
    for (int64_t k = 0; k < n; k++)
        buffer[k] = offset_of(at, core_load_index(index, offset_of(index, first + k)));
    return buffer;
}

static void gather_elements(const void *from, const int64_t *offset, void *to, int64_t step,
                            int64_t n, size_t size)
{
    switch (size) {
    case 1:
        for (int64_t k = 0; k < n; k++)
            ((uint8_t *)to)[k * step] = ((const uint8_t *)from)[offset[k]];
        return;
    case 2:
        for (int64_t k = 0; k < n; k++)
            ((uint16_t *)to)[k * step] = ((const uint16_t *)from)[offset[k]];
        return;
    case 4:
        for (int64_t k = 0; k < n; k++)
            ((uint32_t *)to)[k * step] = ((const uint32_t *)from)[offset[k]];
        return;
    default:
        for (int64_t k = 0; k < n; k++)
            ((uint64_t *)to)[k * step] = ((const uint64_t *)from)[offset[k]];
    }
}

/* --- Gather ----------------------------------------------------------------------------------- */

static void gather_rows(const job *j, const ea_view *at, const ea_view *index, const ea_view *with,
                        int64_t first, int64_t end)
{
    size_t size = core_dtype_size(at->dtype);
    const char *from = at->data;
    char *to = with->data;
    for (int64_t k = first; k < end; k++) {
        int64_t position = core_load_index(index, offset_of(index, k));
        move_row(from + offset_of(at, position) * (int64_t)size, 1,
                 to + offset_of(with, k) * (int64_t)size, j->width, size);
    }
}

static void gather_singles(const ea_view *at, const ea_view *index, const ea_view *with,
                           int64_t first, int64_t end)
{
    size_t size = core_dtype_size(at->dtype);
    int64_t buffer[BATCH], step = with->stride[0];
    for (int64_t k = first; k < end; k += BATCH) {
        int64_t n = end - k < BATCH ? end - k : BATCH;
        const int64_t *offset = offsets_of(index, at, k, n, buffer);
        gather_elements(at->data, offset, (char *)with->data + k * step * (int64_t)size, step, n,
                        size);
    }
}

/* Items are (line, range of its sequence). */
static void gather_items(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    line_views v = { j->target, j->entries, j->sources };
    for (int64_t item = first; item < last; item++) {
        int64_t line = item / j->ranges, range = item % j->ranges;
        go_to_line(j, line, &v);
        int64_t begin = j->count * range / j->ranges, end = j->count * (range + 1) / j->ranges;
        if (j->width == 1 && v.with.ndim == 1)
            gather_singles(&v.at, &v.index, &v.with, begin, end);
        else
            gather_rows(j, &v.at, &v.index, &v.with, begin, end);
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

/* Positions [low, high) of `at` take in single floats, `from` a step apart. */
static inline __attribute__((always_inline)) void
take_in_singles(ea_scatter_kind kind, float alpha, float *to, const int64_t *offset, int64_t low,
                int64_t high, const float *from, int64_t step, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (offset[k] >= low && offset[k] < high)
            to[offset[k]] = ref_take_in(kind, to[offset[k]], alpha * from[k * step]);
}

static void scatter_singles(const job *j, const ea_view *at, const ea_view *index,
                            const ea_view *with, int64_t low, int64_t high)
{
    int64_t buffer[BATCH], step = with->stride[0];
    float *to = at->data, alpha = (float)j->alpha;
    for (int64_t k = 0; k < j->count; k += BATCH) {
        int64_t n = j->count - k < BATCH ? j->count - k : BATCH;
        const float *from = (const float *)with->data + k * step;
        const int64_t *offset = offsets_of(index, at, k, n, buffer);
        switch (j->kind) {
        case EA_SCATTER_COPY:
            take_in_singles(EA_SCATTER_COPY, 1, to, offset, low, high, from, step, n);
            break;
        case EA_SCATTER_SUM:
        case EA_SCATTER_MEAN:
            take_in_singles(EA_SCATTER_SUM, alpha, to, offset, low, high, from, step, n);
            break;
        default:
            take_in_singles(j->kind, alpha, to, offset, low, high, from, step, n);
        }
    }
}

static void scatter_rows(const job *j, const ea_view *at, const ea_view *index, const ea_view *with,
                         int64_t block, int64_t low, int64_t high)
{
    int64_t column = j->width * block / j->column_blocks;
    int64_t columns = j->width * (block + 1) / j->column_blocks - column;
    for (int64_t k = 0; k < j->count; k++) {
        int64_t position = core_load_index(index, offset_of(index, k));
        if (position >= low && position < high)
            take_in_row(j, at, offset_of(at, position), with, offset_of(with, k), column, columns);
    }
}

/* Items are (line, block of columns, range of positions): each goes through the whole sequence. */
static void scatter_items(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    line_views v = { j->target, j->entries, j->sources };
    for (int64_t item = first; item < last; item++) {
        int64_t range = item % j->ranges, block = item / j->ranges % j->column_blocks;
        int64_t line = item / j->ranges / j->column_blocks;
        go_to_line(j, line, &v);
        int64_t low = j->positions * range / j->ranges;
        int64_t high = j->positions * (range + 1) / j->ranges;
        bool plain = v.at.ndim == 1 && v.at.stride[0] == 1 && v.with.ndim == 1;
        if (j->width == 1 && plain && v.at.dtype == CORE_F32)
            scatter_singles(j, &v.at, &v.index, &v.with, low, high);
        else
            scatter_rows(j, &v.at, &v.index, &v.with, block, low, high);
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
    const cpu_kernels *kernels;
    const ref_bags *bags;
    int64_t width;
} bag_rows;

/* Asks for columns of the row of entry e, if there is one: rows lie far apart in memory. */
static void fetch_row(const ref_bags *b, int64_t e, int64_t end, int64_t column, int64_t n)
{
    enum { LINE = 64 };
    if (e >= end)
        return;
    size_t size = core_dtype_size(b->weight.dtype);
    int64_t row = core_load_index(&b->index, core_offset(&b->index, e));
    int64_t at = row * b->weight.stride[0] + column * b->weight.stride[1];
    const char *data = (const char *)b->weight.data + at * (int64_t)size;
    for (size_t byte = 0; byte < (size_t)n * size; byte += LINE)
        __builtin_prefetch(data + byte);
}

enum { ROWS = 4 };

/* Where the next ROWS entries that count have their columns, from entry *e on; returns how many
 * there were. */
static int next_rows(const ref_bags *b, int64_t *e, int64_t end, int64_t column,
                     const float *at[ROWS])
{
    const float *data = b->weight.data;
    int count = 0;
    for (; *e < end && count < ROWS; ++*e) {
        int64_t row = core_load_index(&b->index, core_offset(&b->index, *e));
        if (row != b->padding)
            at[count++] = data + row * b->weight.stride[0] + column;
    }
    for (int k = count; k < ROWS; k++)
        at[k] = data;
    return count;
}

/* Adds `n` columns of the rows of entries first … end − 1, which lie in place, to total; returns
 * how many entries count. */
static int64_t add_rows_in_place(const bag_rows *r, int64_t first, int64_t end, int64_t column,
                                 int64_t n, float *total)
{
    const float *row[2][ROWS];
    int64_t e = first, count = 0;
    int turn = 0, have = next_rows(r->bags, &e, end, column, row[0]);
    for (; have == ROWS; count += ROWS, turn = !turn) {
        have = next_rows(r->bags, &e, end, column, row[!turn]);
        r->kernels->add_four(row[turn], row[!turn], n, total);
    }
    for (int k = 0; k < have; k++)
        r->kernels->add(total, row[turn][k], total, n);
    return count + have;
}

static void take_largest(const float *x, int64_t row, int64_t n, float *total, int64_t *position)
{
    for (int64_t k = 0; k < n; k++)
        if (position[k] < 0 || x[k] > total[k] || (x[k] != x[k] && total[k] == total[k])) {
            total[k] = x[k];
            position[k] = row;
        }
}

/* `n` columns of a bag from `column` on; count is how many entries it has. */
static int64_t bag_columns(const bag_rows *r, int64_t bag, int64_t column, int64_t n, float *total,
                           int64_t *position)
{
    const ref_bags *b = r->bags;
    int64_t first, end, count = 0;
    float buffer[MOST_COLUMNS];
    ref_bag_range(b, bag, &first, &end);
    memset(total, 0, sizeof *total * (size_t)n);
    memset(position, 0xff, sizeof *position * (size_t)n);
    bool in_place = b->weight.dtype == CORE_F32 && b->weight.stride[1] == 1;
    if (in_place && b->mode != EA_BAG_MAX && !b->weighted)
        return add_rows_in_place(r, first, end, column, n, total);
    for (int64_t e = first; e < end; e++) {
        int64_t row = core_load_index(&b->index, core_offset(&b->index, e));
        if (row == b->padding)
            continue;
        fetch_row(b, e + 2, end, column, n);
        const float *x = cpu_read(&b->weight, row * b->weight.shape[1] + column, n, buffer);
        count++;
        if (b->mode == EA_BAG_MAX) {
            take_largest(x, row, n, total, position);
        } else {
            float weight = b->weighted ? core_load(&b->weights, core_offset(&b->weights, e)) : 1;
            take_in_floats(EA_SCATTER_SUM, weight, total, x, 1, n);
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
            int64_t count = bag_columns(r, bag, column, n, total, position);
            for (int64_t k = 0; b->mode == EA_BAG_MEAN && count > 0 && k < n; k++)
                total[k] = total[k] / (float)count;
            cpu_put(&b->out, bag * r->width + column, n, total);
            for (int64_t k = 0; b->wants_indices && k < n; k++)
                core_store_index(&b->max_indices,
                                 core_offset(&b->max_indices, bag * r->width + column + k),
                                 position[k]);
        }
}

ea_status cpu_embedding_bag(ea_context *ctx, const ref_bags *bags)
{
    bag_rows rows = { .kernels = cpu_kernels_of(ctx), .bags = bags, .width = bags->out.shape[1] };
    int64_t grain = GRAIN / (rows.width + 1);
    core_parallel(ctx, bags->out.shape[0], grain > 0 ? grain : 1, run_bags, &rows);
    return EA_OK;
}
