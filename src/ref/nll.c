/* nll.c: definitions of losses over classes and alignments. */
#include "ref/nll.h"
#include "math/math.h"

#include <math.h>

/* --- Classes ---------------------------------------------------------------------------------- */

static float weight_of(const ref_nll *nll, int64_t class)
{
    return nll->weighted ? core_load(&nll->weight, class * nll->weight.stride[0]) : 1;
}

/* Without a division where rows have one dimension. */
static int64_t row_offset(const ea_view *view, int dims, int64_t row)
{
    if (dims == 1)
        return row * view->stride[0];
    ea_view lead = *view;
    lead.ndim = dims;
    return core_offset(&lead, row);
}

int64_t ref_nll_target(const ref_nll *nll, int64_t row)
{
    return core_load_index(&nll->target, row_offset(&nll->target, nll->target.ndim, row));
}

/* What class k counts with: the target's probability, smoothed. */
static float share_of(const ref_nll *nll, int64_t row, int64_t k)
{
    if (nll->indices) {
        float spread = nll->smoothing > 0 ? nll->share : 0;
        return ref_nll_target(nll, row) == k ? nll->rest + spread : spread;
    }
    int64_t classes = nll->x.shape[nll->x.ndim - 1];
    float probability = core_load(&nll->target, core_offset(&nll->target, row * classes + k));
    return nll->smoothing > 0 ? probability * nll->rest + nll->share : probability;
}

float ref_nll_row(const ref_nll *nll, ea_contract contract, int64_t row, float *weight)
{
    int last = nll->x.ndim - 1;
    int64_t classes = nll->x.shape[last], target = nll->indices ? ref_nll_target(nll, row) : 0;
    int64_t at = row_offset(&nll->x, last, row), step = nll->x.stride[last];
    *weight = nll->indices ? 0 : 1;
    if (nll->indices && target == nll->ignore)
        return 0;
    if (nll->indices) {
        *weight = weight_of(nll, target);
        if (nll->smoothing == 0)
            return -(*weight * core_load(&nll->x, at + target * step));
    }
    ref_sum sum;
    ref_sum_begin(&sum, contract);
    for (int64_t k = 0; k < classes; k++)
        ref_sum_add(&sum,
                    weight_of(nll, k) * core_load(&nll->x, at + k * step) * share_of(nll, row, k));
    return -ref_sum_end(&sum);
}

static void clear(const ea_view *row)
{
    if (row->dtype == CORE_F32 && row->stride[0] == 1) {
        memset(row->data, 0, sizeof(float) * (size_t)row->shape[0]);
        return;
    }
    for (int64_t k = 0; k < row->shape[0]; k++)
        core_store(row, k * row->stride[0], 0);
}

void ref_nll_slopes(const ref_nll *nll, int64_t row, float grad, const ea_view *grad_x,
                    const ea_view *grad_target)
{
    int kept = nll->x.ndim - 1;
    ea_view x = core_row(&nll->x, kept, row), to = core_row(grad_x, kept, row);
    bool ignored = nll->indices && ref_nll_target(nll, row) == nll->ignore;
    if (ignored || (nll->indices && nll->smoothing == 0)) { /* one class at most */
        clear(&to);
        int64_t k = ref_nll_target(nll, row);
        if (!ignored)
            core_store(&to, k * to.stride[0], weight_of(nll, k) * nll->rest * -grad);
        return;
    }
    for (int64_t k = 0; k < x.shape[0]; k++) {
        float share = share_of(nll, row, k);
        float slope = share == 0 ? 0 : weight_of(nll, k) * share * -grad;
        core_store(&to, k * to.stride[0], slope);
    }
    if (!grad_target)
        return;
    to = core_row(grad_target, kept, row);
    for (int64_t k = 0; k < x.shape[0]; k++)
        core_store(&to, k * to.stride[0],
                   weight_of(nll, k) * core_load(&x, k * x.stride[0]) * nll->rest * -grad);
}

/* --- Alignments (Graves et al., 2006) --------------------------------------------------------- */

/* One image: labels with blanks between and around them, 2·length + 1 of them. */
typedef struct ctc_image {
    const ref_ctc *ctc;
    int64_t number, time, length, first; /* of its labels in `targets` */
} ctc_image;

static ctc_image image_of(const ref_ctc *ctc, int64_t i)
{
    return (ctc_image){
        .ctc = ctc,
        .number = i,
        .time = core_load_index(&ctc->input_lengths, i * ctc->input_lengths.stride[0]),
        .length = core_load_index(&ctc->target_lengths, i * ctc->target_lengths.stride[0]),
        .first = ctc->starts[i]
    };
}

static int64_t label(const ctc_image *m, int64_t s)
{
    const ea_view *targets = &m->ctc->targets;
    return s % 2 == 0 ? m->ctc->blank
                      : core_load_index(targets, (m->first + s / 2) * targets->stride[0]);
}

static float log_prob(const ctc_image *m, int64_t t, int64_t class)
{
    const ea_view *x = &m->ctc->x;
    return core_load(x, t * x->stride[0] + m->number * x->stride[1] + class * x->stride[2]);
}

/* e^(a − most); e⁰ and e^−∞, which most terms are, without a call. */
static float share(float a, float most)
{
    if (a == most && most < INFINITY)
        return 1;
    return a == -INFINITY ? 0 : math_exp(a - most);
}

/* log(eᵃ + eᵇ + eᶜ), summed in this order */
static float log_add(float a, float b, float c)
{
    float most = a > b ? a : b;
    most = c > most ? c : most;
    if (most == -INFINITY)
        most = 0;
    float sum = share(a, most) + share(b, most) + share(c, most);
    return (sum == 1 ? 0 : math_log(sum)) + most;
}

/* The way from a label to the one after the next is open when a blank stands between two that
 * differ. */
static bool skips(const ctc_image *m, int64_t s)
{
    return s >= 2 && s % 2 == 1 && label(m, s) != label(m, s - 2);
}

/* A step to all states: for each, log_add() of what the three ways bring. */
typedef struct ctc_ways {
    float *stay, *next, *skip;
} ctc_ways;

static void add_ways(const ctc_image *m, const ctc_ways *w, float *out)
{
    int64_t states = 2 * m->length + 1;
    if (m->ctc->add)
        m->ctc->add(m->ctc->self, w->stay, w->next, w->skip, states, out);
    for (int64_t s = 0; !m->ctc->add && s < states; s++)
        out[s] = log_add(w->stay[s], w->next[s], w->skip[s]);
}

/* alpha[t·states + s]: the log-probability of all beginnings that are at state s at time t. */
static void forwards(const ctc_image *m, const ctc_ways *w, float *alpha)
{
    int64_t states = 2 * m->length + 1;
    for (int64_t s = 0; s < states; s++)
        alpha[s] = s < 2 ? log_prob(m, 0, label(m, s)) : -INFINITY;
    for (int64_t t = 1; t < m->time; t++) {
        const float *before = alpha + (t - 1) * states;
        float *now = alpha + t * states;
        for (int64_t s = 0; s < states; s++) {
            w->stay[s] = before[s];
            w->next[s] = s > 0 ? before[s - 1] : -INFINITY;
            w->skip[s] = skips(m, s) ? before[s - 2] : -INFINITY;
        }
        add_ways(m, w, now);
        for (int64_t s = 0; s < states; s++)
            now[s] = now[s] + log_prob(m, t, label(m, s));
    }
}

/* beta[s]: of all ends from state s at time t on; one step back. */
static void backwards(const ctc_image *m, const ctc_ways *w, int64_t t, const float *after,
                      float *beta)
{
    int64_t states = 2 * m->length + 1;
    bool last = t + 1 == m->time;
    for (int64_t s = 0; last && s < states; s++)
        beta[s] = s < states - 2 ? -INFINITY : 0;
    for (int64_t s = 0; !last && s < states; s++) {
        w->stay[s] = after[s];
        w->next[s] = s + 1 < states ? after[s + 1] : -INFINITY;
        w->skip[s] = s + 2 < states && skips(m, s + 2) ? after[s + 2] : -INFINITY;
    }
    if (!last)
        add_ways(m, w, beta);
    for (int64_t s = 0; s < states; s++)
        beta[s] = beta[s] + log_prob(m, t, label(m, s));
}

/* −log of the probability of all alignments. */
static float total(const ctc_image *m, const float *alpha)
{
    int64_t states = 2 * m->length + 1;
    if (m->time == 0)
        return m->length == 0 ? 0 : INFINITY;
    const float *last = alpha + (m->time - 1) * states;
    return -log_add(last[states - 1], states > 1 ? last[states - 2] : -INFINITY, -INFINITY);
}

size_t ref_ctc_scratch(const ref_ctc *ctc)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < ctc->x.shape[1]; i++) {
        ctc_image m = image_of(ctc, i);
        longest = m.length > longest ? m.length : longest;
    }
    return (size_t)((ctc->x.shape[0] + 5) * (2 * longest + 1) + ctc->x.shape[2]);
}

/* The scratch's first floats. */
static ctc_ways ways_of(const ctc_image *m, float **scratch)
{
    int64_t states = 2 * m->length + 1;
    float *first = *scratch;
    *scratch += 3 * states;
    return (ctc_ways){ first, first + states, first + 2 * states };
}

float ref_ctc_row(const ref_ctc *ctc, int64_t i, float *scratch)
{
    ctc_image m = image_of(ctc, i);
    ctc_ways ways = ways_of(&m, &scratch);
    if (m.time > 0)
        forwards(&m, &ways, scratch);
    float loss = total(&m, scratch);
    return ctc->zero_infinity && isinf(loss) ? 0 : loss;
}

/* The slopes at one time: of class k, e^x − e^(posterior + loss − x), posterior the sum over its
 * states of alpha·beta. */
static void slopes_at(const ctc_image *m, int64_t t, const float *alpha, const float *beta,
                      float loss, float grad, float *posterior, const ea_view *grad_x)
{
    const ea_view *x = &m->ctc->x;
    int64_t states = 2 * m->length + 1, classes = x->shape[2];
    for (int64_t k = 0; k < classes; k++)
        posterior[k] = -INFINITY;
    for (int64_t s = 0; s < states; s++) {
        float *sum = &posterior[label(m, s)];
        *sum = log_add(*sum, alpha[t * states + s] + beta[s], -INFINITY);
    }
    for (int64_t k = 0; k < classes; k++) {
        float log_p = log_prob(m, t, k);
        float slope = math_exp(log_p) - math_exp(posterior[k] + loss - log_p);
        core_store(grad_x,
                   t * grad_x->stride[0] + m->number * grad_x->stride[1] + k * grad_x->stride[2],
                   slope * grad);
    }
}

void ref_ctc_slopes(const ref_ctc *ctc, int64_t i, float grad, const ea_view *grad_x,
                    float *scratch)
{
    ctc_image m = image_of(ctc, i);
    ctc_ways ways = ways_of(&m, &scratch);
    int64_t states = 2 * m.length + 1, times = ctc->x.shape[0];
    float *beta[2] = { scratch + times * states, scratch + (times + 1) * states };
    float *posterior = scratch + (times + 2) * states;
    if (m.time > 0)
        forwards(&m, &ways, scratch);
    float loss = total(&m, scratch);
    bool nothing = ctc->zero_infinity && isinf(loss);
    for (int64_t t = times - 1; t >= 0; t--) {
        if (t >= m.time || nothing) {
            for (int64_t k = 0; k < ctc->x.shape[2]; k++)
                core_store(grad_x,
                           t * grad_x->stride[0] + i * grad_x->stride[1] + k * grad_x->stride[2],
                           0);
            continue;
        }
        backwards(&m, &ways, t, beta[(t + 1) % 2], beta[t % 2]);
        slopes_at(&m, t, scratch, beta[t % 2], loss, grad, posterior, grad_x);
    }
}
