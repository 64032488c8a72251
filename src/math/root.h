/* root.h: a function near its only simple root, where its usual formula cancels. */
#ifndef MATH_ROOT_H
#define MATH_ROOT_H

#include "math/poly.h"

/* Within ¼ of the root `high + low`: d·p(d) with d = x − root, to the last places of d; else `far`.
 * p interpolates f(root + d)/d in Chebyshev points on |d| ≤ 0.26, relative error 2^−53. */
static inline md md_near_root(md x, double high, double low, const double *p, int n, md far)
{
    md d = md_sub(md_sub(x, md_set(high)), md_set(low));
    md near = md_mul(d, md_poly(d, p, n));
    return md_select(md_lt(md_abs(d), md_set(0.25)), near, far);
}

#endif
