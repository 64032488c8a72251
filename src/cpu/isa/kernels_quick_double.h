/* kernels_quick_double.h: functions in double with few terms, where the machine fuses multiply and
 * add.
 *
 * As in kernels_quick.h: a value with a known error, then the question whether that error can
 * change the rounding. Every function here has, inside the range that its kernel names, a relative
 * error below 2^−38.5: that of a polynomial or a rational function, made by Remez' algorithm for
 * the relative error, and some roundings of 2^−53. Lanes that are open or outside the range send
 * their vector on, in the end to the function in src/math.
 */

/* Whether each lane rounds to a float as the exact value does, which is within 2^−38·|value|: that
 * is up to 2^15 of a double's last places, and two floats meet where the last 29 bits are 2^28. The
 * values are 0 or of a normal float's size where `inside` holds. */
static inline bool quick_sure(md value, vfm inside)
{
    const int32_t reach = 1 << 15;
    /* With the 29 bits at the top, the places that are too near begin at INT32_MIN. */
    vi above = vi_shl(vi_add(md_low_words(value), vi_set(reach)), 3);
    vfm open = vi_gt(vi_set(INT32_MIN + 16 * reach + 1), above);
    return vfm_bits(vfm_andnot(inside, open)) == (1u << VF_LANES) - 1;
}

static inline __attribute__((always_inline)) void
map_quick_double(md (*f)(md), vfm (*inside)(vf), void (*otherwise)(const float *, float *, int64_t),
                 const float *x, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        vf at = vf_load(x + i);
        md value = f(md_widen(at));
        if (quick_sure(value, inside(at)))
            vf_store(y + i, md_round(value));
        else
            otherwise(x + i, y + i, VF_LANES);
    }
    otherwise(x + i, y + i, n - i);
}

static inline vfm quick_within(vf x, float limit)
{
    return vf_le(vf_abs(x), vf_set(limit));
}

/* 0, or so large that the result is a normal float. */
static inline vfm quick_not_tiny(vf x)
{
    return vfm_or(vf_le(vf_set(0x1p-60f), vf_abs(x)), vf_eq(x, vf_zero()));
}

/* Polynomials by Estrin's scheme: short chains of operations, of which the processor overlaps more
 * than of long ones. */
static inline md quick_2(md x, const double *c)
{
    return md_mad(x, md_set(c[1]), md_set(c[0]));
}

static inline md quick_4(md x, md x2, const double *c)
{
    return md_mad(x2, quick_2(x, c + 2), quick_2(x, c));
}

static inline md quick_6(md x, const double *c)
{
    md x2 = md_mul(x, x);
    return md_mad(md_mul(x2, x2), quick_2(x, c + 4), quick_4(x, x2, c));
}

static inline md quick_9(md x, const double *c)
{
    md x2 = md_mul(x, x), x4 = md_mul(x2, x2);
    return md_mad(x4, md_mad(x4, md_set(c[8]), quick_4(x, x2, c + 4)), quick_4(x, x2, c));
}

static inline md quick_10(md x, const double *c)
{
    md x2 = md_mul(x, x), x4 = md_mul(x2, x2);
    md high = md_mad(x4, quick_2(x, c + 8), quick_4(x, x2, c + 4));
    return md_mad(x4, high, quick_4(x, x2, c));
}

/* --- 2^x and what is made of it --------------------------------------------------------------- */

/* c·x as an integer k and the rest, |r| ≤ ½: 2^k and r. |c·x| < 1000. */
static inline md quick_power_split(md x, double c, md *r)
{
    md shifted = md_mad(x, md_set(c), md_set(EXP_SHIFT));
    *r = md_mad(x, md_set(c), md_sub(md_set(EXP_SHIFT), shifted));
    return ml_double(ml_shl(md_bits(shifted), 52));
}

/* 2^r for |r| ≤ ½, 2^−46 */
static inline md quick_power_near(md r)
{
    static const double p[] = { 0x1.0000000000039p+0,  0x1.62e42fefa3752p-1,  0x1.ebfbdff81570ep-3,
                                0x1.c6b08d70d1fa0p-5,  0x1.3b2ab72a1094fp-7,  0x1.5d87fd901ba82p-10,
                                0x1.43088fca8fadfp-13, 0x1.ffce244941dd9p-17, 0x1.63edf11fb4cf9p-20,
                                0x1.b3f43558f68dbp-24 };
    return quick_10(r, p);
}

static inline vfm quick_exp2_inside(vf x)
{
    return quick_within(x, 120);
}

static inline md quick_exp2(md x)
{
    md r, scale = quick_power_split(x, 1, &r);
    return md_mul(quick_power_near(r), scale);
}

static void kernel_exp2_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_exp2, quick_exp2_inside, kernel_exp2, x, y, n);
}

static inline md quick_exp2_derivative(md x)
{
    return md_mul(quick_exp2(x), md_set(0x1.62e42fefa39efp-1));
}

static void kernel_exp2_derivative_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_exp2_derivative, quick_exp2_inside, kernel_exp2_derivative, x, y, n);
}

#define QUICK_LOG2_E 0x1.71547652b82fep0

/* With a = |x|, e = e^−a: (1 + e + a·e)/(1 + e)² for x ≥ 0, else e·(1 + e − a)/(1 + e)², whose
 * second factor has a root: 2^−7 away from it the error of e is still below 2^−40 of that. */
static inline md quick_silu_derivative(md x)
{
    md r, a = md_abs(x), scale = quick_power_split(a, -QUICK_LOG2_E, &r);
    md e = md_mul(quick_power_near(r), scale), one_e = md_add(e, md_set(1));
    md below = md_mul(e, md_sub(one_e, a)), above = md_mad(e, a, one_e);
    md top = md_select(md_lt(x, md_set(0)), below, above);
    return md_div(top, md_mul(one_e, one_e));
}

static inline vfm quick_silu_derivative_inside(vf x)
{
    vf distance = vf_abs(vf_add(x, vf_set(0x1.47497ap0f)));
    return vfm_and(quick_within(x, 80), vf_le(vf_set(0x1p-7f), distance));
}

static void kernel_silu_derivative_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_silu_derivative, quick_silu_derivative_inside, kernel_silu_derivative, x,
                     y, n);
}

/* --- the normal distribution ------------------------------------------------------------------
 *
 * With a = |x|: Φ(−a) = e^−a²/2·E(a), E(a) = ½·erfcx(a/√2), so gelu x = max(x, 0) − a·Φ(−a), and
 * its derivative is B(a) = e^−a²/2·(E(a) − a/√(2π)) for x < 0, else 1 − B(a). E, and E(a) −
 * a/√(2π) over the distance from its root, are rational functions with positive coefficients. */

/* e^−a²/2 */
static inline md quick_bell(md a)
{
    md r, scale = quick_power_split(md_mul(a, a), -QUICK_LOG2_E / 2, &r);
    return md_mul(quick_power_near(r), scale);
}

static inline vfm quick_gelu_inside(vf x)
{
    return vfm_and(quick_within(x, 10), quick_not_tiny(x));
}

static inline md quick_gelu_far(md x)
{
    static const double top[] = { 0x1.00000000000a6p-1, 0x1.1b49e0cd7f7c8p-1, 0x1.35ca639eca718p-2,
                                  0x1.971e9f1c224b5p-4, 0x1.4f116f53bbb08p-6, 0x1.4766edd6e7990p-9,
                                  0x1.2c6caac9da6b9p-13 };
    static const double bottom[] = { 1,
                                     0x1.e78c0a6c2aedap+0,
                                     0x1.9fe6cb7aa0c41p+0,
                                     0x1.9e1687bb4c7d8p-1,
                                     0x1.058b5561a55b9p-2,
                                     0x1.a6e23a9ef8386p-5,
                                     0x1.9a56aaf572e88p-8,
                                     0x1.7886a9ee52fd1p-12 };
    md a = md_abs(x), share = md_mul(a, quick_bell(a));
    md tail = md_div(md_mul(share, MD_POLY(a, top)), MD_POLY(a, bottom));
    return md_sub(md_max(md_set(0), x), tail);
}

static RARE void kernel_gelu_far(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_gelu_far, quick_gelu_inside, kernel_gelu, x, y, n);
}

/* Near 0: x·(½ + x·P(x²)/Q(x²)), P/Q being fitted to the relative error of ½ − a·P/Q, which is
 * Φ(−a), 2^−42.9 up to a = 4. Up to 3.75, where the difference has lost 12.5 of 53 bits, the error
 * is below 2^−38.5. */
static inline md quick_gelu(md x)
{
    static const double top[] = { 0x1.9884533d44054p-2,  0x1.09e92830947f2p-5,
                                  0x1.4419a08294037p-8,  0x1.8a6afef74ab2fp-13,
                                  0x1.664453f18017ap-17, 0x1.aeada4bf524b4p-23,
                                  0x1.3c6b034fc1f3dp-28, 0x1.a090e15b21c70p-37 };
    static const double bottom[] = { 1,
                                     0x1.fbf7dbbcd07b1p-3,
                                     0x1.d6ca618823e82p-6,
                                     0x1.0adba9d203448p-9,
                                     0x1.94ff00407bbc9p-14,
                                     0x1.a3211bfb2422dp-19,
                                     0x1.19c8e7ceb0695p-24,
                                     0x1.9112d210eb0c7p-31 };
    md x2 = md_mul(x, x), ratio = md_div(MD_POLY(x2, top), MD_POLY(x2, bottom));
    return md_mul(x, md_mad(x, ratio, md_set(0.5)));
}

static inline vfm quick_gelu_near(vf x)
{
    return vfm_and(quick_within(x, 3.75f), quick_not_tiny(x));
}

static void kernel_gelu_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_gelu, quick_gelu_near, kernel_gelu_far, x, y, n);
}

static inline md quick_gelu_derivative(md x)
{
    static const double top[] = { 0x1.54851a5cc1bc2p-1, 0x1.e1953d9784efdp-1, 0x1.3dc3bb086a0c9p-1,
                                  0x1.e626cc2eac766p-3, 0x1.c440d3125ec54p-5, 0x1.e6a750fab6110p-8,
                                  0x1.de8a16abb9e2cp-12 };
    static const double bottom[] = { 1,
                                     0x1.ae0c056b8a63bp+0,
                                     0x1.3b90bde514d63p+0,
                                     0x1.047a3fd07cdf6p-1,
                                     0x1.01174ba03d85fp-3,
                                     0x1.22dfe96218120p-6,
                                     0x1.2be14ae8c0096p-10 };
    md a = md_abs(x), bell = quick_bell(a);
    md distance = md_sub(md_set(0x1.80ead197f00b4p-1), a); /* of a float: exact near the root */
    distance = md_sub(distance, md_set(0x1.13e74c58cada8p-56));
    md share = md_mul(bell, distance);
    md below = md_div(md_mul(share, MD_POLY(a, top)), MD_POLY(a, bottom));
    return md_select(md_lt(x, md_set(0)), below, md_sub(md_set(1), below));
}

static void kernel_gelu_derivative_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_gelu_derivative, quick_gelu_inside, kernel_gelu_derivative, x, y, n);
}

/* erf x = x·P(x²)/Q(x²) up to 3.9375, 2^−41.8; from there on 1 − 2^−25.2, which rounds to 1. */
static inline md quick_erf(md x)
{
    static const double top[] = { 0x1.20dd750429b6dp+0,  0x1.2daf88a3dbbd5p-2,
                                  0x1.34acda608a0d9p-4,  0x1.48eab8a0dd295p-7,
                                  0x1.ff49ef1852258p-11, 0x1.3296d06dcfa03p-14,
                                  0x1.b47def1a3ade1p-19, 0x1.f999a45b48908p-24,
                                  0x1.d5e4b4d80ef6cp-31, -0x1.ef6880cf28970p-40 };
    static const double bottom[] = { 1,
                                     0x1.3058ffbfabdc8p-1,
                                     0x1.51c6670aba318p-3,
                                     0x1.cea9e22b55e32p-6,
                                     0x1.b18bae09178fap-9,
                                     0x1.215949bdf7599p-12,
                                     0x1.12acf9e669fd0p-16,
                                     0x1.5eb74176bbc2dp-21,
                                     0x1.ec2d6e7d5ccbdp-27 };
    x = md_max(md_set(-3.9375), md_min(md_set(3.9375), x));
    md x2 = md_mul(x, x);
    return md_div(md_mul(x, quick_10(x2, top)), quick_9(x2, bottom));
}

static void kernel_erf_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_erf, quick_not_tiny, kernel_erf, x, y, n);
}

/* --- sin, cos and tan of |x| ≤ 2^20 -----------------------------------------------------------
 *
 * r = x − m·π, m an integer for sin and halfway between two for cos, so that |r| ≤ π/2 and both are
 * ±sin r; for tan r = x − m·π/2. π has two parts: m times the first is taken from x with one
 * rounding, so r keeps its relative precision unless it is below 2^−50, and no float comes that
 * near to a multiple of π/2 (the least distance up to 2^20 exceeds 2^−40). */

static inline vfm quick_turn_inside(vf x)
{
    return quick_within(x, 0x1p20f);
}

/* Adding it rounds to an integer and leaves that in the lowest bits. */
#define QUICK_SHIFT 0x1.8p52

static inline md quick_turn_rest(md x, md m, double high, double low)
{
    return md_mad(m, md_set(-low), md_mad(m, md_set(-high), x));
}

/* sin r for |r| ≤ π/2, its sign changed where the integer in `shifted` is odd. 2^−41.6 */
static inline md quick_sin_turned(md r, md shifted)
{
    static const double p[] = { -0x1.555555555491bp-3,  0x1.1111110fb2761p-7,
                                -0x1.a01a000695192p-13, 0x1.71dd8abaa561bp-19,
                                -0x1.ae2009e3b1c09p-26, 0x1.54d837521775fp-33 };
    md r2 = md_mul(r, r);
    md value = md_mul(r, md_mad(r2, quick_6(r2, p), md_set(1)));
    return ml_double(ml_xor(md_bits(value), ml_shl(md_bits(shifted), 63)));
}

static inline md quick_sin(md x)
{
    md shifted = md_mad(x, md_set(0x1.45f306dc9c883p-2), md_set(QUICK_SHIFT));
    md m = md_sub(shifted, md_set(QUICK_SHIFT));
    md r = quick_turn_rest(x, m, 0x1.921fb54442d18p1, 0x1.1a62633145c07p-53);
    return quick_sin_turned(r, shifted);
}

static void kernel_sin_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_sin, quick_turn_inside, kernel_sin, x, y, n);
}

static inline md quick_cos(md x)
{
    md ahead = md_mad(x, md_set(0x1.45f306dc9c883p-2), md_set(0.5));
    md shifted = md_add(ahead, md_set(QUICK_SHIFT));
    md m = md_sub(md_sub(shifted, md_set(QUICK_SHIFT)), md_set(0.5));
    md r = quick_turn_rest(x, m, 0x1.921fb54442d18p1, 0x1.1a62633145c07p-53);
    return quick_sin_turned(r, shifted);
}

static void kernel_cos_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_cos, quick_turn_inside, kernel_cos, x, y, n);
}

/* tan r = r·P(r²)/Q(r²), 2^−45, turned by m right angles: −1/tan r where m is odd. */
static inline md quick_tan(md x)
{
    static const double top[] = { 0x1.fffffffffff29p-1, -0x1.f106f1bc0769ap-4,
                                  0x1.0a7336cca91f0p-9 };
    static const double bottom[] = { 1, -0x1.d19711c462aecp-2, 0x1.4beb92752da4ep-6,
                                     -0x1.98d738d90d8bep-14 };
    md shifted = md_mad(x, md_set(0x1.45f306dc9c883p-1), md_set(QUICK_SHIFT));
    md m = md_sub(shifted, md_set(QUICK_SHIFT));
    md r = quick_turn_rest(x, m, 0x1.921fb54442d18p0, 0x1.1a62633145c07p-54), r2 = md_mul(r, r);
    md r4 = md_mul(r2, r2);
    md sine = md_mul(r, md_mad(r4, md_set(top[2]), quick_2(r2, top)));
    md cosine = quick_4(r2, r4, bottom);
    mm even = ml_eq(ml_and(md_bits(shifted), ml_set(1)), ml_set(0));
    return md_div(md_select(even, sine, md_neg(cosine)), md_select(even, cosine, sine));
}

static void kernel_tan_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_tan, quick_turn_inside, kernel_tan, x, y, n);
}

static inline md quick_tan_derivative(md x)
{
    md t = quick_tan(x);
    return md_mad(t, t, md_set(1));
}

static void kernel_tan_derivative_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_tan_derivative, quick_turn_inside, kernel_tan_derivative, x, y, n);
}

/* --- asin and acos ----------------------------------------------------------------------------
 *
 * With a = |x|: asin a = s + s³·P(s²) for s = a ≤ ½, 2^−42.1; above, asin a = π/2 − 2·asin s with
 * s = √((1 − a)/2), so acos a = 2·asin s. */

/* asin s, and whether s is the root. */
static inline md quick_asin_part(md a, mm *above)
{
    static const double p[] = { 0x1.555555555c160p-3, 0x1.333333117ad75p-4,  0x1.6db6f70e07088p-5,
                                0x1.f1be6ff629766p-6, 0x1.6f39108d0242ep-6,  0x1.14c7b1724ca66p-6,
                                0x1.15081e0a7e833p-6, 0x1.f5d0cc495745fp-11, 0x1.d24020b921fedp-6 };
    *above = md_lt(md_set(0.5), a);
    md half_rest = md_mul(md_sub(md_set(1), a), md_set(0.5));
    md z = md_select(*above, half_rest, md_mul(a, a));
    md s = md_select(*above, md_sqrt(half_rest), a);
    return md_mad(md_mul(s, z), MD_POLY(z, p), s);
}

static inline vfm quick_asin_inside(vf x)
{
    return vfm_and(quick_within(x, 1), quick_not_tiny(x));
}

static inline md quick_asin(md x)
{
    mm above;
    md part = quick_asin_part(md_abs(x), &above);
    md rest = md_sub(md_set(0x1.921fb54442d18p0), md_add(part, part));
    return md_with_sign(md_select(above, rest, part), x);
}

static void kernel_asin_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_asin, quick_asin_inside, kernel_asin, x, y, n);
}

static inline vfm quick_acos_inside(vf x)
{
    return quick_within(x, 1);
}

static inline md quick_acos(md x)
{
    mm above;
    md part = quick_asin_part(md_abs(x), &above);
    md twice = md_add(part, part), half_pi = md_set(0x1.921fb54442d18p0);
    mm negative = md_lt(x, md_set(0));
    md far = md_select(negative, md_sub(md_set(0x1.921fb54442d18p1), twice), twice);
    md near = md_sub(half_pi, md_with_sign(part, x));
    return md_select(above, far, near);
}

static void kernel_acos_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_acos, quick_acos_inside, kernel_acos, x, y, n);
}

/* --- erfinv for |x| ≤ 0.998 -------------------------------------------------------------------
 *
 * As in math/erfinv.h: x·p(w), w = −log(1 − x²), but with fewer terms: p in w − 3, 2^−40.2; the
 * logarithm to 2^−44, of which p shows less than a fourth. */

static inline vfm quick_erfinv_inside(vf x)
{
    return vfm_and(quick_within(x, 0.998f), quick_not_tiny(x));
}

static inline md quick_erfinv(md x)
{
    static const double p[] = {
        0x1.9fa072ed71d0ap+0,   0x1.eedbebdcc00eep-3,  -0x1.780def0d2d3bdp-8,
        -0x1.b6666a39574e7p-11, 0x1.9912bb271b9e9p-13, -0x1.aab195e010f4fp-17,
        -0x1.d5373d4d43481p-20, 0x1.e333056624b5bp-22, -0x1.9749f203e1d57p-26,
        -0x1.78743ebddcaadp-28, 0x1.32c9dcf4cd944p-30, -0x1.fffd6d22395f6p-36,
        -0x1.40a4985b6cf46p-36, 0x1.551156a9d65e3p-39, 0x1.b729d2f65233ap-44,
        -0x1.48b81b6d4cb42p-45, 0x1.1c553c21ab4f6p-50
    };
    static const double bend[] = { 0x1.5555555564fb2p-1, 0x1.999998ca61708p-2, 0x1.2493244df7c19p-2,
                                   0x1.c67aac4a3f4bap-3, 0x1.8c8f2c5f20850p-3 };
    log_parts l = md_log_parts(md_erfinv_rest(x));
    md s = md_div(l.f, md_add(l.f, md_set(2))), z = md_mul(s, s);
    md log_f = md_mul(s, md_mad(z, MD_POLY(z, bend), md_set(2)));
    md t = md_sub(md_mad(l.k, md_set(-0x1.62e42fefa39efp-1), md_set(-3)), log_f);
    return md_mul(x, MD_POLY(t, p));
}

static void kernel_erfinv_quick(const float *x, float *y, int64_t n)
{
    map_quick_double(quick_erfinv, quick_erfinv_inside, kernel_erfinv, x, y, n);
}
