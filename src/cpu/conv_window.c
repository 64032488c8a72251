/* conv_window.c: windows sliding over planes, without an im2col matrix.
 *
 * An item of work is some output rows and channels of one image and group. Its part of the input is
 * copied into a padded buffer, with the columns sorted by their remainder modulo the step; then for
 * every term, a vector of neighbouring output positions reads a vector of neighbouring floats, and
 * a table gives each term's distance from the position of the output. The micro-kernel is that of
 * the matrix product.
 */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/conv_engine.h"
#include "cpu/sizes.h"

#include <string.h>

enum {
    BUFFER = 48 << 10,  /* floats of a padded buffer, if one output row fits */
    WEIGHTS = 32 << 10, /* floats of the channels that pass the buffer together */
    SERIAL_WORK = 1 << 18,
};

typedef struct window_plan {
    const conv_windows *w;
    const cpu_kernels *kernels;
    int64_t low[2];               /* smallest row and column of a tap */
    int64_t item_rows, row_items; /* output rows of an item, and items that share a plane */
    int64_t channel_groups,
        channel_items;  /* groups of gemm_rows channels, and items that share them */
    int64_t rows;       /* of the buffer, a channel */
    int64_t row, phase; /* sizes of a buffer's row and of one remainder's part of it */
    int64_t extra;      /* rows that an item reads beyond its own */
    int64_t *offset;    /* of each term in the buffer */
    float *scratch;     /* of worker i: scratch + i·scratch_size */
    int64_t scratch_size, buffer_size;
} window_plan;

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

/* --- The padded buffer ------------------------------------------------------------------------ */

/* to[j] = row[first + j·step], +0 outside [0, width). */
static void copy_phase(const float *row, int64_t width, int64_t first, int64_t step, int64_t count,
                       float *to)
{
    int64_t begin = first < 0 ? (-first + step - 1) / step : 0;
    int64_t end = first >= width ? 0 : (width - first + step - 1) / step;
    begin = smaller(begin, count);
    end = larger(smaller(end, count), begin);
    memset(to, 0, sizeof *to * (size_t)begin);
    if (step == 1)
        memcpy(to + begin, row + first + begin, sizeof *to * (size_t)(end - begin));
    else
        for (int64_t j = begin; j < end; j++)
            to[j] = row[first + j * step];
    memset(to + end, 0, sizeof *to * (size_t)(count - end));
}

static void fill_buffer(const window_plan *p, const float *planes, int64_t first_row, int64_t rows,
                        float *buffer)
{
    const conv_windows *w = p->w;
    int64_t step = w->step[1];
    for (int64_t c = 0; c < w->in_channels; c++)
        for (int64_t r = 0; r < rows; r++) {
            float *to = buffer + (c * p->rows + r) * p->row;
            int64_t h = first_row + r;
            if (h < 0 || h >= w->in[0]) {
                memset(to, 0, sizeof *to * (size_t)p->row);
                continue;
            }
            const float *from = planes + (c * w->in[0] + h) * w->in[1];
            for (int64_t phase = 0; phase < step; phase++)
                copy_phase(from, w->in[1], p->low[1] + phase, step, p->phase,
                           to + phase * p->phase);
        }
}

/* --- An item ---------------------------------------------------------------------------------- */

/* Output rows and columns of neighbouring results, as many as one call of the kernel takes. */
typedef struct position {
    int64_t i, j;
    int lanes;
} position;

/* Where an item reads and writes. */
typedef struct item {
    int64_t first_row, end_row;
    const float *a; /* weights of its first channel */
    const float *buffer;
    float *tile, *out;
} item;

/* All terms of `count` vectors of positions, for `channels` channels from the item's `first` on.
 * Results go to `out`, or, when they are not neighbours there, to `tile` and then one by one. */
static void run_positions(const window_plan *p, const item *t, int64_t first, int64_t channels,
                          const position *at, int count)
{
    const conv_windows *w = p->w;
    int vectors = p->kernels->conv_vectors, lanes = p->kernels->lanes;
    bool direct = w->spacing[1] == 1;
    int64_t plane = w->out_plane[0] * w->out_plane[1];
    float *out = t->out + first * plane;
    cpu_conv_window window = { .rows = channels,
                               .a_line = w->terms,
                               .x = t->buffer,
                               .out = direct ? out : t->tile,
                               .out_row = direct ? plane : vectors * lanes };
    for (int v = 0; v < vectors; v++) {
        const position *q = &at[v < count ? v : 0];
        window.at[v] = (q->i - t->first_row) * w->step[0] * p->row + q->j;
        window.to[v] =
            direct ? (w->origin[0] + q->i * w->spacing[0]) * w->out_plane[1] + w->origin[1] + q->j
                   : v * lanes;
        window.lanes[v] = v < count ? q->lanes : 0;
    }
    for (int64_t k = 0; k < w->terms; k += w->block) {
        window.a = t->a + first * w->terms + k;
        window.offset = p->offset + k;
        window.terms = smaller(w->block, w->terms - k);
        window.add = k > 0;
        p->kernels->conv_window(&window);
    }
    for (int v = 0; v < count && !direct; v++)
        for (int64_t o = 0; o < channels; o++)
            for (int l = 0; l < at[v].lanes; l++)
                out[o * plane + (w->origin[0] + at[v].i * w->spacing[0]) * w->out_plane[1] +
                    w->origin[1] + (at[v].j + l) * w->spacing[1]] =
                    t->tile[o * window.out_row + v * lanes + l];
}

static void run_channels(const window_plan *p, const item *t, int64_t first, int64_t channels)
{
    position at[CPU_CONV_VECTORS];
    int64_t columns = p->w->count[1];
    int count = 0, lanes = p->kernels->lanes;
    for (int64_t i = t->first_row; i < t->end_row; i++)
        for (int64_t j = 0; j < columns; j += lanes) {
            at[count++] = (position){ i, j, (int)smaller(lanes, columns - j) };
            bool last = i + 1 == t->end_row && j + lanes >= columns;
            if (count == p->kernels->conv_vectors || last) {
                run_positions(p, t, first, channels, at, count);
                count = 0;
            }
        }
}

/* All positions of an item whose group has one output channel. */
static void run_lines(const window_plan *p, const float *a, const float *buffer, int64_t first_row,
                      int64_t rows, float *out)
{
    const conv_windows *w = p->w;
    int64_t row = w->origin[0] + first_row * w->spacing[0];
    cpu_conv_lines lines = { .a = a,
                             .x = buffer,
                             .offset = p->offset,
                             .terms = w->terms,
                             .x_row = w->step[0] * p->row,
                             .rows = rows,
                             .columns = w->count[1],
                             .out = out + row * w->out_plane[1] + w->origin[1],
                             .out_row = w->spacing[0] * w->out_plane[1] };
    p->kernels->conv_lines(&lines);
}

static void run_item(const window_plan *p, int64_t plane, int64_t rows_item, int64_t channel_item,
                     float *scratch)
{
    const conv_windows *w = p->w;
    int64_t group = plane % w->groups, step = p->kernels->gemm_rows;
    int64_t first_row = rows_item * p->item_rows;
    int64_t end_row = smaller(first_row + p->item_rows, w->count[0]);
    int64_t rows = (end_row - first_row) * w->step[0] + p->extra;
    fill_buffer(p, w->x + plane * w->in_channels * w->in[0] * w->in[1],
                first_row * w->step[0] + p->low[0], rows, scratch);
    int64_t channel = channel_item * p->channel_groups / p->channel_items * step;
    int64_t end = (channel_item + 1) * p->channel_groups / p->channel_items * step;
    int64_t channels = smaller(end, w->out_channels) - channel;
    item t = { .first_row = first_row,
               .end_row = end_row,
               .a = w->a + (group * w->out_channels + channel) * w->terms,
               .buffer = scratch,
               .tile = scratch + p->buffer_size,
               .out = w->out +
                      (plane * w->out_channels + channel) * w->out_plane[0] * w->out_plane[1] };
    if (w->out_channels == 1 && w->spacing[1] == 1 && w->terms <= w->block) {
        run_lines(p, t.a, scratch, first_row, end_row - first_row, t.out);
        return;
    }
    int64_t together = larger(1, WEIGHTS / (w->terms * step)) * step;
    for (int64_t c = 0; c < channels; c += together)
        run_channels(p, &t, c, smaller(together, channels - c));
}

static void run_items(void *argument, int64_t begin, int64_t end, int worker)
{
    const window_plan *p = argument;
    for (int64_t i = begin; i < end; i++) {
        int64_t rows_item = i / p->channel_items;
        run_item(p, rows_item / p->row_items, rows_item % p->row_items, i % p->channel_items,
                 p->scratch + worker * p->scratch_size);
    }
}

/* --- The plan --------------------------------------------------------------------------------- */

/* Clock cycles, roughly, until the last thread is ready: two multiplications of vectors a cycle,
 * and for the buffer's rows a float a cycle and a start. Threads differ in speed: half an item
 * more. */
static double cost_of(const window_plan *p, int64_t item_rows, int64_t channel_items, int threads)
{
    enum { ROW_START = 15 };
    const conv_windows *w = p->w;
    int64_t vectors = p->kernels->conv_vectors, step = p->kernels->gemm_rows;
    int64_t in_row = divide_up(w->count[1], p->kernels->lanes);
    int64_t row_items = divide_up(w->count[0], item_rows);
    int64_t rounds = divide_up(w->images * w->groups * row_items * channel_items, threads);
    int64_t channels = divide_up(p->channel_groups, channel_items) * step;
    int64_t multiplications =
        divide_up(item_rows * in_row, vectors) * vectors * channels * w->terms;
    int64_t rows = w->in_channels * (item_rows * w->step[0] + p->extra);
    return ((double)rounds + (threads > 1 ? 0.5 : 0)) *
           ((double)multiplications / 2 + (double)rows * (double)(p->row + ROW_START));
}

/* Items of fewer rows copy more of their neighbours' and may leave vectors of the kernel unused,
 * items of fewer channels copy the same rows: the cheapest plan is looked for. */
static void choose_items(window_plan *p, const int64_t high[2], int threads)
{
    const conv_windows *w = p->w;
    int64_t reach = (w->count[1] - 1) * w->step[1] + high[1] - p->low[1] + 1; /* of a row */
    p->phase = divide_up(reach, w->step[1]);
    p->row = p->phase * w->step[1];
    p->extra = high[0] - p->low[0] + 1 - w->step[0];
    p->channel_groups = divide_up(w->out_channels, p->kernels->gemm_rows);
    int64_t room = larger(1, (BUFFER / (w->in_channels * p->row) - p->extra) / w->step[0]);
    const int64_t shares[] = { 1, threads <= p->channel_groups ? threads : 1 };
    double least = 0;
    for (int64_t rows = 1; rows <= smaller(room, w->count[0]); rows++)
        for (int i = 0; i < 2; i++) {
            double cost = cost_of(p, rows, shares[i], threads);
            if (least > 0 && cost >= least)
                continue;
            least = cost;
            p->item_rows = rows;
            p->channel_items = shares[i];
        }
    p->row_items = divide_up(w->count[0], p->item_rows);
    p->rows = p->item_rows * w->step[0] + p->extra;
}

ea_status cpu_conv_windows(ea_context *ctx, const conv_windows *w)
{
    window_plan p = { .w = w, .kernels = cpu_kernels_of(ctx) };
    int64_t high[2] = { INT64_MIN, INT64_MIN };
    p.low[0] = p.low[1] = INT64_MAX;
    for (int64_t k = 0; k < w->terms; k++) {
        p.low[0] = smaller(p.low[0], w->taps[k].row);
        p.low[1] = smaller(p.low[1], w->taps[k].column);
        high[0] = larger(high[0], w->taps[k].row);
        high[1] = larger(high[1], w->taps[k].column);
    }
    int64_t work = w->images * w->groups * w->out_channels * w->count[0] * w->count[1] * w->terms;
    choose_items(&p, high, work > SERIAL_WORK ? ctx->threads : 1);

    /* The last vector of a row reads past it: what is there reaches only lanes that nobody stores.
     */
    int64_t lanes = p.kernels->lanes;
    p.buffer_size = (w->in_channels * p.rows * p.row + lanes + 15) / 16 * 16;
    int64_t tile = w->spacing[1] == 1 ? 0 : w->out_channels * p.kernels->conv_vectors * lanes;
    p.scratch_size = (p.buffer_size + tile + 15) / 16 * 16;
    core_mark mark = core_arena_mark(ctx->arena);
    p.offset = core_arena_alloc(ctx->arena, sizeof *p.offset * (size_t)w->terms);
    p.scratch =
        core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(p.scratch_size * ctx->threads));
    if (!p.offset || !p.scratch)
        return cpu_conv_no_memory(ctx);
    for (int64_t k = 0; k < w->terms; k++) {
        int64_t row = w->taps[k].row - p.low[0], column = w->taps[k].column - p.low[1];
        p.offset[k] = (w->taps[k].channel * p.rows + row) * p.row + column % w->step[1] * p.phase +
                      column / w->step[1];
    }
    int64_t items = w->images * w->groups * p.row_items * p.channel_items;
    core_parallel(ctx, items, SERIAL_WORK / (work / items + 1) + 1, run_items, &p);
    core_arena_release(ctx->arena, mark);
    return EA_OK;
}
