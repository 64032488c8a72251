/* conv_weight.c: the weight gradient of a convolution.
 *
 * Its chains run over all pixels of all images, so they are long and few, and cannot be split. A
 * tile holds a few kernel positions times a panel of output channels in registers and walks along
 * the pixels; x is read in place from padded planes, grad from a copy in which the channels of a
 * pixel are neighbours. Images are taken in portions of a bounded size; between portions the chains
 * rest in memory.
 *
 * A depthwise convolution (one channel in and out of each group) is taken as one group whose output
 * channels are all channels; then x lies as grad does, the channels of a panel being neighbours.
 */
#include "core/memory.h"
#include "core/pool.h"
#include "cpu/conv_engine.h"
#include "cpu/sizes.h"

#include <string.h>

enum { PORTION = 8 << 20 /* floats of padded x and transposed grad */, SERIAL_WORK = 1 << 18 };

typedef struct weight_plan {
    ref_conv conv; /* of a depthwise convolution: with one group */
    bool depthwise;
    const cpu_kernels *kernels;
    int64_t block;
    const float *grad, *x;
    float *grad_weight;
    int vectors, width; /* of a panel of output channels */
    int64_t panels;     /* of a group */
    int64_t taps, tile_taps, tap_tiles;
    int64_t padded[2];
    int64_t first_image, images; /* the portion */
    int64_t x_planes, x_width;   /* of an image: channels, 1; depthwise: panels, width */
    float *padded_x;             /* [image, plane, row, column, x_width] */
    float *panel_grad;           /* [image, group, panel, pixel, channel] */
    int64_t *offset;             /* of each tap in an image of padded_x */
    float *chain, *total;        /* [group, panel, tap, channel] */
} weight_plan;

/* --- Preparing a portion -----------------------------------------------------------------------
 */

/* Row h of a plane of padded_x. */
static void pad_row(const weight_plan *p, int64_t plane, int64_t h, float *to)
{
    const ref_conv *conv = &p->conv;
    int64_t columns = conv->in[1], size = conv->in[0] * columns;
    if (!p->depthwise) {
        int64_t first = p->first_image * p->x_planes;
        memcpy(to, p->x + (first + plane) * size + h * columns, sizeof *to * (size_t)columns);
        return;
    }
    int64_t image = p->first_image + plane / p->panels, channel = plane % p->panels * p->width;
    p->kernels->gemm_pack_transpose(
        p->x + (image * conv->out_channels + channel) * size + h * columns, size,
        smaller(p->width, conv->out_channels - channel), p->width, columns, 0, to);
}

/* Items are the planes of the portion. */
static void pad_planes(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const weight_plan *p = argument;
    const ref_conv *conv = &p->conv;
    int64_t row = p->padded[1] * p->x_width;
    for (int64_t i = begin; i < end; i++) {
        float *to = p->padded_x + i * p->padded[0] * row;
        memset(to, 0, sizeof *to * (size_t)(p->padded[0] * row));
        to += conv->padding[0] * row + conv->padding[1] * p->x_width;
        for (int64_t h = 0; h < conv->in[0]; h++)
            pad_row(p, i, h, to + h * row);
    }
}

/* Items are (image, group, panel). */
static void transpose_grad(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const weight_plan *p = argument;
    const ref_conv *conv = &p->conv;
    int64_t pixels = conv->out[0] * conv->out[1];
    for (int64_t i = begin; i < end; i++) {
        int64_t channel = i % p->panels * p->width, plane = i / p->panels * conv->out_channels;
        const float *from =
            p->grad +
            (p->first_image * conv->groups * conv->out_channels + plane + channel) * pixels;
        p->kernels->gemm_pack_transpose(from, pixels,
                                        smaller(p->width, conv->out_channels - channel), p->width,
                                        pixels, 0, p->panel_grad + i * pixels * p->width);
    }
}

/* --- Computing ----------------------------------------------------------------------------------
 */

/* A block of the chain is complete: it becomes or joins the total. */
static void close_block(const weight_plan *p, int64_t terms_before, int64_t count, int64_t at)
{
    if (terms_before < p->block)
        memcpy(p->total + at, p->chain + at, sizeof(float) * (size_t)count);
    else
        for (int64_t i = at; i < at + count; i++)
            p->total[i] += p->chain[i];
}

/* `rows` taps from `tap` of one group and panel, over the pixels of one image. */
static void tile_image(const weight_plan *p, int64_t image, int64_t group, int64_t panel,
                       int64_t tap, int rows)
{
    const ref_conv *conv = &p->conv;
    int64_t pixels = conv->out[0] * conv->out[1], plane = p->padded[0] * p->padded[1];
    int64_t first_plane = p->depthwise ? panel : group * conv->in_channels;
    int64_t at = ((group * p->panels + panel) * p->taps + tap) * p->width;
    const float *x = p->padded_x + (image * p->x_planes + first_plane) * plane * p->x_width;
    const float *g =
        p->panel_grad + ((image * conv->groups + group) * p->panels + panel) * pixels * p->width;
    int64_t step = conv->stride[1] * p->x_width;
    int64_t row_step = conv->stride[0] * p->padded[1] * p->x_width;
    cpu_conv_pixels job = {
        .rows = rows,
        .vectors = p->vectors,
        .depthwise = p->depthwise,
        .offset = p->offset + tap,
        .step = step,
        .next_row = row_step - conv->out[1] * step,
        .columns = conv->out[1],
        .sum = p->chain + at,
    };
    for (int64_t pixel = 0; pixel < pixels; pixel += job.terms) {
        int64_t term = (p->first_image + image) * pixels + pixel, in_block = term % p->block;
        job.terms = smaller(pixels - pixel, p->block - in_block);
        job.fresh = in_block == 0;
        job.column = pixel % conv->out[1];
        job.x = x + pixel / conv->out[1] * row_step + job.column * step;
        job.g = g + pixel * p->width;
        p->kernels->conv_pixels(&job);
        bool last = term + job.terms == conv->images * pixels;
        if (in_block + job.terms == p->block || last)
            close_block(p, term, rows * p->width, at);
    }
}

/* Items are (group, panel, tap tile). */
static void run_tiles(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const weight_plan *p = argument;
    for (int64_t i = begin; i < end; i++) {
        int64_t tap = i % p->tap_tiles * p->tile_taps, panel = i / p->tap_tiles % p->panels;
        int rows = (int)smaller(p->tile_taps, p->taps - tap);
        for (int64_t image = 0; image < p->images; image++)
            tile_image(p, image, i / p->tap_tiles / p->panels, panel, tap, rows);
    }
}

/* From [group, panel, tap, channel] to [group, channel, tap]. */
static void store_result(const weight_plan *p)
{
    const ref_conv *conv = &p->conv;
    for (int64_t group = 0; group < conv->groups; group++)
        for (int64_t o = 0; o < conv->out_channels; o++) {
            int64_t panel = group * p->panels + o / p->width;
            const float *from = p->total + panel * p->taps * p->width + o % p->width;
            float *to = p->grad_weight + (group * conv->out_channels + o) * p->taps;
            for (int64_t t = 0; t < p->taps; t++)
                to[t] = from[t * p->width];
        }
}

/* --- The plan -----------------------------------------------------------------------------------
 */

static void choose_tiles(weight_plan *p)
{
    const ref_conv *conv = &p->conv;
    bool one = p->depthwise || conv->out_channels <= p->kernels->lanes;
    p->vectors = one ? 1 : p->kernels->conv_vectors;
    p->width = p->vectors * p->kernels->lanes;
    p->panels = (conv->out_channels + p->width - 1) / p->width;
    p->taps = conv->in_channels * conv->kernel[0] * conv->kernel[1];
    int64_t most = p->vectors == 1 ? p->kernels->conv_wide_rows : p->kernels->gemm_rows;
    p->tap_tiles = (p->taps + most - 1) / most;
    p->tile_taps = (p->taps + p->tap_tiles - 1) / p->tap_tiles;
    p->tap_tiles = (p->taps + p->tile_taps - 1) / p->tile_taps;
    p->x_width = p->depthwise ? p->width : 1;
    p->x_planes = p->depthwise ? p->panels : conv->groups * conv->in_channels;
    for (int d = 0; d < 2; d++)
        p->padded[d] = conv->in[d] + 2 * conv->padding[d];
}

static void set_offsets(const weight_plan *p)
{
    const ref_conv *conv = &p->conv;
    int64_t *offset = p->offset;
    for (int64_t c = 0; c < conv->in_channels; c++)
        for (int64_t kh = 0; kh < conv->kernel[0]; kh++)
            for (int64_t kw = 0; kw < conv->kernel[1]; kw++)
                *offset++ = ((c * p->padded[0] + kh * conv->dilation[0]) * p->padded[1] +
                             kw * conv->dilation[1]) *
                            p->x_width;
}

ea_status cpu_conv_weight(ea_context *ctx, const ref_conv *conv, int64_t block, const float *grad,
                          const float *x, float *grad_weight)
{
    weight_plan p = { .conv = *conv,
                      .kernels = cpu_kernels_of(ctx),
                      .block = block,
                      .grad = grad,
                      .x = x,
                      .grad_weight = grad_weight };
    int64_t channels = conv->groups * conv->out_channels;
    if (conv->images == 0) {
        int64_t lines = channels * conv->in_channels;
        memset(grad_weight, 0,
               sizeof *grad_weight * (size_t)(lines * conv->kernel[0] * conv->kernel[1]));
        return EA_OK;
    }
    p.depthwise = conv->groups > 1 && conv->in_channels == 1 && conv->out_channels == 1;
    if (p.depthwise) {
        p.conv.groups = 1;
        p.conv.out_channels = channels;
    }
    choose_tiles(&p);
    int64_t pixels = conv->out[0] * conv->out[1], panels = p.conv.groups * p.panels;
    int64_t plane_size = p.padded[0] * p.padded[1] * p.x_width;
    int64_t x_size = p.x_planes * plane_size, grad_size = panels * pixels * p.width;
    int64_t portion = PORTION / (x_size + grad_size);
    portion = portion < 1 ? 1 : smaller(portion, conv->images);
    int64_t results = panels * p.taps * p.width;
    p.padded_x = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(portion * x_size));
    p.panel_grad = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)(portion * grad_size));
    p.offset = core_arena_alloc(ctx->arena, sizeof *p.offset * (size_t)p.taps);
    p.chain = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)results);
    p.total = core_arena_alloc(ctx->arena, sizeof(float) * (size_t)results);
    if (!p.padded_x || !p.panel_grad || !p.offset || !p.chain || !p.total)
        return cpu_conv_no_memory(ctx);
    set_offsets(&p);
    for (p.first_image = 0; p.first_image < conv->images; p.first_image += portion) {
        p.images = smaller(portion, conv->images - p.first_image);
        int64_t work = p.images * pixels * p.tile_taps * p.width;
        core_parallel(ctx, p.images * p.x_planes, SERIAL_WORK / 8 / plane_size + 1, pad_planes, &p);
        core_parallel(ctx, p.images * panels, SERIAL_WORK / 8 / (pixels * p.width) + 1,
                      transpose_grad, &p);
        core_parallel(ctx, panels * p.tap_tiles, SERIAL_WORK / (work + 1) + 1, run_tiles, &p);
    }
    store_result(&p);
    return EA_OK;
}
