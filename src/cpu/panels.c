/* panels.c: weights as panels, and contraction with them: one row and a few rows along the panels'
 * memory, many rows by the engine of gemm.h. */
#include "cpu/panels.h"
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/gemm.h"

#include <string.h>

enum {
    TILE = 64,           /* terms that are laid out together */
    TILE_BYTES = 8192,   /* multiplied together: with the next ones in the first-level cache … */
    AHEAD = 2048,        /* … but for one row, which only has this much fetched before it */
    FEW = 16,            /* rows; with more the engine is faster */
    MOST_ROWS = FEW + 2, /* in groups of equal height */
    PANEL_WORK = 1 << 16 /* multiply-adds that are worth a piece for a thread */
};

ref_quant cpu_panels_format(ref_quant format)
{
    return format == REF_QUANT_Q4_K || format == REF_QUANT_Q6_K ? REF_QUANT_F32 : format;
}

/* Bytes of `terms` terms of a panel, whole blocks of them; BF16's terms come in pairs. */
static int64_t panel_bytes(ref_quant format, int64_t terms)
{
    int elements = 1, bytes = 4;
    ref_quant_block(format, &elements, &bytes);
    if (format == REF_QUANT_BF16)
        terms = (terms + 1) / 2 * 2;
    return CPU_PANEL * bytes * (terms / elements);
}

static int64_t panels_of(int64_t columns)
{
    return (columns + CPU_PANEL - 1) / CPU_PANEL;
}

size_t cpu_panels_bytes(ref_quant format, int64_t terms, int64_t columns)
{
    return (size_t)(panels_of(columns) * panel_bytes(format, terms));
}

/* --- Layout ------------------------------------------------------------------------------------
 */

/* One of the two sources, element (term t, column c) at data + t·term_step + c·column_step bytes
 * where elements can be copied. */
typedef struct layout {
    const cpu_panels *panels;
    const unsigned char *data;
    int64_t term_step, column_step;
    const ref_lines *lines;
} layout;

static void copy_words(const unsigned char *from, int64_t term_step, int64_t column_step,
                       int64_t terms, int columns, uint32_t *to)
{
    for (int c = 0; c < columns; c++)
        for (int64_t t = 0; t < terms; t++)
            memcpy(to + t * CPU_PANEL + c, from + t * term_step + c * column_step, 4);
}

static void copy_halves(const unsigned char *from, int64_t term_step, int64_t column_step,
                        int64_t terms, int columns, uint16_t *to)
{
    for (int c = 0; c < columns; c++)
        for (int64_t t = 0; t < terms; t++)
            memcpy(to + t * CPU_PANEL + c, from + t * term_step + c * column_step, 2);
}

/* Pairs of terms; an odd last one is paired with zero. */
static void copy_pairs(const unsigned char *from, int64_t term_step, int64_t column_step,
                       int64_t terms, int columns, uint32_t *to)
{
    for (int c = 0; c < columns; c++)
        for (int64_t t = 0; t < terms; t += 2) {
            uint16_t pair[2] = { 0, 0 };
            const unsigned char *at = from + t * term_step + c * column_step;
            memcpy(pair, at, 2);
            if (t + 1 < terms)
                memcpy(pair + 1, at + term_step, 2);
            to[t / 2 * CPU_PANEL + c] = pair[0] | (uint32_t)pair[1] << 16;
        }
}

static uint32_t four_bytes(const unsigned char *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* A block of 32 terms of Q8_0: scales, and eight rows of four terms. */
static void copy_bytes(const unsigned char *from, int64_t column_step, int columns,
                       unsigned char *to)
{
    uint16_t *scales = (uint16_t *)(void *)to;
    uint32_t *rows = (uint32_t *)(void *)(to + 2 * CPU_PANEL);
    for (int c = 0; c < columns; c++, from += column_step) {
        scales[c] = (uint16_t)(from[0] | from[1] << 8);
        for (int r = 0; r < 8; r++)
            rows[r * CPU_PANEL + c] = four_bytes(from + 2 + 4 * r);
    }
}

/* Of Q4_0: four rows of eight terms. The file has term t in the low nibble of byte t and term t +
 * 16 in the high one, as numbers that are 8 too large. */
static void copy_nibbles(const unsigned char *from, int64_t column_step, int columns,
                         unsigned char *to)
{
    const uint32_t low = 0x0f0f0f0f, turn = 0x88888888; /* n − 8, as signed */
    uint16_t *scales = (uint16_t *)(void *)to;
    uint32_t *rows = (uint32_t *)(void *)(to + 2 * CPU_PANEL);
    for (int c = 0; c < columns; c++, from += column_step) {
        scales[c] = (uint16_t)(from[0] | from[1] << 8);
        for (int r = 0; r < 2; r++) {
            uint32_t x = four_bytes(from + 2 + 8 * r) ^ turn,
                     y = four_bytes(from + 6 + 8 * r) ^ turn;
            rows[r * CPU_PANEL + c] = (x & low) | (y & low) << 4;
            rows[(r + 2) * CPU_PANEL + c] = (x >> 4 & low) | (y & ~low);
        }
    }
}

static void expand(const ref_lines *lines, int64_t column, int columns, int64_t t, int64_t terms,
                   float *to)
{
    for (int c = 0; c < columns; c++)
        for (int64_t i = 0; i < terms; i++)
            to[i * CPU_PANEL + c] = ref_dequantize(
                lines->format, lines->data + (column + c) * lines->line_bytes, t + i);
}

static void lay_panel(const layout *l, int64_t panel)
{
    const cpu_panels *p = l->panels;
    int64_t column = panel * CPU_PANEL, left = p->columns - column;
    int columns = left < CPU_PANEL ? (int)left : CPU_PANEL;
    unsigned char *to = p->data + panel * panel_bytes(p->format, p->terms);
    if (columns < CPU_PANEL)
        memset(to, 0, (size_t)panel_bytes(p->format, p->terms));
    const unsigned char *from = l->data + column * l->column_step;
    bool blocks = p->format == REF_QUANT_Q8_0 || p->format == REF_QUANT_Q4_0;
    int64_t step = blocks ? 32 : TILE;
    for (int64_t t = 0; t < p->terms; t += step) {
        int64_t terms = p->terms - t < step ? p->terms - t : step;
        unsigned char *at = to + panel_bytes(p->format, t);
        if (blocks)
            (p->format == REF_QUANT_Q8_0 ? copy_bytes : copy_nibbles)(from + t / 32 * l->term_step,
                                                                      l->column_step, columns, at);
        else if (l->lines && l->lines->format != p->format)
            expand(l->lines, column, columns, t, terms, (float *)at);
        else if (p->format == REF_QUANT_F32)
            copy_words(from + t * l->term_step, l->term_step, l->column_step, terms, columns,
                       (uint32_t *)at);
        else if (p->format == REF_QUANT_BF16)
            copy_pairs(from + t * l->term_step, l->term_step, l->column_step, terms, columns,
                       (uint32_t *)(void *)at);
        else
            copy_halves(from + t * l->term_step, l->term_step, l->column_step, terms, columns,
                        (uint16_t *)at);
    }
}

static void lay_panels(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        lay_panel(argument, i);
}

void cpu_panels_from_lines(ea_context *ctx, const ref_lines *lines, const cpu_panels *panels)
{
    int elements = 1, bytes = 4;
    ref_quant_block(lines->format, &elements, &bytes);
    layout l = { panels, lines->data, bytes, lines->line_bytes, lines };
    core_parallel(ctx, panels_of(panels->columns), 1, lay_panels, &l);
}

void cpu_panels_from_view(ea_context *ctx, const ea_view *view, const cpu_panels *panels)
{
    int64_t size = (int64_t)core_dtype_size(view->dtype);
    layout l = { panels, view->data, view->stride[0] * size, view->stride[1] * size, NULL };
    core_parallel(ctx, panels_of(panels->columns), 1, lay_panels, &l);
}

/* --- A few rows --------------------------------------------------------------------------------
 */

typedef struct product {
    const cpu_panels *b;
    const cpu_kernels *kernels;
    int64_t rows;
    int64_t groups, height;
    const float *a; /* row i of group g, term k: a[(g · terms + k) · height + i] */
    const float *bias;
    float *out;
} product;

/* Terms that are multiplied together, whole chains of them. One row passes its memory once. */
static int64_t tile_terms(const product *p)
{
    int64_t length = REF_PROJECTION_BLOCK;
    return p->rows == 1 ? p->b->terms : TILE_BYTES / panel_bytes(p->b->format, length) * length;
}

/* The chains of all rows, added up. Meanwhile what comes after a tile is fetched. */
static void sum_panel(const product *p, const unsigned char *panel, float total[][CPU_PANEL])
{
    int64_t terms = p->b->terms, tile = tile_terms(p);
    for (int64_t k = 0; k < terms; k += tile)
        for (int64_t g = 0; g < p->groups; g++) {
            int64_t n = terms - k < tile ? terms - k : tile;
            const unsigned char *from = panel + panel_bytes(p->b->format, k);
            p->kernels->panel_rows(&(cpu_panel_rows){
                .format = p->b->format,
                .rows = (int)p->height,
                .a = p->a + (g * terms + k) * p->height,
                .panel = from,
                .terms = n,
                .next = from + (p->rows == 1 ? AHEAD : panel_bytes(p->b->format, n)),
                .first = k == 0,
                .total = total[g * p->height] });
        }
}

static void run_panels(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const product *p = argument;
    float total[MOST_ROWS][CPU_PANEL];
    for (int64_t i = begin; i < end; i++) {
        int64_t column = i * CPU_PANEL, left = p->b->columns - column;
        int64_t columns = left < CPU_PANEL ? left : CPU_PANEL;
        sum_panel(p, p->b->data + i * panel_bytes(p->b->format, p->b->terms), total);
        for (int64_t row = 0; row < p->rows; row++) {
            float *out = p->out + row * p->b->columns + column;
            if (p->bias)
                p->kernels->add(total[row], p->bias + column, out, columns);
            else
                memcpy(out, total[row], sizeof *out * (size_t)columns);
        }
    }
}

static ea_status few_rows(ea_context *ctx, int64_t rows, const float *a, const cpu_panels *b,
                          const float *bias, float *out)
{
    product p = { .b = b,
                  .kernels = cpu_kernels_of(ctx),
                  .rows = rows,
                  .a = a,
                  .groups = 1,
                  .height = 1,
                  .bias = bias,
                  .out = out };
    if (rows > 1) { /* neighbouring rows of a may be a power of two apart: bad for caches */
        p.groups = (rows + p.kernels->panel_most_rows - 1) / p.kernels->panel_most_rows;
        p.height = (rows + p.groups - 1) / p.groups;
        float *packed =
            core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(p.groups * p.height * b->terms));
        if (!packed)
            return core_fail(ctx, EA_ERR_MEMORY, "no memory for the rows of a contraction");
        p.kernels->gemm_pack_transpose(a, b->terms, rows, (int)p.height, b->terms,
                                       p.height * b->terms, packed);
        p.a = packed;
    }
    int64_t work = rows * b->terms * CPU_PANEL;
    core_parallel(ctx, panels_of(b->columns), PANEL_WORK / (work + 1) + 1, run_panels, &p);
    return EA_OK;
}

/* --- Many rows ---------------------------------------------------------------------------------
 */

static void pack_rows(const gemm_side *side, const gemm_box *box, float *to)
{
    box->kernels->gemm_pack_transpose(side->plain + box->line * side->line_stride + box->k,
                                      side->line_stride, box->lines, box->width, box->terms,
                                      box->panel, to);
}

/* A panel of the engine may lie in two of ours. */
static void pack_columns(const gemm_side *side, const gemm_box *box, float *to)
{
    const cpu_panels *b = side->self;
    for (int64_t line = 0; line < box->lines; line += box->width, to += box->panel)
        for (int done = 0; done < box->width;) {
            int64_t column = box->line + line + done;
            int at = (int)(column % CPU_PANEL), left = box->width - done;
            int columns = CPU_PANEL - at < left ? CPU_PANEL - at : left;
            const unsigned char *panel = b->data +
                                         column / CPU_PANEL * panel_bytes(b->format, b->terms) +
                                         panel_bytes(b->format, box->k);
            if (column < b->columns)
                box->kernels->panel_widen(b->format, panel, at, columns, box->terms, box->width,
                                          to + done);
            else
                for (int64_t t = 0; t < box->terms; t++)
                    memset(to + t * box->width + done, 0, sizeof *to * (size_t)columns);
            done += columns;
        }
}

static void add_bias(const gemm *g, int64_t batch, int64_t row, int64_t rows, int64_t column,
                     int64_t columns, const float *tile, int64_t tile_row)
{
    (void)batch;
    const float *bias = g->self;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            g->out[(row + i) * g->out_row + column + j] = tile[i * tile_row + j] + bias[column + j];
}

ea_status cpu_matmul_panels(ea_context *ctx, int64_t rows, const float *a, const cpu_panels *panels,
                            const float *bias, float *out)
{
    if (rows <= FEW)
        return few_rows(ctx, rows, a, panels, bias, out);
    gemm g = {
        .batch = 1,
        .rows = rows,
        .columns = panels->columns,
        .terms = panels->terms,
        .block = REF_PROJECTION_BLOCK,
        .a = { .pack = pack_rows, .plain = a, .line_stride = panels->terms, .k_stride = 1 },
        .b = { .pack = pack_columns, .self = panels },
        .out = out,
        .out_row = panels->columns,
        .finish = bias ? add_bias : NULL,
        .self = bias,
    };
    return cpu_gemm(ctx, &g);
}
