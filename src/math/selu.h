/* selu.h: s·x for x > 0, s·a·(e^x − 1) for x ≤ 0, and its derivative s, or s·a·e^x. Klambauer et
 * al. 2017 (arXiv:1706.02515), with the decimals that PyTorch has: a
 * = 1.6732632423543772848170429916717, s = 1.0507009873554804934193349852946. */
#ifndef MATH_SELU_H
#define MATH_SELU_H

#include "math/exp.h"
#include "math/expm1.h"

#define SELU_SCALE 0x1.0cfabd6a91132p0
#define SELU_SCALE_ALPHA 0x1.c212cc640f031p0
#define SELU_SCALE_ALPHA_LOW 0x1.05161b045a1fep-56

static inline md md_selu_above_zero(md x)
{
    return md_mul(x, md_set(SELU_SCALE));
}

static inline md md_selu(md x)
{
    return md_select(md_lt(md_set(0), x), md_selu_above_zero(x),
                     md_mul(md_expm1(x), md_set(SELU_SCALE_ALPHA)));
}

static inline md md_selu_derivative_above_zero(md x)
{
    (void)x;
    return md_set(SELU_SCALE);
}

/* With expm1's polynomial, as exp's leaves one float on the wrong side of halfway. */
static inline md md_selu_derivative(md x)
{
    exp_parts e = md_exp_parts(md_max(md_set(-110), md_min(md_set(0), x)));
    md alpha = md_set(SELU_SCALE_ALPHA);
    md tail = md_mad(alpha, md_expm1_tail(e.r), md_set(SELU_SCALE_ALPHA_LOW));
    return md_select(md_lt(md_set(0), x), md_selu_derivative_above_zero(x),
                     md_mul(e.scale, md_add(alpha, tail)));
}

#endif
