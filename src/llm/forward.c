/* forward.c: one step of a model over rows of any sequences. */
#include "core/fp.h"
#include "core/memory.h"
#include "core/pool.h"
#include "llm/model.h"
#include "llm/steps.h"

#include <math.h>
#include <string.h>

/* What one step works with; all memory is from the context's arena. */
typedef struct step {
    ea_context *ctx;
    const llm_model *model;
    const llm_row *rows;
    int64_t count;
    int page;
    float *x, *normal;        /* [count, hidden] */
    float *q, *k, *v, *mixed; /* [count, heads or kv_heads, dim] */
    float *gate, *up;         /* [count, inner] */
    float *cosine, *sine;     /* [count, dim / 2] */
    int64_t *last;
    float *const **pages;
} step;

static ea_status floats(ea_context *ctx, int64_t n, float **out)
{
    *out = core_arena_alloc(ctx->arena, (size_t)n * sizeof **out);
    return *out ? EA_OK
                : core_fail(ctx, EA_ERR_MEMORY, "no memory for %lld numbers of a model's step",
                            (long long)n);
}

/* The definition makes floats of formats of blocks first. */
static ea_status define_projection(ea_context *ctx, const llm_matrix *matrix, const float *x,
                                   int64_t rows, float *out)
{
    int64_t in = matrix->weight.shape[0], columns = matrix->weight.shape[1];
    const ref_lines *lines = &matrix->lines;
    ea_view weight = matrix->weight;
    if (lines->data) {
        float *all;
        EA_TRY(floats(ctx, in * columns, &all));
        for (int64_t i = 0; i < in * columns; i++)
            all[i] =
                ref_dequantize(lines->format, lines->data + i / in * lines->line_bytes, i % in);
        weight.data = all;
    }
    ref_projection(rows, x, &weight, matrix->bias, out);
    return EA_OK;
}

static ea_status project(ea_context *ctx, const llm_matrix *matrix, const float *x, int64_t rows,
                         float *out)
{
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = matrix->panels.data
                           ? cpu_matmul_panels(ctx, rows, x, &matrix->panels, matrix->bias, out)
                           : define_projection(ctx, matrix, x, rows, out);
    core_arena_release(ctx->arena, mark);
    return status;
}

static void norm(const step *s, const llm_norm *weights, const float *x, int64_t rows, float *out)
{
    const llm_config *c = &s->model->config;
    if (s->model->family->layer_norm)
        llm_layer_norm(s->ctx, rows, c->hidden, x, weights->weight, weights->bias, c->eps, out);
    else
        llm_rms_norm(s->ctx, rows, c->hidden, x, weights->weight, c->eps, out);
}

/* --- Embedding and positions -------------------------------------------------------------------
 */

static ea_status check_rows(const step *s)
{
    const llm_config *c = &s->model->config;
    for (int64_t i = 0; i < s->count; i++) {
        if (s->rows[i].token < 0 || s->rows[i].token >= c->vocab)
            return core_fail(s->ctx, EA_ERR_ARGUMENT, "token %d: the vocabulary has %lld",
                             (int)s->rows[i].token, (long long)c->vocab);
        if (s->rows[i].position < 0 || s->rows[i].position >= c->context)
            return core_fail(s->ctx, EA_ERR_ARGUMENT, "position %lld: the model's context is %lld",
                             (long long)s->rows[i].position, (long long)c->context);
    }
    return EA_OK;
}

static void embed(const step *s)
{
    const llm_model *m = s->model;
    int64_t n = m->config.hidden;
    for (int64_t i = 0; i < s->count; i++) {
        float *x = s->x + i * n;
        const ref_lines *lines = &m->embedding.lines;
        for (int64_t j = 0; j < n; j++)
            x[j] = lines->data
                       ? ref_dequantize(lines->format,
                                        lines->data + s->rows[i].token * lines->line_bytes, j)
                       : core_load(&m->embedding.weight, s->rows[i].token * n + j);
        for (int64_t j = 0; m->positions.data && j < n; j++)
            x[j] += core_load(&m->positions, s->rows[i].position * n + j);
        for (int64_t j = 0; m->token_type && j < n; j++)
            x[j] += m->token_type[j];
        s->last[i] = s->rows[i].last;
        s->pages[i] = s->rows[i].pages;
    }
}

static void angles_of_rows(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const step *s = argument;
    int half = (int)s->model->config.dim / 2;
    for (int64_t i = begin; i < end; i++)
        ref_rope_angles(s->rows[i].position, s->model->frequencies, half, s->cosine + i * half,
                        s->sine + i * half);
}

static void turn_rows(const step *s, float *heads, int64_t count)
{
    const llm_config *c = &s->model->config;
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t h = 0; h < count; h++)
            ref_rope_turn(heads + (i * count + h) * c->dim, (int)c->dim, s->cosine + i * c->dim / 2,
                          s->sine + i * c->dim / 2, c->adjacent_pairs);
}

/* --- Attention ---------------------------------------------------------------------------------
 */

int64_t llm_page_floats(const llm_config *c, int page)
{
    return c->layers * 2 * c->kv_heads * c->dim * page;
}

/* Writes the rows' keys and values to their places (ref/transformer.h says where). */
static void store(const step *s, int64_t offset)
{
    const llm_config *c = &s->model->config;
    for (int64_t i = 0; i < s->count; i++) {
        int64_t at = s->rows[i].position % s->page;
        float *keys = s->rows[i].pages[s->rows[i].position / s->page] + offset;
        float *values = keys + c->kv_heads * c->dim * s->page;
        for (int64_t h = 0; h < c->kv_heads; h++) {
            int64_t from = (i * c->kv_heads + h) * c->dim;
            for (int64_t d = 0; d < c->dim; d++)
                keys[(h * c->dim + d) * s->page + at] = s->k[from + d];
            memcpy(values + (h * s->page + at) * c->dim, s->v + from,
                   (size_t)c->dim * sizeof *values);
        }
    }
}

/* Adds the attention of `in` to x. */
static ea_status attend(const step *s, const llm_layer *layer, int64_t index, const float *in)
{
    const llm_config *c = &s->model->config;
    EA_TRY(project(s->ctx, &layer->q, in, s->count, s->q));
    EA_TRY(project(s->ctx, &layer->k, in, s->count, s->k));
    EA_TRY(project(s->ctx, &layer->v, in, s->count, s->v));
    if (layer->q_norm)
        llm_rms_norm(s->ctx, s->count * c->heads, c->dim, s->q, layer->q_norm, c->eps, s->q);
    if (layer->k_norm)
        llm_rms_norm(s->ctx, s->count * c->kv_heads, c->dim, s->k, layer->k_norm, c->eps, s->k);
    if (c->rope.theta > 0) {
        turn_rows(s, s->q, c->heads);
        turn_rows(s, s->k, c->kv_heads);
    }
    int64_t offset = index * 2 * c->kv_heads * c->dim * s->page;
    store(s, offset);
    llm_attend(s->ctx, &(ref_attention){ .rows = s->count,
                                         .heads = (int)c->heads,
                                         .kv_heads = (int)c->kv_heads,
                                         .dim = (int)c->dim,
                                         .q = s->q,
                                         .position = s->last,
                                         .pages = s->pages,
                                         .page = s->page,
                                         .offset = offset,
                                         .scale = (float)(1 / sqrt((double)c->dim)),
                                         .window = index >= c->window_from ? c->window : 0,
                                         .out = s->mixed });
    EA_TRY(project(s->ctx, &layer->o, s->mixed, s->count, s->normal));
    llm_accumulate(s->ctx, s->count * c->hidden, s->x, s->normal);
    return EA_OK;
}

/* --- Feed-forward ------------------------------------------------------------------------------
 */

/* in and out [rows, hidden] may be the same. */
static ea_status feed_forward(const step *s, const llm_unit *unit, const float *in, int64_t rows,
                              float *out)
{
    int64_t n = rows * s->model->config.inner;
    EA_TRY(project(s->ctx, &unit->up, in, rows, s->up));
    if (s->model->family->gelu) {
        if (s->model->family->encoder)
            llm_gelu(s->ctx, n, s->up);
        else
            llm_gelu_tanh(s->ctx, n, s->up);
        return project(s->ctx, &unit->down, s->up, rows, out);
    }
    EA_TRY(project(s->ctx, &unit->gate, in, rows, s->gate));
    llm_silu_mul(s->ctx, n, s->gate, s->up);
    return project(s->ctx, &unit->down, s->gate, rows, out);
}

/* The rows that chose an expert, gathered, through it, and added to `sum` with their weights. */
static ea_status run_expert(const step *s, const llm_unit *unit, int expert, const int *chosen,
                            const float *weights, float *gathered, float *sum)
{
    int64_t n = s->model->config.hidden, used = s->model->config.experts_used, rows = 0;
    for (int64_t i = 0; i < s->count * used; i++)
        if (chosen[i] == expert)
            memcpy(gathered + rows++ * n, s->normal + i / used * n, (size_t)n * sizeof *gathered);
    if (rows == 0)
        return EA_OK;
    EA_TRY(feed_forward(s, unit, gathered, rows, gathered));
    const float *result = gathered;
    for (int64_t i = 0; i < s->count * used; i++) {
        if (chosen[i] != expert)
            continue;
        float *row = sum + i / used * n;
        for (int64_t j = 0; j < n; j++) {
            float weighted = weights[i] * result[j];
            row[j] += weighted;
        }
        result += n;
    }
    return EA_OK;
}

/* Adds the experts' results for `normal` to x. */
static ea_status mix_experts(const step *s, const llm_layer *layer)
{
    const llm_config *c = &s->model->config;
    float *logits, *weights, *gathered, *sum;
    EA_TRY(floats(s->ctx, s->count * c->experts, &logits));
    EA_TRY(floats(s->ctx, s->count * c->experts_used, &weights));
    EA_TRY(floats(s->ctx, s->count * c->hidden, &gathered));
    EA_TRY(floats(s->ctx, s->count * c->hidden, &sum));
    int *chosen =
        core_arena_alloc(s->ctx->arena, (size_t)(s->count * c->experts_used) * sizeof *chosen);
    if (!chosen)
        return core_fail(s->ctx, EA_ERR_MEMORY, "no memory to choose experts");
    EA_TRY(project(s->ctx, &layer->router, s->normal, s->count, logits));
    for (int64_t i = 0; i < s->count; i++)
        ref_route((int)c->experts, (int)c->experts_used, c->normalize_experts,
                  logits + i * c->experts, chosen + i * c->experts_used,
                  weights + i * c->experts_used);
    memset(sum, 0, (size_t)(s->count * c->hidden) * sizeof *sum);
    for (int e = 0; e < (int)c->experts; e++)
        EA_TRY(run_expert(s, &layer->experts[e], e, chosen, weights, gathered, sum));
    llm_accumulate(s->ctx, s->count * c->hidden, s->x, sum);
    return EA_OK;
}

/* --- The step ----------------------------------------------------------------------------------
 */

static ea_status allocate(step *s)
{
    const llm_config *c = &s->model->config;
    EA_TRY(floats(s->ctx, s->count * c->hidden, &s->x));
    EA_TRY(floats(s->ctx, s->count * c->hidden, &s->normal));
    EA_TRY(floats(s->ctx, s->count * c->heads * c->dim, &s->q));
    EA_TRY(floats(s->ctx, s->count * c->heads * c->dim, &s->mixed));
    EA_TRY(floats(s->ctx, s->count * c->kv_heads * c->dim, &s->k));
    EA_TRY(floats(s->ctx, s->count * c->kv_heads * c->dim, &s->v));
    EA_TRY(floats(s->ctx, s->count * c->inner, &s->gate));
    EA_TRY(floats(s->ctx, s->count * c->inner, &s->up));
    EA_TRY(floats(s->ctx, s->count * c->dim / 2, &s->cosine));
    EA_TRY(floats(s->ctx, s->count * c->dim / 2, &s->sine));
    s->last = core_arena_alloc(s->ctx->arena, (size_t)s->count * sizeof *s->last);
    s->pages = core_arena_alloc(s->ctx->arena, (size_t)s->count * sizeof *s->pages);
    return s->last && s->pages
               ? EA_OK
               : core_fail(s->ctx, EA_ERR_MEMORY, "no memory for %lld rows", (long long)s->count);
}

/* The norms come after what is added to x. */
static ea_status run_encoder_layer(const step *s, int64_t i)
{
    const llm_layer *layer = &s->model->layers[i];
    EA_TRY(attend(s, layer, i, s->x));
    norm(s, &layer->norm1, s->x, s->count, s->x);
    EA_TRY(feed_forward(s, &layer->unit, s->x, s->count, s->normal));
    llm_accumulate(s->ctx, s->count * s->model->config.hidden, s->x, s->normal);
    norm(s, &layer->norm2, s->x, s->count, s->x);
    return EA_OK;
}

static ea_status run_layer(const step *s, int64_t i)
{
    const llm_layer *layer = &s->model->layers[i];
    if (s->model->family->encoder)
        return run_encoder_layer(s, i);
    norm(s, &layer->norm1, s->x, s->count, s->normal);
    EA_TRY(attend(s, layer, i, s->normal));
    norm(s, &layer->norm2, s->x, s->count, s->normal);
    if (s->model->config.experts > 0)
        return mix_experts(s, layer);
    EA_TRY(feed_forward(s, &layer->unit, s->normal, s->count, s->normal));
    llm_accumulate(s->ctx, s->count * s->model->config.hidden, s->x, s->normal);
    return EA_OK;
}

static ea_status forward(step *s, float *hidden)
{
    int64_t n = s->model->config.hidden;
    EA_TRY(check_rows(s));
    EA_TRY(allocate(s));
    embed(s);
    if (s->model->family->encoder)
        norm(s, &s->model->embedding_norm, s->x, s->count, s->x);
    if (s->model->config.rope.theta > 0)
        core_parallel(s->ctx, s->count, 4, angles_of_rows, s);
    for (int64_t i = 0; i < s->model->config.layers; i++) {
        core_mark mark = core_arena_mark(s->ctx->arena);
        EA_TRY(run_layer(s, i));
        core_arena_release(s->ctx->arena, mark);
    }
    for (int64_t i = 0; i < s->count; i++)
        if (s->rows[i].wanted) {
            if (s->model->family->encoder)
                memcpy(hidden, s->x + i * n, (size_t)n * sizeof *hidden);
            else
                norm(s, &s->model->final_norm, s->x + i * n, 1, hidden);
            hidden += n;
        }
    return EA_OK;
}

ea_status llm_forward(ea_context *ctx, const llm_model *model, const llm_row *rows, int64_t count,
                      int page, float *hidden)
{
    step s = { .ctx = ctx, .model = model, .rows = rows, .count = count, .page = page };
    core_fp saved = core_fp_enter();
    core_mark mark = core_arena_mark(ctx->arena);
    ea_status status = forward(&s, hidden);
    core_arena_release(ctx->arena, mark);
    core_fp_leave(saved);
    return status;
}

ea_status llm_logits(ea_context *ctx, const llm_model *model, const float *hidden, int64_t rows,
                     float *logits)
{
    core_fp saved = core_fp_enter();
    ea_status status = project(ctx, &model->output, hidden, rows, logits);
    core_fp_leave(saved);
    return status;
}
