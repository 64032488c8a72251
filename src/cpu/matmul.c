/* matmul.c: contraction of two matrices on the CPU: views to the engine's operands. */
#include "core/memory.h"
#include "cpu/cpu.h"
#include "cpu/gemm.h"

/* One operand or the result: a matrix for each batch entry. */
typedef struct matrix {
    const ea_view *view;
    int64_t line_stride, k_stride; /* for the result: row and column */
    const int64_t *offsets;
} matrix;

typedef struct matmul {
    const cpu_kernels *kernels;
    matrix a, b, out, bias;
} matmul;

/* --- Operands --------------------------------------------------------------------------------- */

static void pack_any(const matrix *m, const gemm_box *box, int64_t at, float *to)
{
    for (int64_t line = 0; line < box->lines; line += box->width, to += box->panel)
        for (int64_t k = 0; k < box->terms; k++)
            for (int64_t i = line; i < line + box->width; i++)
                to[k * box->width + i - line] =
                    i < box->lines ? core_load(m->view, at + i * m->line_stride + k * m->k_stride)
                                   : 0.0f;
}

/* How the lines are stored; without data when their terms are no neighbours. */
static ref_lines lines_of(const matrix *m)
{
    static const ref_quant formats[] = {
        [CORE_F32] = REF_QUANT_F32, [CORE_F16] = REF_QUANT_F16, [CORE_BF16] = REF_QUANT_BF16
    };
    int64_t size = (int64_t)core_dtype_size(m->view->dtype);
    return (ref_lines){ .format = formats[m->view->dtype],
                        .data = m->k_stride == 1 ? m->view->data : NULL,
                        .line_bytes = m->line_stride * size };
}

static void pack_matrix(const gemm_side *side, const gemm_box *box, float *to)
{
    const matrix *m = side->self;
    const float *data = m->view->data;
    int64_t at = m->offsets[box->batch] + box->line * m->line_stride;
    if (m->view->dtype == CORE_F32 && m->line_stride == 1) {
        box->kernels->gemm_pack_copy(data + at + box->k * m->k_stride, m->k_stride, box->lines,
                                     box->width, box->terms, box->panel, to);
    } else if (side->stored.data) {
        ref_lines lines = side->stored;
        lines.data += at * side->element_bytes;
        box->kernels->gemm_pack_lines(&lines, box->k, box->lines, box->width, box->terms,
                                      box->panel, to);
    } else {
        pack_any(m, box, at + box->k * m->k_stride, to);
    }
}

static gemm_side side_of(const matrix *m)
{
    return (gemm_side){
        .pack = pack_matrix,
        .self = m,
        .plain = m->view->dtype == CORE_F32 ? m->view->data : NULL,
        .line_stride = m->line_stride,
        .k_stride = m->k_stride,
        .stored = lines_of(m),
        .element_bytes = (int64_t)core_dtype_size(m->view->dtype),
        .offsets = m->offsets,
    };
}

/* --- Result ----------------------------------------------------------------------------------- */

/* Floats, along the dimension whose elements are neighbours in the result. */
static void finish_floats(const float *tile, int64_t tile_row, int64_t tile_column, int64_t lines,
                          int64_t n, const float *bias, int64_t bias_line, int64_t bias_step,
                          float *out, int64_t out_line, int64_t out_step)
{
    for (int64_t i = 0; i < lines; i++, tile += tile_row, out += out_line) {
        if (!bias)
            for (int64_t j = 0; j < n; j++)
                out[j * out_step] = tile[j * tile_column];
        else if (out_step == 1 && tile_column == 1 && bias_step == 1)
            for (int64_t j = 0; j < n; j++)
                out[j] = tile[j] + bias[j];
        else
            for (int64_t j = 0; j < n; j++)
                out[j * out_step] = tile[j * tile_column] + bias[j * bias_step];
        bias = bias ? bias + bias_line : NULL;
    }
}

static void finish_tile(const gemm *g, int64_t batch, int64_t row, int64_t rows, int64_t column,
                        int64_t columns, const float *tile, int64_t tile_row)
{
    const matmul *m = g->self;
    const matrix *out = &m->out, *bias = &m->bias;
    int64_t to = out->offsets[batch] + row * out->line_stride + column * out->k_stride;
    int64_t from = 0;
    if (bias->view)
        from = bias->offsets[batch] + row * bias->line_stride + column * bias->k_stride;
    bool floats = out->view->dtype == CORE_F32 && (!bias->view || bias->view->dtype == CORE_F32);
    const float *bias_data = floats && bias->view ? (const float *)bias->view->data + from : NULL;
    float *out_data = floats ? (float *)out->view->data + to : NULL;
    if (floats && !bias_data && out->line_stride == 1 && out->k_stride == rows)
        m->kernels->gemm_pack_transpose(tile, tile_row, rows, (int)rows, columns, 0, out_data);
    else if (floats && out->line_stride == 1)
        finish_floats(tile, 1, tile_row, columns, rows, bias_data, bias->k_stride,
                      bias->line_stride, out_data, out->k_stride, 1);
    else if (floats)
        finish_floats(tile, tile_row, 1, rows, columns, bias_data, bias->line_stride,
                      bias->k_stride, out_data, out->line_stride, out->k_stride);
    for (int64_t i = 0; i < rows && !floats; i++)
        for (int64_t j = 0; j < columns; j++) {
            float sum = tile[i * tile_row + j];
            if (bias->view)
                sum += core_load(bias->view, from + i * bias->line_stride + j * bias->k_stride);
            core_store(out->view, to + i * out->line_stride + j * out->k_stride, sum);
        }
}

/* --- Dimensions ------------------------------------------------------------------------------- */

/* Removes leading dimension d when it can count as more rows: b does not vary along it, and a, out
 * and bias step over it as over rows·(row stride). */
static bool folds(const ea_view *view, int d, int row)
{
    return !view->data || view->stride[d] == view->stride[row] * view->shape[row];
}

static void fold(ea_view *view, int d, int row)
{
    view->shape[row] *= view->shape[d];
    for (int i = d; i < row; i++) {
        view->shape[i] = view->shape[i + 1];
        view->stride[i] = view->stride[i + 1];
    }
    view->shape[row] = view->shape[row + 1];
    view->stride[row] = view->stride[row + 1];
    view->ndim--;
}

static void drop(ea_view *view, int d)
{
    for (int i = d; i + 1 < view->ndim; i++) {
        view->shape[i] = view->shape[i + 1];
        view->stride[i] = view->stride[i + 1];
    }
    view->ndim--;
}

/* Innermost leading dimensions become rows while they can; those of size 1 go. */
static void fold_leading(ea_view *a, ea_view *b, ea_view *bias, ea_view *out)
{
    for (int d = out->ndim - 3; d >= 0; d--) {
        int row = out->ndim - 2;
        if (out->shape[d] == 1) {
            drop(a, d), drop(b, d), drop(out, d), drop(bias, d);
        } else if (d == row - 1 && b->stride[d] == 0 && folds(a, d, row) && folds(out, d, row) &&
                   folds(bias, d, row)) {
            fold(a, d, row), fold(out, d, row), fold(bias, d, row), drop(b, d);
        }
    }
}

/* Where each batch entry begins; NULL when there is no memory. */
static const int64_t *batch_offsets(ea_context *ctx, const ea_view *view, int64_t batch)
{
    ea_view lead = *view;
    lead.ndim -= 2;
    int64_t *offsets = core_arena_alloc(ctx->arena, sizeof *offsets * (size_t)batch);
    for (int64_t i = 0; offsets && i < batch; i++)
        offsets[i] = core_offset(&lead, i);
    return offsets;
}

static void exchange(int64_t *a, int64_t *b)
{
    int64_t t = *a;
    *a = *b;
    *b = t;
}

/* The part of its panels that a line of results fills; a last panel of few takes one vector. */
static double filled(const cpu_kernels *kernels, int64_t n)
{
    int64_t width = kernels->gemm_columns, rest = n % width;
    int64_t last = rest == 0 ? 0 : rest <= kernels->lanes ? kernels->lanes : width;
    return (double)n / (double)(n - rest + last);
}

/* Computes the transposed product instead when its rows and columns fill the register tiles better.
 * But one panel of columns reads a where it is, which the transposed product has to pack: that
 * takes long for short chains, and for an a that lies in memory. */
static bool better_transposed(const cpu_kernels *kernels, int64_t rows, int64_t columns,
                              int64_t terms)
{
    enum { SHORT = 128, CACHED = 1 << 20 };
    if (columns <= 3 || rows <= 3)
        return columns < rows;
    bool one_panel = columns > kernels->lanes && columns <= kernels->gemm_columns;
    if (one_panel && (terms < SHORT || rows * terms > CACHED))
        return false;
    return filled(kernels, rows) > 1.2 * filled(kernels, columns);
}

ea_status cpu_matmul(ea_context *ctx, const ea_view *a_in, const ea_view *b_in,
                     const ea_view *bias_in, const ea_view *out_in)
{
    ea_view a = *a_in, b = *b_in, out = *out_in, bias = bias_in ? *bias_in : *out_in;
    if (core_numel(&out) == 0)
        return EA_OK;
    if (!bias_in)
        bias.data = NULL;
    fold_leading(&a, &b, &bias, &out);

    int row = out.ndim - 2, column = out.ndim - 1;
    int64_t rows = out.shape[row], columns = out.shape[column];
    int64_t batch = core_numel(&out) / (rows * columns);
    matmul m = {
        .kernels = cpu_kernels_of(ctx),
        .a = { &a, a.stride[row], a.stride[column], batch_offsets(ctx, &a, batch) },
        .b = { &b, b.stride[column], b.stride[row], batch_offsets(ctx, &b, batch) },
        .out = { &out, out.stride[row], out.stride[column], batch_offsets(ctx, &out, batch) },
        .bias = { bias_in ? &bias : NULL, bias.stride[row], bias.stride[column],
                  batch_offsets(ctx, &bias, batch) },
    };
    if (!m.a.offsets || !m.b.offsets || !m.out.offsets || !m.bias.offsets)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld batch entries", (long long)batch);
    int64_t terms = a.shape[column];
    if (better_transposed(m.kernels, rows, columns, terms)) {
        matrix t = m.a;
        m.a = m.b;
        m.b = t;
        exchange(&rows, &columns);
        exchange(&m.out.line_stride, &m.out.k_stride);
        exchange(&m.bias.line_stride, &m.bias.k_stride);
    }
    bool direct = out.dtype == CORE_F32 && m.out.k_stride == 1;
    gemm g = {
        .batch = batch,
        .rows = rows,
        .columns = columns,
        .terms = terms,
        .block = cpu_contract_block(ctx),
        .a = side_of(&m.a),
        .b = side_of(&m.b),
        .out = direct ? out.data : NULL,
        .out_row = m.out.line_stride,
        .out_offsets = m.out.offsets,
        .finish = direct && !bias_in ? NULL : finish_tile,
        .self = &m,
    };
    return cpu_gemm_is_thin(&g) ? cpu_gemm_thin(ctx, &g) : cpu_gemm(ctx, &g);
}
