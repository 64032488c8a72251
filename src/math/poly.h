/* poly.h: polynomials of any degree. */
#ifndef MATH_POLY_H
#define MATH_POLY_H

/* c[0] + c[1]·x + … + c[n − 1]·x^(n − 1): Horner's rule in x² for the even and the odd
 * coefficients, two chains that run side by side. n ≥ 2. */
static inline md md_poly(md x, const double *c, int n)
{
    int top_even = (n - 1) & ~1, top_odd = (n & ~1) - 1;
    md x2 = md_mul(x, x);
    md even = md_set(c[top_even]), odd = md_set(c[top_odd]);
    for (int i = top_even - 2; i >= 0; i -= 2)
        even = md_mad(even, x2, md_set(c[i]));
    for (int i = top_odd - 2; i >= 1; i -= 2)
        odd = md_mad(odd, x2, md_set(c[i]));
    return md_mad(odd, x, even);
}

#define MD_POLY(x, table) md_poly(x, table, (int)(sizeof(table) / sizeof *(table)))

#endif
