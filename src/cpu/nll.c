/* nll.c: see nll.h. */
#include "cpu/nll.h"
#include "cpu/isa/isa.h"

#include <math.h>

/* --- Classes ---------------------------------------------------------------------------------- */

bool cpu_nll_rows(const ref_nll *nll, int64_t begin, int64_t end, float *losses, float *weights)
{
    const ea_view *x = &nll->x, *w = &nll->weight;
    if (!nll->indices || nll->smoothing != 0 || x->ndim != 2 || x->dtype != CORE_F32 ||
        (nll->weighted && w->dtype != CORE_F32))
        return false;
    const float *row = x->data, *weight = nll->weighted ? w->data : NULL;
    for (int64_t i = begin; i < end; i++) {
        int64_t class = core_load_index(&nll->target, i * nll->target.stride[0]);
        bool counts = class != nll->ignore;
        weights[i] = !counts ? 0 : weight ? weight[class * w->stride[0]] : 1;
        losses[i] = counts ? -(weights[i] * row[i * x->stride[0] + class * x->stride[1]]) : 0;
    }
    return true;
}

/* --- Alignments ------------------------------------------------------------------------------- */

enum { BLOCK = 256 };

static void log_add(const void *self, float *a, float *b, float *c, int64_t n, float *out)
{
    const cpu_kernels *kernels = self;
    float most[BLOCK];
    for (int64_t first = 0; first < n;
         first += BLOCK, a += BLOCK, b += BLOCK, c += BLOCK, out += BLOCK) {
        int64_t count = n - first < BLOCK ? n - first : BLOCK;
        for (int64_t i = 0; i < count; i++) {
            float m = a[i] > b[i] ? a[i] : b[i];
            m = c[i] > m ? c[i] : m;
            most[i] = m == -INFINITY ? 0 : m;
        }
        float *terms[] = { a, b, c };
        for (int k = 0; k < 3; k++) {
            kernels->sub(terms[k], most, terms[k], count);
            kernels->math[MATH_EXP](terms[k], terms[k], count);
        }
        kernels->add(a, b, out, count);
        kernels->add(out, c, out, count);
        kernels->math[MATH_LOG](out, out, count);
        kernels->add(out, most, out, count);
    }
}

void cpu_ctc_steps(const ea_context *ctx, ref_ctc *ctc)
{
    ctc->add = log_add;
    ctc->self = cpu_kernels_of(ctx);
}
