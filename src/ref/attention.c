/* attention.c: definition of attention's weights. */
#include "ref/attention.h"
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* fl(scale·x), then the mask. A floating-point mask is added; the rest of a row that is excluded
 * becomes −∞, whatever it was. */
bool ref_mask_scores(const ref_scores *s, int64_t row)
{
    int64_t m = s->scores.shape[2], place = row % s->scores.shape[1];
    float *x = (float *)s->scores.data + row * m;
    bool sees = false;
    for (int64_t j = 0; j < m; j++) {
        x[j] = s->scale * x[j];
        if (s->mask) {
            int64_t at = core_offset(s->mask, row * m + j);
            if (CORE_BIT(s->mask->dtype) & CORE_FLOATS)
                x[j] = x[j] + core_load(s->mask, at);
            else if (!core_load_index(s->mask, at))
                x[j] = -INFINITY;
        }
        if (s->causal && j > place)
            x[j] = -INFINITY;
        sees = sees || x[j] != -INFINITY;
    }
    return sees;
}

float ref_attention_scale(double scale, int64_t dim)
{
    return (float)(scale != 0 ? scale : 1 / sqrt((double)dim));
}

ea_status ref_attention_weights(ea_context *ctx, const ref_scores *s)
{
    int64_t rows = s->scores.shape[0] * s->scores.shape[1], m = s->scores.shape[2];
    for (int64_t row = 0; row < rows; row++)
        ref_mask_scores(s, row);
    EA_TRY(ref_softmax(ctx, &s->scores, &s->weights));
    for (int64_t row = 0; row < rows; row++) {
        const float *x = (const float *)s->scores.data + row * m;
        bool sees = false;
        for (int64_t j = 0; j < m; j++)
            sees = sees || x[j] != -INFINITY;
        if (!sees)
            memset((float *)s->weights.data + row * m, 0, (size_t)m * sizeof(float));
    }
    return EA_OK;
}

ea_status ref_scale_scores(ea_context *ctx, const ref_scores *s)
{
    (void)ctx;
    float *x = s->scores.data;
    for (int64_t i = 0; i < core_numel(&s->scores); i++)
        x[i] = s->scale * x[i];
    return EA_OK;
}
