/* layout.c: a model's matrices as panels, all in one block of memory.
 *
 * Read where they are mapped, lines that are pages apart and must be transposed give a fraction of
 * the memory's speed (docs/performance.md has the measurement); panels are read in order.
 */
#include "core/memory.h"
#include "llm/model.h"
#include "llm/steps.h"

/* The model's matrix number `index`, NULL when there are no more. */
static llm_matrix *matrix_at(llm_model *m, int64_t index)
{
    enum { OUTER = 5, UNIT = 3 };
    int64_t experts = m->config.experts;
    int64_t of_layer = OUTER + UNIT * (experts > 0 ? experts : 1);
    if (index == m->config.layers * of_layer)
        return &m->output;
    if (index > m->config.layers * of_layer)
        return NULL;
    llm_layer *layer = &m->layers[index / of_layer];
    int64_t i = index % of_layer;
    if (i < OUTER)
        return (llm_matrix *[]){ &layer->q, &layer->k, &layer->v, &layer->o, &layer->router }[i];
    llm_unit *unit = experts > 0 ? &layer->experts[(i - OUTER) / UNIT] : &layer->unit;
    return (llm_matrix *[]){ &unit->gate, &unit->up, &unit->down }[(i - OUTER) % UNIT];
}

/* Some families lack some. */
static bool exists(const llm_matrix *matrix)
{
    return matrix->lines.data || matrix->weight.data;
}

static ref_quant format_of(const llm_matrix *matrix)
{
    if (matrix->lines.data)
        return cpu_panels_format(matrix->lines.format);
    return matrix->weight.dtype == CORE_F32   ? REF_QUANT_F32
           : matrix->weight.dtype == CORE_F16 ? REF_QUANT_F16
                                              : REF_QUANT_BF16;
}

static size_t bytes_of(const llm_matrix *matrix)
{
    return cpu_panels_bytes(format_of(matrix), matrix->weight.shape[0], matrix->weight.shape[1]);
}

ea_status llm_model_lay_out(ea_context *ctx, llm_model *m)
{
    size_t bytes = 0;
    llm_matrix *matrix;
    if (llm_by_definition(ctx))
        return EA_OK;
    for (int64_t i = 0; (matrix = matrix_at(m, i)); i++)
        bytes += exists(matrix) ? bytes_of(matrix) : 0;
    m->panels = core_alloc(bytes);
    if (!m->panels)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %zu bytes of weights",
                         m->source.path, bytes);
    unsigned char *at = m->panels;
    for (int64_t i = 0; (matrix = matrix_at(m, i)); i++) {
        if (!exists(matrix))
            continue;
        matrix->panels =
            (cpu_panels){ format_of(matrix), matrix->weight.shape[0], matrix->weight.shape[1], at };
        if (matrix->lines.data)
            cpu_panels_from_lines(ctx, &matrix->lines, &matrix->panels);
        else
            cpu_panels_from_view(ctx, &matrix->weight, &matrix->panels);
        at += bytes_of(matrix);
    }
    return EA_OK;
}
