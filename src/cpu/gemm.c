/* gemm.c: contraction, blocked for the caches.
 *
 * Rows come in groups of a register tile's height (gemm_rows, or less by one row, so that all
 * groups are about equal), columns in panels of its width. Some groups times some panels make a
 * block, the unit of work of a thread. Of a block, all terms are computed piece after piece of at
 * most PIECE terms: a panel of b over one piece stays in the first-level cache while all groups
 * pass it, and the block's part of a stays in the second level. Between pieces the chains rest in
 * memory, which is exact.
 *
 * Rows of b with neighbouring columns are read in place: the first group that passes a panel copies
 * it for the others. Else panels are packed: by each block, or once for all when several blocks
 * need them (`shared`). The same holds for a, whose rows are read in place when the block is
 * narrow.
 */
#include "cpu/gemm.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/sizes.h"

#include <string.h>

enum {
    PIECE = 256,           /* divides 1024 */
    STEP = 32,             /* terms of the shortest chain and of a block of stored weights, neither
                            * of which a piece splits */
    BLOCK_GROUPS = 48,     /* PIECE terms of 48 · 6 rows: 288 KB; even */
    NARROW = 16,           /* panels of a block that does not pack a */
    REST = 1 << 20,        /* most chains of a block that rest between pieces */
    PLAIN = 20 << 10,      /* elements of an a that is read in place */
    SHARED_MAX = 8 << 20,  /* elements of a shared operand */
    SERIAL_WORK = 1 << 18, /* multiply-adds that are not worth a second thread */
    BLOCKS_PER_THREAD = 3,
    TALL = 16, /* groups of a block that is as wide as the result */
};

typedef enum source { IN_PLACE, SHARED, OWN } source;

typedef struct plan {
    const gemm *g;
    const cpu_kernels *kernels;
    source a_from, b_from;
    int64_t column_begin, column_end;    /* the columns of this plan */
    int64_t groups, height, tall_groups; /* the first tall_groups have height + 1 rows */
    int64_t panels;
    int64_t row_blocks, column_blocks;
    float *shared;
    float *scratch; /* of worker w: scratch + w · scratch_size */
    int64_t scratch_size, own_a, own_b, own_total;
} plan;

static int64_t round_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t row_of(const plan *p, int64_t group)
{
    return group * p->height + smaller(group, p->tall_groups);
}

static int64_t height_of(const plan *p, int64_t group)
{
    return p->height + (group < p->tall_groups);
}

/* --- Packing ---------------------------------------------------------------------------------- */

static void pack(const plan *p, const gemm_side *side, int64_t batch, int64_t line, int64_t lines,
                 int64_t width, int64_t k, int64_t terms, float *to)
{
    gemm_box box = { p->kernels, batch, line, lines, k, terms, (int)width, terms * width };
    side->pack(side, &box, to);
}

/* Items are panels of b. A shared operand has all terms of a panel, then the next panel. */
static void share_b(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const plan *p = argument;
    int64_t terms = p->g->terms, width = p->kernels->gemm_columns;
    int64_t column = p->column_begin + begin * width;
    int64_t stop = smaller(p->column_begin + end * width, p->column_end);
    pack(p, &p->g->b, 0, column, stop - column, width, 0, terms, p->shared + begin * width * terms);
}

/* Items are STEP terms: few panels are made together, so that each line of b is read once. */
static void share_b_terms(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const plan *p = argument;
    int64_t width = p->kernels->gemm_columns, k = begin * STEP;
    gemm_box box = { .kernels = p->kernels,
                     .line = p->column_begin,
                     .lines = p->column_end - p->column_begin,
                     .k = k,
                     .terms = smaller(end * STEP, p->g->terms) - k,
                     .width = (int)width,
                     .panel = p->g->terms * width };
    p->g->b.pack(&p->g->b, &box, p->shared + k * width);
}

/* Items are groups of a. */
static void share_a(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const plan *p = argument;
    int64_t terms = p->g->terms;
    for (int64_t group = begin; group < end; group++)
        pack(p, &p->g->a, 0, row_of(p, group), height_of(p, group), height_of(p, group), 0, terms,
             p->shared + row_of(p, group) * terms);
}

static void share(ea_context *ctx, plan *p)
{
    int64_t grain = SERIAL_WORK / 16 / (p->g->terms * p->kernels->gemm_columns) + 1;
    if (p->b_from == SHARED && p->panels <= NARROW)
        core_parallel(ctx, divide_up(p->g->terms, STEP), PIECE / STEP, share_b_terms, p);
    else if (p->b_from == SHARED)
        core_parallel(ctx, p->panels, grain, share_b, p);
    else if (p->a_from == SHARED)
        core_parallel(ctx, p->groups, grain, share_a, p);
}

/* --- A block ---------------------------------------------------------------------------------- */

typedef struct block {
    int64_t batch, group, group_end, row, rows, column, column_end;
    float *a, *b;         /* this thread's packed pieces */
    float *total, *chain; /* this thread's results, panel after panel */
} block;

static const float *plain_at(const gemm_side *side, int64_t batch, int64_t line, int64_t k)
{
    int64_t offset = side->offsets ? side->offsets[batch] : 0;
    return side->plain + offset + line * side->line_stride + k * side->k_stride;
}

static float *out_at(const gemm *g, const block *t, int64_t column)
{
    int64_t offset = g->out_offsets ? g->out_offsets[t->batch] : 0;
    return g->out + offset + t->row * g->out_row + column;
}

/* Whether the panel at `column` lies in the result, whole. */
static bool is_direct(const plan *p, int64_t column)
{
    return p->g->out && column + p->kernels->gemm_columns <= p->column_end;
}

/* Where the totals of the panel at `column` lie: scratch has all panels when there is no such
 * memory, else only one that is not whole. */
static float *panel_total(const plan *p, const block *t, int64_t column, int64_t *row_size)
{
    if (is_direct(p, column)) {
        *row_size = p->g->out_row;
        return out_at(p->g, t, column);
    }
    *row_size = p->kernels->gemm_columns;
    return p->g->out ? t->total : t->total + (column - t->column) * t->rows;
}

/* Groups first … of one height, from k on. */
static void set_a(const plan *p, const block *t, int64_t first, int64_t k, int64_t terms,
                  cpu_gemm_panel *panel)
{
    const gemm_side *a = &p->g->a;
    int64_t height = height_of(p, first), row = row_of(p, first);
    panel->height = (int)height;
    if (p->a_from == IN_PLACE) {
        panel->a = plain_at(a, t->batch, row, k);
        panel->a_line = a->line_stride;
        panel->a_k = a->k_stride;
        panel->a_group = height * a->line_stride;
        return;
    }
    panel->a_line = 1;
    panel->a_k = height;
    panel->a = t->a + (row - t->row) * terms;
    panel->a_group = terms * height;
    if (p->a_from == SHARED) {
        panel->a = p->shared + row * p->g->terms + k * height;
        panel->a_group = p->g->terms * height;
    }
}

static void set_b(const plan *p, const block *t, int64_t column, int64_t k, int64_t terms,
                  cpu_gemm_panel *panel)
{
    const gemm_side *b = &p->g->b;
    int64_t width = p->kernels->gemm_columns, lines = smaller(width, p->column_end - column);
    bool more = column + 2 * width <= t->column_end;
    panel->narrow = lines <= p->kernels->lanes;
    panel->keep = NULL;
    panel->b_k = width;
    if (p->b_from == SHARED) {
        panel->b = p->shared + (column - p->column_begin) * p->g->terms + k * width;
        panel->next = more ? panel->b + p->g->terms * width : NULL;
        panel->next_k = more ? width : 0;
    } else if (p->b_from == IN_PLACE && lines == width) {
        panel->b = plain_at(b, t->batch, column, k);
        panel->b_k = b->k_stride;
        panel->next = more ? panel->b + width : NULL;
        panel->next_k = more ? b->k_stride : 0;
        if (t->group_end - t->group > 1)
            panel->keep = t->b;
    } else { /* in place, a panel that is not whole would be read too far */
        pack(p, b, t->batch, column, lines, width, k, terms, t->b);
        panel->b = t->b;
        panel->next = NULL;
        panel->next_k = 0;
    }
}

/* Finishes the panel at `column`: its totals lie at `total`. */
static void finish_panel(const plan *p, const block *t, int64_t column, const float *total,
                         int64_t row_size)
{
    const gemm *g = p->g;
    int64_t columns = smaller(p->kernels->gemm_columns, p->column_end - column);
    if (g->out && !is_direct(p, column))
        for (int64_t i = 0; i < t->rows; i++)
            memcpy(out_at(g, t, column) + i * g->out_row, total + i * row_size,
                   sizeof *total * (size_t)columns);
    if (g->finish)
        g->finish(g, t->batch, t->row, t->rows, column, columns, total, row_size);
}

/* Terms k … k+terms−1 of the panel at `column`: of one chain, or whole chains. A chain begins at +0
 * and joins the totals at its end. Between pieces it rests in scratch, panel after panel: rows of
 * the result may be a power of two apart, where a cache holds only a few of them. */
static void panel_piece(const plan *p, const block *t, int64_t column, int64_t k, int64_t terms)
{
    const gemm *g = p->g;
    int64_t width = p->kernels->gemm_columns, total_row;
    bool first = k < g->block, begins = k % g->block == 0;
    bool ends = (k + terms) % g->block == 0 || k + terms == g->terms;
    float *total = panel_total(p, t, column, &total_row);
    float *chain = t->chain + (column - t->column) * t->rows;
    cpu_gemm_panel panel = {
        .terms = terms, .block = g->block, .start_row = width, .total_row = total_row
    };
    set_b(p, t, column, k, terms, &panel);
    panel.out_row = ends ? total_row : width;
    for (int64_t group = t->group; group < t->group_end;) {
        int64_t end = group < p->tall_groups ? smaller(p->tall_groups, t->group_end) : t->group_end;
        int64_t row = row_of(p, group) - t->row;
        panel.groups = end - group;
        set_a(p, t, group, k, terms, &panel);
        panel.start = begins ? NULL : chain + row * width;
        panel.total = ends && !first ? total + row * total_row : NULL;
        panel.out = ends ? total + row * total_row : chain + row * width;
        p->kernels->gemm_panel(&panel);
        if (panel.keep) {
            panel.b = panel.keep;
            panel.b_k = width;
            panel.keep = NULL;
        }
        panel.next = NULL;
        panel.next_k = 0;
        group = end;
    }
    if (k + terms == g->terms)
        finish_panel(p, t, column, total, total_row);
}

static void pack_own_a(const plan *p, const block *t, int64_t k, int64_t terms)
{
    for (int64_t group = t->group; group < t->group_end;) {
        int64_t end = group < p->tall_groups ? smaller(p->tall_groups, t->group_end) : t->group_end;
        int64_t row = row_of(p, group);
        pack(p, &p->g->a, t->batch, row, row_of(p, end) - row, height_of(p, group), k, terms,
             t->a + (row - t->row) * terms);
        group = end;
    }
}

static void run_block(const plan *p, const block *t)
{
    const gemm *g = p->g;
    for (int64_t k = 0; k < g->terms;) {
        int64_t left =
            g->block < PIECE ? g->terms - k : smaller(g->block - k % g->block, g->terms - k);
        int64_t terms = smaller(round_up(divide_up(left, divide_up(left, PIECE)), STEP), left);
        if (p->a_from == OWN)
            pack_own_a(p, t, k, terms);
        for (int64_t column = t->column; column < t->column_end; column += p->kernels->gemm_columns)
            panel_piece(p, t, column, k, terms);
        k += terms;
    }
}

static void run_blocks(void *argument, int64_t begin, int64_t end, int worker)
{
    const plan *p = argument;
    float *scratch = p->scratch + worker * p->scratch_size;
    int64_t width = p->kernels->gemm_columns;
    for (int64_t i = begin; i < end; i++) {
        int64_t c = i % p->column_blocks, r = i / p->column_blocks % p->row_blocks;
        int64_t group = r * p->groups / p->row_blocks;
        int64_t group_end = (r + 1) * p->groups / p->row_blocks;
        int64_t panel_end = (c + 1) * p->panels / p->column_blocks;
        block t = {
            .batch = i / p->column_blocks / p->row_blocks,
            .group = group,
            .group_end = group_end,
            .row = row_of(p, group),
            .rows = row_of(p, group_end) - row_of(p, group),
            .column = p->column_begin + c * p->panels / p->column_blocks * width,
            .column_end = smaller(p->column_end, p->column_begin + panel_end * width),
            .a = scratch,
            .b = scratch + p->own_a,
            .total = scratch + p->own_a + p->own_b,
            .chain = scratch + p->own_a + p->own_b + p->own_total,
        };
        run_block(p, &t);
    }
}

/* --- The plan --------------------------------------------------------------------------------- */

/* Blocks of rows alone in equal shares for the threads, so that a is packed once; false when that
 * takes blocks too low to make up for reading b in each. */
static bool choose_row_blocks(plan *p, int64_t threads)
{
    int64_t blocks = p->row_blocks;
    while (p->g->batch * blocks % threads != 0)
        blocks++;
    if (blocks > p->row_blocks && p->groups < TALL * blocks)
        return false;
    p->row_blocks = blocks;
    return true;
}

/* As few blocks as the caches allow, then equal shares for the threads: rows, or if these are few
 * columns first, as long as a block stays wide. */
static void choose_blocks(plan *p, int64_t threads)
{
    const gemm *g = p->g;
    int64_t width = p->kernels->gemm_columns;
    int64_t wanted = threads * BLOCKS_PER_THREAD;
    /* A part of a that is not packed may lie badly in the second-level cache, beside the chains. */
    bool spread = g->a.plain && p->panels <= NARROW && g->terms > PIECE;
    p->row_blocks = divide_up(p->groups, spread ? BLOCK_GROUPS / 2 : BLOCK_GROUPS);
    p->column_blocks = 1;
    if (smaller(g->terms, g->block) > PIECE)
        p->column_blocks = divide_up(
            p->panels * width, REST / (divide_up(p->groups, p->row_blocks) * (p->height + 1)));
    if (threads == 1 || choose_row_blocks(p, threads))
        return;
    int64_t work = g->batch * g->rows * (p->column_end - p->column_begin) * g->terms;
    if (work / wanted < SERIAL_WORK || p->panels <= NARROW) /* narrower blocks would cost more */
        wanted = threads;
    if (p->panels >= 2 * threads)
        p->column_blocks = round_up(p->column_blocks, threads);
    while (g->batch * p->row_blocks * p->column_blocks < wanted) {
        if (p->panels >= p->column_blocks + threads)
            p->column_blocks += threads;
        else if (p->groups >= p->row_blocks + threads)
            p->row_blocks = round_up(p->row_blocks + 1, threads);
        else
            return;
    }
}

static void choose(plan *p, int threads)
{
    const gemm *g = p->g;
    int64_t width = p->kernels->gemm_columns;
    p->groups = divide_up(g->rows, p->kernels->gemm_rows);
    p->height = g->rows / p->groups;
    p->tall_groups = g->rows % p->groups;
    p->panels = divide_up(p->column_end - p->column_begin, width);
    choose_blocks(p, threads);
    bool one = g->batch == 1;
    p->b_from = g->b.plain && g->b.line_stride == 1 && p->row_blocks < 3 * threads       ? IN_PLACE
                : one && p->row_blocks > 1 && g->terms * p->panels * width <= SHARED_MAX ? SHARED
                                                                                         : OWN;
    bool narrow = p->panels <= NARROW * p->column_blocks || g->rows * g->terms <= PLAIN;
    p->a_from =
        g->a.plain && narrow ? IN_PLACE
        : one && p->column_blocks > 1 && p->b_from != SHARED && g->rows * g->terms <= SHARED_MAX
            ? SHARED
            : OWN;
}

static bool reserve(ea_context *ctx, plan *p)
{
    const gemm *g = p->g;
    int64_t piece = smaller(g->terms, PIECE), width = p->kernels->gemm_columns;
    int64_t rows = divide_up(p->groups, p->row_blocks) * (p->height + 1);
    int64_t columns = divide_up(p->panels, p->column_blocks) * width;
    int64_t shared = p->b_from == SHARED   ? p->panels * width * g->terms
                     : p->a_from == SHARED ? g->rows * g->terms
                                           : 0;
    p->own_a = p->a_from == OWN ? round_up(rows * piece, 16) : 0;
    p->own_b = p->b_from == SHARED ? 0 : width * piece;
    p->own_total = rows * (g->out ? width : columns);
    int64_t chain = smaller(g->terms, g->block) > PIECE ? rows * columns : 0;
    p->scratch_size = round_up(p->own_a + p->own_b + p->own_total + chain, 16);
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
    share(ctx, &p);
    int64_t blocks = g->batch * p.row_blocks * p.column_blocks;
    core_parallel(ctx, blocks, SERIAL_WORK / 2 / (work / blocks + 1) + 1, run_blocks, &p);
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
    bool in_place = g->b.plain && g->b.line_stride == 1;
    int64_t step = g->columns;
    if (!in_place && g->rows > BLOCK_GROUPS * cpu_kernels_of(ctx)->gemm_rows &&
        step > SHARED_MAX / g->terms) /* b is shared, in parts */
        step = SHARED_MAX / g->terms < 64 ? 64 : SHARED_MAX / g->terms / 64 * 64;
    for (int64_t begin = 0; begin < g->columns; begin += step)
        EA_TRY(run_columns(ctx, g, begin, smaller(begin + step, g->columns)));
    return EA_OK;
}
