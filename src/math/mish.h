/* mish.h: x·tanh(log(1 + e^x)) = x·n/(n + 2) with e = e^x, n = e·(e + 2); its derivative is
 * e·((e + 2)·(n + 2) + 4·x·(1 + e))/(n + 2)². */
#ifndef MATH_MISH_H
#define MATH_MISH_H

#include "math/exp.h"
#include "math/join.h"
#include "math/root.h"
#include "math/sign.h"

static inline md md_mish(md x)
{
    md above = md_max(md_set(-125), x);
    md e = md_exp_inside(md_min(md_set(45), above));
    md n = md_mul(e, md_add(e, md_set(2)));
    /* 0.6·x + 0.32·x² can lie exactly between two floats; 3·x/5 is exact when it does. */
    md linear = md_div(md_mul(x, md_set(3)), md_set(5));
    md series = md_mad(x, md_set(-0x1.0624dd2f1a9fcp-6), md_set(0x1.47ae147ae147bp-2));
    md near = md_join(linear, md_mul(md_mul(x, x), series));
    md far = md_mul(above, md_div(n, md_add(n, md_set(2))));
    return md_with_sign(md_abs(md_near_zero(x, 0x1p-18, near, far)), x);
}

static inline md md_mish_derivative(md x)
{
    static const double root[] = { 0x1.115acb42500bbp-2,   0x1.a34a251d8ad7bp-3,
                                   0x1.574f121a868dbp-5,   -0x1.4c222fe64d4fcp-6,
                                   -0x1.03369d4ac8fb9p-6,  -0x1.b87ddfb51b30ap-9,
                                   0x1.1e5e18497b46ep-10,  0x1.0379918273751p-10,
                                   0x1.0a79556f4dbc8p-12,  -0x1.5fff9e9faff4ep-15,
                                   -0x1.d45433f1eea38p-15, -0x1.223c3ddf8843cp-16,
                                   0x1.fc6556ef48f6ap-21,  0x1.86a7e768b1bf7p-19,
                                   0x1.155ec71db3cabp-20,  0x1.6787665a2b458p-27 };

    x = md_max(md_set(-125), md_min(md_set(45), x));
    md e = md_exp_inside(x), e2 = md_add(e, md_set(2));
    md n2 = md_mad(e, e2, md_set(2));
    md top = md_mad(e2, n2, md_mul(md_mul(x, md_set(4)), md_add(e, md_set(1))));
    md far = md_div(md_mul(e, top), md_mul(n2, n2));
    /* Near 0: 0.6 + 0.64·x − 0.048·x² …, of which (15 + 16·x)/25 is exact when it lies halfway. */
    md linear = md_div(md_mad(x, md_set(16), md_set(15)), md_set(25));
    md series = md_mad(x, md_set(-0x1.77bd5f29ea6d8p-3), md_set(-0x1.89374bc6a7efap-5));
    md near = md_join(linear, md_mul(md_mul(x, x), series));
    far = md_near_zero(x, 0x1p-14, near, far);
    return md_near_root(x, -0x1.31432c0d12d84p+0, -0x1.bf319154da210p-55, root,
                        (int)(sizeof root / sizeof *root), far);
}

#endif
