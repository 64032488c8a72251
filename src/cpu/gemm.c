/* gemm.c: contraction, blocked for the caches.
 *
 * The result is cut into tiles, the unit of work of a thread. Of a tile, all terms are computed
 * piece after piece of at most PIECE terms: a panel of b over one piece stays in the first-level
 * cache while all rows of the tile pass it, and the tile's part of a stays in the second level.
 * Between pieces the chains rest in memory, which is exact.
 *
 * An operand is read in place when it is small; packed once for all tiles when several tiles need
 * it
 * (`shared`); else each tile packs the piece it needs into its thread's scratch memory.
 */
#include "cpu/gemm.h"
#include "core/memory.h"
#include "core/pool.h"

#include <string.h>

enum {
    PIECE = 256,           /* divides 1024 */
    TILE_ROWS = 192,       /* PIECE · TILE_ROWS floats: 192 KB */
    TILE_COLUMNS = 256,    /* of a tile that packs its own b */
    PLAIN = 20 << 10,      /* elements of an operand that is read in place */
    SHARED_MAX = 8 << 20,  /* elements of a shared operand */
    SERIAL_WORK = 1 << 18, /* multiply-adds that are not worth a second thread */
    TILES_PER_THREAD = 4,
};

typedef enum source { IN_PLACE, SHARED, OWN } source;

typedef struct plan {
    const gemm *g;
    const cpu_kernels *kernels;
    source a_from, b_from;
    int64_t column_begin, column_end; /* the columns that the shared b holds */
    int64_t tile_rows, tile_columns, row_tiles, column_tiles;
    float *shared;
    float *scratch; /* of worker w: scratch + w · scratch_size */
    int64_t scratch_size, own_a, own_b, own_total;
} plan;

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Equal parts of n, multiples of `step`, none above `most`. */
static int64_t part(int64_t n, int64_t most, int64_t step)
{
    int64_t parts = (n + most - 1) / most;
    return parts < 1 ? step : round_up((n + parts - 1) / parts, step);
}

static const float *plain_at(const gemm_side *side, int64_t batch, int64_t line, int64_t k)
{
    int64_t offset = side->offsets ? side->offsets[batch] : 0;
    return side->plain + offset + line * side->line_stride + k * side->k_stride;
}

/* --- Packing ---------------------------------------------------------------------------------- */

static void pack_panels(const cpu_kernels *kernels, const gemm_side *side, int64_t batch,
                        int64_t line, int64_t end, int width, int64_t k, int64_t terms,
                        int64_t panel, float *to)
{
    gemm_box box = { kernels, batch, line, end - line, k, terms, width, panel };
    side->pack(side, &box, to);
}

typedef struct share_job {
    const plan *plan;
    const gemm_side *side;
    int64_t begin, end;
    int width;
} share_job;

/* Items are panels; the shared operand has panels of all terms. */
static void share_panels(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const share_job *job = argument;
    const plan *p = job->plan;
    int64_t size = p->g->terms * job->width;
    int64_t stop = smaller(job->begin + end * job->width, job->end);
    pack_panels(p->kernels, job->side, 0, job->begin + begin * job->width, stop, job->width, 0,
                p->g->terms, size, p->shared + begin * size);
}

static void share(ea_context *ctx, const plan *p)
{
    share_job job = { p, &p->g->b, p->column_begin, p->column_end, p->kernels->gemm_columns };
    if (p->a_from == SHARED)
        job = (share_job){ p, &p->g->a, 0, p->g->rows, p->kernels->gemm_rows };
    int64_t panels = (job.end - job.begin + job.width - 1) / job.width;
    int64_t grain = SERIAL_WORK / 16 / (p->g->terms * job.width) + 1;
    core_parallel(ctx, panels, grain, share_panels, &job);
}

/* --- A tile ----------------------------------------------------------------------------------- */

typedef struct tile {
    int64_t batch, row, rows, column, columns;
    float *a, *b;         /* this thread's packed pieces */
    float *total, *chain; /* this thread's results */
    int64_t row_size;     /* of total and chain */
} tile;

/* Where the totals of the panel at `column` lie: in the result, or for a panel that is not whole,
 * or when there is no such memory, in scratch. */
static float *panel_total(const plan *p, const tile *t, int64_t column, int64_t *row_size)
{
    const gemm *g = p->g;
    if (g->out && column + p->kernels->gemm_columns <= t->column + t->columns) {
        *row_size = g->out_row;
        int64_t offset = g->out_offsets ? g->out_offsets[t->batch] : 0;
        return g->out + offset + t->row * g->out_row + column;
    }
    *row_size = t->row_size;
    return t->total + (column - t->column);
}

static void set_a(const plan *p, const tile *t, int64_t k, int64_t terms, cpu_gemm_panel *panel)
{
    const gemm *g = p->g;
    int rows = p->kernels->gemm_rows;
    panel->a_line = 1;
    panel->a_k = rows;
    if (p->a_from == IN_PLACE) {
        panel->a = plain_at(&g->a, t->batch, t->row, k);
        panel->a_line = g->a.line_stride;
        panel->a_k = g->a.k_stride;
        panel->a_panel = rows * g->a.line_stride;
    } else if (p->a_from == SHARED) {
        panel->a = p->shared + t->row * g->terms + k * rows;
        panel->a_panel = g->terms * rows;
    } else {
        panel->a = t->a;
        panel->a_panel = terms * rows;
    }
}

static void set_b(const plan *p, const tile *t, int64_t column, int64_t k, int64_t terms,
                  cpu_gemm_panel *panel)
{
    const gemm *g = p->g;
    int width = p->kernels->gemm_columns;
    panel->b_k = width;
    if (p->b_from == SHARED) {
        panel->b = p->shared + (column - p->column_begin) * g->terms + k * width;
    } else if (p->b_from == OWN) {
        panel->b = t->b + (column - t->column) * terms;
    } else if (column + width <= t->column + t->columns) {
        panel->b = plain_at(&g->b, t->batch, column, k);
        panel->b_k = g->b.k_stride;
    } else { /* in place, but a panel that is not whole would read too far */
        pack_panels(p->kernels, &g->b, t->batch, column, t->column + t->columns, width, k, terms, 0,
                    t->b);
        panel->b = t->b;
    }
}

/* Terms k … k+terms−1 of a tile. The chains begin at +0 with a block and join the totals at its
 * end. In between they rest in scratch, panel after panel: rows of the result may be a power of two
 * apart, where a cache holds only a few of them. */
static void tile_piece(const plan *p, const tile *t, int64_t k, int64_t terms)
{
    const gemm *g = p->g;
    int width = p->kernels->gemm_columns;
    bool first = k < g->block, begins = k % g->block == 0;
    bool ends = (k + terms) % g->block == 0 || k + terms == g->terms;
    if (p->a_from == OWN)
        pack_panels(p->kernels, &g->a, t->batch, t->row, t->row + t->rows, p->kernels->gemm_rows, k,
                    terms, terms * p->kernels->gemm_rows, t->a);
    if (p->b_from == OWN)
        pack_panels(p->kernels, &g->b, t->batch, t->column, t->column + t->columns, width, k, terms,
                    terms * width, t->b);
    cpu_gemm_panel panel = { .rows = t->rows, .terms = terms };
    set_a(p, t, k, terms, &panel);
    for (int64_t column = t->column; column < t->column + t->columns; column += width) {
        set_b(p, t, column, k, terms, &panel);
        float *total = panel_total(p, t, column, &panel.total_row);
        float *chain = t->chain + (column - t->column) * t->rows; /* panel after panel */
        panel.start = begins ? NULL : chain;
        panel.start_row = width;
        panel.total = ends && !first ? total : NULL;
        panel.out = ends ? total : chain;
        panel.out_row = ends ? panel.total_row : width;
        p->kernels->gemm_panel(&panel);
    }
}

/* The last panel from scratch to the result, when only part of it is in the matrix. */
static void copy_last_panel(const plan *p, const tile *t)
{
    const gemm *g = p->g;
    int64_t wide = t->columns % p->kernels->gemm_columns, column = t->column + t->columns - wide;
    int64_t offset = g->out_offsets ? g->out_offsets[t->batch] : 0;
    float *to = g->out + offset + t->row * g->out_row + column;
    for (int64_t i = 0; i < t->rows && wide; i++)
        memcpy(to + i * g->out_row, t->total + i * t->row_size + (column - t->column),
               sizeof *to * (size_t)wide);
}

static void run_tile(const plan *p, const tile *t)
{
    const gemm *g = p->g;
    for (int64_t k = 0; k < g->terms;) {
        int64_t left = smaller(g->block - k % g->block, g->terms - k);
        int64_t terms = smaller(left, part(left, PIECE, 1));
        tile_piece(p, t, k, terms);
        k += terms;
    }
    int64_t size = t->row_size;
    const float *result = t->total;
    if (g->out) {
        copy_last_panel(p, t);
        int64_t offset = g->out_offsets ? g->out_offsets[t->batch] : 0;
        result = g->out + offset + t->row * g->out_row + t->column;
        size = g->out_row;
    }
    if (g->finish)
        g->finish(g, t->batch, t->row, t->rows, t->column, t->columns, result, size);
}

static void run_tiles(void *argument, int64_t begin, int64_t end, int worker)
{
    const plan *p = argument;
    const gemm *g = p->g;
    float *scratch = p->scratch + worker * p->scratch_size;
    for (int64_t i = begin; i < end; i++) {
        int64_t column = p->column_begin + i % p->column_tiles * p->tile_columns;
        int64_t row = i / p->column_tiles % p->row_tiles * p->tile_rows;
        tile t = {
            .batch = i / p->column_tiles / p->row_tiles,
            .row = row,
            .rows = smaller(p->tile_rows, g->rows - row),
            .column = column,
            .columns = smaller(p->tile_columns, p->column_end - column),
            .a = scratch,
            .b = scratch + p->own_a,
            .total = scratch + p->own_a + p->own_b,
            .chain = scratch + p->own_a + p->own_b + p->own_total,
            .row_size = p->tile_columns,
        };
        run_tile(p, &t);
    }
}

/* --- The plan --------------------------------------------------------------------------------- */

static bool fits_in_place(const gemm_side *side, int64_t lines, int64_t terms)
{
    return side->plain && lines * terms <= PLAIN;
}

static void choose(plan *p, int threads)
{
    const gemm *g = p->g;
    int64_t columns = p->column_end - p->column_begin;
    int width = p->kernels->gemm_columns;
    p->a_from = fits_in_place(&g->a, g->rows, g->terms) ? IN_PLACE : OWN;
    p->b_from = g->b.line_stride == 1 && fits_in_place(&g->b, columns, g->terms) ? IN_PLACE : OWN;
    p->tile_rows = part(g->rows, TILE_ROWS, p->kernels->gemm_rows);
    p->row_tiles = (g->rows + p->tile_rows - 1) / p->tile_rows;
    if (g->batch == 1 && p->row_tiles > 1 && p->b_from == OWN && g->terms * width <= SHARED_MAX)
        p->b_from = SHARED;

    /* Enough tiles for all threads, and of those that pack b themselves, none too wide. */
    int64_t most = p->b_from == OWN ? TILE_COLUMNS : columns;
    int64_t wanted = (int64_t)threads * TILES_PER_THREAD, others = p->row_tiles * g->batch;
    int64_t fair = columns / ((wanted + others - 1) / others);
    if (threads > 1 && fair < most)
        most = fair < 2 * width ? 2 * width : fair;
    p->tile_columns = part(columns, most, width);
    p->column_tiles = (columns + p->tile_columns - 1) / p->tile_columns;
    if (g->batch == 1 && p->column_tiles > 1 && p->a_from == OWN && p->b_from != SHARED &&
        round_up(g->rows, p->kernels->gemm_rows) * g->terms <= SHARED_MAX)
        p->a_from = SHARED;
}

static bool reserve(ea_context *ctx, plan *p)
{
    const gemm *g = p->g;
    int64_t piece = smaller(g->terms, PIECE);
    int width = p->kernels->gemm_columns;
    int64_t shared = p->a_from == SHARED ? round_up(g->rows, p->kernels->gemm_rows) * g->terms
                     : p->b_from == SHARED
                         ? round_up(p->column_end - p->column_begin, width) * g->terms
                         : 0;
    p->own_a = p->a_from == OWN ? round_up(p->tile_rows * piece, 16) : 0;
    p->own_b = p->b_from == OWN        ? p->tile_columns * piece
               : p->b_from == IN_PLACE ? width * piece
                                       : 0;
    p->own_total = round_up(p->tile_rows * p->tile_columns, 16);
    p->scratch_size = round_up(p->own_a + p->own_b + p->own_total, 16);
    if (smaller(g->terms, g->block) > PIECE)
        p->scratch_size += p->own_total;
    p->shared = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(shared + 1));
    p->scratch =
        core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(p->scratch_size * ctx->threads));
    return p->shared && p->scratch;
}

static ea_status run_columns(ea_context *ctx, const gemm *g, int64_t begin, int64_t end)
{
    plan p = { .g = g, .kernels = cpu_kernels_of(ctx), .column_begin = begin, .column_end = end };
    int64_t work = g->batch * g->rows * (end - begin) * (g->terms + 1);
    choose(&p, work > SERIAL_WORK ? ctx->threads : 1);
    core_mark mark = core_arena_mark(ctx->arena);
    if (!reserve(ctx, &p))
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for the scratch space of a contraction");
    if (p.a_from == SHARED || p.b_from == SHARED)
        share(ctx, &p);
    int64_t tiles = g->batch * p.row_tiles * p.column_tiles;
    core_parallel(ctx, tiles, SERIAL_WORK / (work / tiles + 1) + 1, run_tiles, &p);
    core_arena_release(ctx->arena, mark);
    return EA_OK;
}

/* No terms: every element is +0, as for one term of zeros. */
static void pack_zeros(const gemm_side *side, const gemm_box *box, float *to)
{
    (void)side;
    for (int64_t line = 0; line < box->lines; line += box->width, to += box->panel)
        memset(to, 0, sizeof *to * (size_t)(box->width * box->terms));
}

ea_status cpu_gemm(ea_context *ctx, const gemm *g)
{
    if (g->batch == 0 || g->rows == 0 || g->columns == 0)
        return EA_OK;
    if (g->terms == 0) {
        gemm zero = *g;
        zero.terms = 1;
        zero.a = zero.b = (gemm_side){ .pack = pack_zeros };
        return cpu_gemm(ctx, &zero);
    }
    int64_t step = g->columns;
    if (g->rows > TILE_ROWS && step > SHARED_MAX / g->terms) /* b is shared, in parts */
        step = SHARED_MAX / g->terms < 64 ? 64 : SHARED_MAX / g->terms / 64 * 64;
    for (int64_t begin = 0; begin < g->columns; begin += step)
        EA_TRY(run_columns(ctx, g, begin, smaller(begin + step, g->columns)));
    return EA_OK;
}
