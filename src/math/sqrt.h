/* sqrt.h: √x and its derivative 1/(2√x). Rounding a double's square root to float is the same as
 * rounding once, since 53 ≥ 2·24 + 2 (Figueroa, 1995). */
#ifndef MATH_SQRT_H
#define MATH_SQRT_H

static inline md md_sqrt_derivative(md x)
{
    return md_div(md_set(0.5), md_sqrt(x));
}

#endif
