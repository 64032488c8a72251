/* aggregate.h: definitions of the reductions beside sum and mean. Views have the kept dimensions
 * first. */
#ifndef REF_AGGREGATE_H
#define REF_AGGREGATE_H

#include "core/view.h"
#include "eadem/op/aggregate.h"
#include "math/math.h"

#include <math.h>

/* out has the kept dimensions only, but in a gradient it is the forward's result, beside grad_out,
 * and grad_x has x's dimensions. */
typedef struct ref_aggregate_call {
    ea_aggregate aggregate;
    int kept;
    float parameter;
    const ea_view *x, *out, *grad_out, *grad_x;
} ref_aggregate_call;

ea_status ref_aggregate(ea_context *ctx, const ref_aggregate_call *call);
ea_status ref_aggregate_backward(ea_context *ctx, const ref_aggregate_call *call);
/* values and indices may be NULL. */
ea_status ref_extreme(ea_context *ctx, const ea_view *x, int kept, bool smallest,
                      const ea_view *values, const ea_view *indices);

/* What is true of one row, beside its elements. */
typedef struct ref_row {
    float grad;  /* of its result */
    float value; /* its result */
    float mean;  /* VAR, STD */
    float ties;  /* AMAX, AMIN, NORM with p = ±∞: how many elements are the extreme one */
    float n;     /* VAR, STD: the divisor */
} ref_row;

/* The divisor of the sum of squares. */
static inline float ref_divisor(int64_t n, float correction)
{
    double divisor = (double)n - (double)correction;
    return divisor > 0 ? (float)divisor : 0;
}

/* The term that a norm adds up. */
static inline float ref_norm_term(float x, float p)
{
    if (p == 0)
        return x != 0;
    if (p == 1 || isinf(p))
        return fabsf(x);
    return p == 2 ? x * x : math_pow(fabsf(x), p);
}

static inline float ref_norm_end(float sum, float p)
{
    if (p == 0 || p == 1 || isinf(p))
        return sum;
    return p == 2 ? math_sqrt(sum) : math_pow(sum, 1 / p);
}

/* True where x is the extreme `value`, which is NaN as soon as one element is. */
static inline bool ref_is_extreme(float x, float value)
{
    return x == value || (x != x && value != value);
}

/* The larger of two, NaN if one is; −0 counts as less than +0. */
static inline float ref_larger(float a, float b)
{
    if (a != a || b != b)
        return NAN;
    return a > b || (a == b && !signbit(a)) ? a : b;
}

static inline float ref_smaller(float a, float b)
{
    return -ref_larger(-a, -b);
}

/* What logsumexp takes off before exp: the largest element, unless it is infinite. */
static inline float ref_shift(float largest)
{
    return isinf(largest) ? 0 : largest;
}

static inline float ref_norm_slope(float p, float x, const ref_row *row)
{
    float sign = (float)((x > 0) - (x < 0));
    if (p == 0)
        return 0;
    if (p == 1)
        return row->grad * sign;
    if (isinf(p))
        return ref_is_extreme(fabsf(x), row->value) ? row->grad / row->ties * sign : 0;
    if (row->value == 0)
        return 0;
    if (p == 2)
        return x * (row->grad / row->value);
    if (x == 0 && p < 1)
        return 0;
    return sign * math_pow(fabsf(x), p - 1) * (row->grad / math_pow(row->value, p - 1));
}

/* The gradient of element x; PROD's depends on its neighbours and stands elsewhere. */
static inline float ref_aggregate_slope(ea_aggregate aggregate, float p, float x,
                                        const ref_row *row)
{
    switch (aggregate) {
    case EA_AGG_VAR:
        return row->grad * (2 / row->n) * (x - row->mean);
    case EA_AGG_STD:
        return row->value == 0 ? 0 : row->grad / (2 * row->value) * (2 / row->n) * (x - row->mean);
    case EA_AGG_NORM:
        return ref_norm_slope(p, x, row);
    case EA_AGG_LOGSUMEXP:
        return row->grad * math_exp(x - row->value);
    default: /* AMAX, AMIN */
        return ref_is_extreme(x, row->value) ? row->grad / row->ties : 0;
    }
}

#endif
