/* conv3d.c: three-dimensional convolution on the CPU, by the engine of the matrix product: the
 * matrix of windows is gathered a panel at a time and never stands in memory as a whole.
 *
 * Positions outside a tensor are terms of value +0 (docs/contract.md, Convolution).
 */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/conv.h"
#include "cpu/gemm.h"

static ea_status no_memory(ea_context *ctx)
{
    return core_fail(ctx, EA_ERR_MEMORY, "no memory for the scratch space of a convolution");
}

/* The view's elements as contiguous floats: itself, or a copy when `copy`, else room for a result.
 */
static float *dense(ea_context *ctx, const ea_view *view, bool copy)
{
    if (view->dtype == CORE_F32 && core_is_contiguous(view))
        return view->data;
    int64_t n = core_numel(view);
    float *to = core_arena_alloc(ctx->arena, sizeof *to * (size_t)n);
    for (int64_t i = 0; copy && to && i < n; i++)
        to[i] = core_load(view, core_offset(view, i));
    return to;
}

static void store_dense(const float *from, const ea_view *view)
{
    if (from == view->data)
        return;
    for (int64_t i = 0; i < core_numel(view); i++)
        core_store(view, core_offset(view, i), from[i]);
}

/* --- Windows ---------------------------------------------------------------------------------- */

/* One term of a window: channel of the group, and where it lies relative to step·(position). */
typedef struct tap {
    int64_t channel, at[3];
} tap;

/* Windows over the planes of x, one for each position, row-major: term k of a window is x at
 * channel taps[k].channel, place step·position + taps[k].at, +0 outside. */
typedef struct windows {
    int64_t groups, channels; /* of a group */
    const float *x;
    int64_t in[3], step[3], count[3];
    const tap *taps;
    /* Where results go: place origin + spacing·position of a plane; channels of a group. */
    float *out;
    int64_t out_channels, out_plane[3], origin[3], spacing[3];
} windows;

static int64_t volume(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}

static void place_of(const int64_t count[3], int64_t position, int64_t place[3])
{
    place[2] = position % count[2];
    place[1] = position / count[2] % count[1];
    place[0] = position / count[2] / count[1];
}

/* Terms k … k + n − 1 of the window whose first corner is `corner`, `stride` apart in `to`. */
static void gather(const windows *w, const float *planes, const int64_t corner[3], int64_t k,
                   int64_t n, int64_t stride, float *to)
{
    for (const tap *t = w->taps + k; t < w->taps + k + n; t++, to += stride) {
        int64_t d = corner[0] + t->at[0], h = corner[1] + t->at[1], c = corner[2] + t->at[2];
        bool inside = (uint64_t)d < (uint64_t)w->in[0] && (uint64_t)h < (uint64_t)w->in[1] &&
                      (uint64_t)c < (uint64_t)w->in[2];
        *to = inside ? planes[((t->channel * w->in[0] + d) * w->in[1] + h) * w->in[2] + c] : 0.0f;
    }
}

/* Lines are positions, k are taps, batch entries are groups of images. */
static void pack_positions(const gemm_side *side, const gemm_box *box, float *to)
{
    const windows *w = side->self;
    const float *planes = w->x + box->batch * w->channels * volume(w->in);
    for (int64_t line = 0; line < box->lines; line += box->width, to += box->panel)
        for (int64_t i = 0; i < box->width; i++) {
            int64_t corner[3];
            if (line + i >= box->lines) {
                for (int64_t k = 0; k < box->terms; k++)
                    to[k * box->width + i] = 0;
                continue;
            }
            place_of(w->count, box->line + line + i, corner);
            for (int d = 0; d < 3; d++)
                corner[d] *= w->step[d];
            gather(w, planes, corner, box->k, box->terms, box->width, to + i);
        }
}

/* Lines are taps, k are positions of all images in turn, batch entries are groups. */
static void pack_taps(const gemm_side *side, const gemm_box *box, float *to)
{
    const windows *w = side->self;
    int64_t positions = volume(w->count);
    for (int64_t line = 0; line < box->lines; line += box->width, to += box->panel)
        for (int64_t k = 0; k < box->terms; k++) {
            int64_t image = (box->k + k) / positions, corner[3];
            const float *planes =
                w->x + (image * w->groups + box->batch) * w->channels * volume(w->in);
            place_of(w->count, (box->k + k) % positions, corner);
            for (int d = 0; d < 3; d++)
                corner[d] *= w->step[d];
            int64_t n = box->lines - line < box->width ? box->lines - line : box->width;
            float *row = to + k * box->width;
            gather(w, planes, corner, box->line + line, n, 1, row);
            for (int64_t i = n; i < box->width; i++)
                row[i] = 0;
        }
}

static void finish_positions(const gemm *g, int64_t batch, int64_t row, int64_t rows,
                             int64_t column, int64_t columns, const float *tile, int64_t tile_row)
{
    const windows *w = g->self;
    int64_t plane = volume(w->out_plane);
    float *out = w->out + (batch * w->out_channels + row) * plane;
    for (int64_t j = 0; j < columns; j++) {
        int64_t place[3], at = 0;
        place_of(w->count, column + j, place);
        for (int d = 0; d < 3; d++)
            at = at * w->out_plane[d] + w->origin[d] + place[d] * w->spacing[d];
        for (int64_t i = 0; i < rows; i++)
            out[i * plane + at] = tile[i * tile_row + j];
    }
}

/* Lines of neighbouring terms: `stride` from one line to the next. */
static void pack_lines(const gemm_side *side, const gemm_box *box, float *to)
{
    const float *from = side->plain + (side->offsets ? side->offsets[box->batch] : 0);
    box->kernels->gemm_pack_transpose(from + box->line * side->line_stride + box->k,
                                      side->line_stride, box->lines, box->width, box->terms,
                                      box->panel, to);
}

/* out = a · windows of each image and group, a being [group, out channel, term]. */
static ea_status run_windows(ea_context *ctx, const windows *w, int64_t images, int64_t terms,
                             const float *a)
{
    int64_t *offsets = core_arena_alloc(ctx->arena, sizeof *offsets * (size_t)(images * w->groups));
    if (!offsets)
        return no_memory(ctx);
    for (int64_t i = 0; i < images * w->groups; i++)
        offsets[i] = i % w->groups * w->out_channels * terms;
    gemm g = {
        .batch = images * w->groups,
        .rows = w->out_channels,
        .columns = volume(w->count),
        .terms = terms,
        .block = cpu_contract_block(ctx),
        .a = { .pack = pack_lines,
               .plain = a,
               .line_stride = terms,
               .k_stride = 1,
               .offsets = offsets },
        .b = { .pack = pack_positions, .self = w },
        .finish = finish_positions,
        .self = w,
    };
    return cpu_gemm(ctx, &g);
}

/* All kernel positions of all channels of a group, in the contract's order. */
static tap *all_taps(ea_context *ctx, const ref_conv3d *conv)
{
    int64_t kernel = volume(conv->kernel), terms = conv->in_channels * kernel;
    tap *taps = core_arena_alloc(ctx->arena, sizeof *taps * (size_t)terms);
    for (int64_t k = 0; taps && k < terms; k++) {
        taps[k].channel = k / kernel;
        place_of(conv->kernel, k % kernel, taps[k].at);
        for (int d = 0; d < 3; d++)
            taps[k].at[d] = taps[k].at[d] * conv->dilation[d] - conv->padding[d];
    }
    return taps;
}

/* --- Forward ---------------------------------------------------------------------------------- */

static void add_bias(const ea_view *bias, int64_t planes, int64_t plane, float *out)
{
    for (int64_t i = 0; i < planes; i++) {
        float value = core_load(bias, i % bias->shape[0] * bias->stride[0]);
        for (int64_t j = 0; j < plane; j++)
            out[i * plane + j] += value;
    }
}

ea_status cpu_conv3d_forward(ea_context *ctx, const ref_conv3d *conv, const ea_view *x,
                             const ea_view *weight, const ea_view *bias, const ea_view *out)
{
    int64_t terms = conv->in_channels * volume(conv->kernel);
    if (core_numel(out) == 0)
        return EA_OK;
    windows w = { .groups = conv->groups,
                  .channels = conv->in_channels,
                  .x = dense(ctx, x, true),
                  .taps = all_taps(ctx, conv),
                  .out = dense(ctx, out, false),
                  .out_channels = conv->out_channels,
                  .spacing = { 1, 1, 1 } };
    memcpy(w.in, conv->in, sizeof w.in);
    memcpy(w.step, conv->stride, sizeof w.step);
    memcpy(w.count, conv->out, sizeof w.count);
    memcpy(w.out_plane, conv->out, sizeof w.out_plane);
    const float *a = dense(ctx, weight, true);
    if (!w.x || !w.taps || !w.out || !a)
        return no_memory(ctx);
    if (terms == 0)
        memset(w.out, 0, sizeof *w.out * (size_t)core_numel(out));
    else
        EA_TRY(run_windows(ctx, &w, conv->images, terms, a));
    if (bias)
        add_bias(bias, core_numel(out) / volume(conv->out), volume(conv->out), w.out);
    store_dense(w.out, out);
    return EA_OK;
}

/* --- Input gradient --------------------------------------------------------------------------- */

/* The kernel positions j of an axis that reach input positions i ≡ `origin` (mod stride), and
 * where: output position (i − origin) / stride + shift[j]. Returns their number. */
static int64_t axis_taps(const ref_conv3d *conv, int d, int64_t origin, int64_t *position,
                         int64_t *shift)
{
    int64_t count = 0;
    for (int64_t j = 0; j < conv->kernel[d]; j++) {
        int64_t from = origin + conv->padding[d] - j * conv->dilation[d];
        if (from % conv->stride[d] != 0)
            continue;
        position[count] = j;
        shift[count++] = from / conv->stride[d];
    }
    return count;
}

/* The taps of the input positions with these remainders modulo the stride, and the weights that
 * belong to them: a[channel, term]. *terms < 0: no memory. */
static tap *phase_taps(ea_context *ctx, const ref_conv3d *conv, const float *weight,
                       const int64_t origin[3], int64_t *terms, float **a)
{
    int64_t *position[3], *shift[3], count[3];
    *terms = -1;
    for (int d = 0; d < 3; d++) {
        position[d] = core_arena_alloc(ctx->arena, sizeof(int64_t) * 2 * (size_t)conv->kernel[d]);
        if (!position[d])
            return NULL;
        shift[d] = position[d] + conv->kernel[d];
        count[d] = axis_taps(conv, d, origin[d], position[d], shift[d]);
    }
    int64_t each = volume(count), n = conv->out_channels * each;
    int64_t channels = conv->groups * conv->in_channels;
    tap *taps = core_arena_alloc(ctx->arena, sizeof *taps * (size_t)n);
    *a = core_arena_alloc(ctx->arena, sizeof **a * (size_t)(channels * n));
    if (!taps || !*a)
        return NULL;
    *terms = n;
    for (int64_t k = 0; k < n; k++) {
        int64_t place[3], at = 0;
        place_of(count, k % each, place);
        taps[k].channel = k / each;
        for (int d = 0; d < 3; d++) {
            at = at * conv->kernel[d] + position[d][place[d]];
            taps[k].at[d] = shift[d][place[d]];
        }
        for (int64_t i = 0; i < channels; i++) {
            int64_t oc = i / conv->in_channels * conv->out_channels + k / each;
            int64_t from = oc * conv->in_channels + i % conv->in_channels;
            (*a)[i * n + k] = weight[from * volume(conv->kernel) + at];
        }
    }
    return taps;
}

static ea_status run_phase(ea_context *ctx, const ref_conv3d *conv, const float *grad,
                           const float *weight, const int64_t origin[3], float *out)
{
    int64_t terms;
    float *a;
    windows w = { .groups = conv->groups,
                  .channels = conv->out_channels,
                  .x = grad,
                  .step = { 1, 1, 1 },
                  .taps = phase_taps(ctx, conv, weight, origin, &terms, &a),
                  .out = out,
                  .out_channels = conv->in_channels };
    if (terms < 0)
        return no_memory(ctx);
    if (terms == 0) /* every element is an empty sum; out is zeroed */
        return EA_OK;
    memcpy(w.in, conv->out, sizeof w.in);
    memcpy(w.out_plane, conv->in, sizeof w.out_plane);
    memcpy(w.origin, origin, sizeof w.origin);
    memcpy(w.spacing, conv->stride, sizeof w.spacing);
    for (int d = 0; d < 3; d++)
        w.count[d] = (conv->in[d] - origin[d] + conv->stride[d] - 1) / conv->stride[d];
    return run_windows(ctx, &w, conv->images, terms, a);
}

/* The input positions with one remainder of each axis modulo the stride share their terms. */
ea_status cpu_conv3d_backward_input(ea_context *ctx, const ref_conv3d *conv,
                                    const ea_view *grad_out, const ea_view *weight,
                                    const ea_view *grad_x)
{
    if (core_numel(grad_x) == 0)
        return EA_OK;
    const float *grad = dense(ctx, grad_out, true), *y = dense(ctx, weight, true);
    float *result = dense(ctx, grad_x, false);
    if (!grad || !y || !result)
        return no_memory(ctx);
    memset(result, 0, sizeof *result * (size_t)core_numel(grad_x));
    int64_t phases[3], origin[3];
    for (int d = 0; d < 3; d++)
        phases[d] = conv->stride[d] < conv->in[d] ? conv->stride[d] : conv->in[d];
    for (int64_t i = 0; i < volume(phases); i++) {
        core_mark mark = core_arena_mark(ctx->arena);
        place_of(phases, i, origin);
        EA_TRY(run_phase(ctx, conv, grad, y, origin, result));
        core_arena_release(ctx->arena, mark);
    }
    store_dense(result, grad_x);
    return EA_OK;
}

/* --- Weight gradient -------------------------------------------------------------------------- */

typedef struct grad_lines {
    const float *grad; /* [image, group, channel, position] */
    int64_t groups, channels, positions;
} grad_lines;

/* Lines are output channels, k are positions of all images in turn, batch entries are groups. One
 * panel after the other: the packing of one may reach into what follows it. */
static void pack_grad(const gemm_side *side, const gemm_box *box, float *to)
{
    const grad_lines *g = side->self;
    for (int64_t line = 0; line < box->lines; line += box->width, to += box->panel)
        for (int64_t k = 0, n; k < box->terms; k += n) {
            int64_t image = (box->k + k) / g->positions, at = (box->k + k) % g->positions;
            int64_t lines = box->lines - line < box->width ? box->lines - line : box->width;
            n = g->positions - at < box->terms - k ? g->positions - at : box->terms - k;
            int64_t channel = (image * g->groups + box->batch) * g->channels + box->line + line;
            box->kernels->gemm_pack_transpose(g->grad + channel * g->positions + at, g->positions,
                                              lines, box->width, n, box->panel,
                                              to + k * box->width);
        }
}

ea_status cpu_conv3d_backward_weight(ea_context *ctx, const ref_conv3d *conv,
                                     const ea_view *grad_out, const ea_view *x,
                                     const ea_view *grad_weight)
{
    if (core_numel(grad_weight) == 0)
        return EA_OK;
    grad_lines lines = { .grad = dense(ctx, grad_out, true),
                         .groups = conv->groups,
                         .channels = conv->out_channels,
                         .positions = volume(conv->out) };
    windows w = { .groups = conv->groups,
                  .channels = conv->in_channels,
                  .x = dense(ctx, x, true),
                  .taps = all_taps(ctx, conv) };
    memcpy(w.in, conv->in, sizeof w.in);
    memcpy(w.step, conv->stride, sizeof w.step);
    memcpy(w.count, conv->out, sizeof w.count);
    int64_t taps = conv->in_channels * volume(conv->kernel);
    float *result = dense(ctx, grad_weight, false);
    int64_t *offsets = core_arena_alloc(ctx->arena, sizeof *offsets * (size_t)conv->groups);
    if (!lines.grad || !w.x || !w.taps || !result || !offsets)
        return no_memory(ctx);
    for (int64_t i = 0; i < conv->groups; i++)
        offsets[i] = i * conv->out_channels * taps;
    gemm g = {
        .batch = conv->groups,
        .rows = conv->out_channels,
        .columns = taps,
        .terms = conv->images * lines.positions,
        .block = cpu_contract_block(ctx),
        .a = { .pack = pack_grad, .self = &lines },
        .b = { .pack = pack_taps, .self = &w },
        .out = result,
        .out_row = taps,
        .out_offsets = offsets,
    };
    if (g.terms == 0)
        memset(result, 0, sizeof *result * (size_t)core_numel(grad_weight));
    else
        EA_TRY(cpu_gemm(ctx, &g));
    store_dense(result, grad_weight);
    return EA_OK;
}
