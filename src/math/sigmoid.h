/* sigmoid.h: 1/(1 + e^−x) and its derivative e/(1 + e)² with e = e^−|x|. Nothing cancels: both keep
 * the relative error of md_exp plus three roundings. */
#ifndef MATH_SIGMOID_H
#define MATH_SIGMOID_H

#include "math/exp.h"

static inline md md_sigmoid(md x)
{
    /* e^−x must reach 2^150 for the result to underflow. */
    x = md_max(md_set(-110), md_min(md_set(110), x));
    /* Near 0, ½ + x/4 can lie exactly between two floats while the next term, −x³/48, is too small
     * for a double to show. So there the result is moved towards ½ by about one last place. */
    md one =
        md_select(md_lt(x, md_set(0)), md_set(0x1.0000000000002p0), md_set(0x1.ffffffffffffep-1));
    one = md_select(md_lt(md_abs(x), md_set(0x1p-6)), one, md_set(1));
    return md_div(one, md_add(md_exp_inside(md_neg(x)), md_set(1)));
}

static inline md md_sigmoid_derivative(md x)
{
    md e = md_exp(md_neg(md_abs(x)));
    md one_e = md_add(e, md_set(1));
    return md_div(e, md_mul(one_e, one_e));
}

#endif
