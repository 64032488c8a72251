/* kernels_quick.h: exp, sigmoid and its derivative, log, log2, log10, log1p and its derivative,
 * rsqrt in float, where the machine fuses multiply and add.
 *
 * The functions of src/math compute in double, half the lanes at a time. These compute the value as
 * an unevaluated sum of two floats with a relative error near 2^−36 and then ask whether that error
 * can change the rounding (Ziv, 1991): if both ends of the interval that holds the exact value
 * round to the same float, so does everything between. The few vectors where that fails in one
 * lane, or where a lane lies outside the range of the argument below, are computed again in double.
 * Both ways give the correctly rounded value, so which one ran never shows.
 *
 * fma(a, b, c − s) is the error of s = fma(a, b, c), rounded, where c and s are within a factor of
 * two of each other and c − s therefore exact (Sterbenz). A rounding is a relative error of 2^−24.
 */
#include "cpu/isa/pairs.h"

typedef struct quick {
    pf value;
    pfm sure; /* the lanes in which value is correctly rounded */
} quick;

/* The exact value lies in high + [below, above]. */
static inline quick quick_round(pf high, pf below, pf above, pfm inside)
{
    pf least = pf_add(high, below), most = pf_add(high, above);
    return (quick){ most, pfm_and(pf_eq(least, most), inside) };
}

static inline __attribute__((always_inline)) void
map_quick(quick (*f)(pf), void (*in_double)(const float *, float *, int64_t), const float *x,
          float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + PF_LANES <= n; i += PF_LANES) {
        quick q = f(pf_load(x + i));
        if (pfm_all(q.sure))
            pf_store(y + i, q.value);
        else
            in_double(x + i, y + i, PF_LANES);
    }
    in_double(x + i, y + i, n - i);
}

/* --- e^x for |x| ≤ 72, as high·(1 + w) + low, relative error 2^−36.8 ----------------------------
 *
 * x = n·ln 2/8 + r, |r| < 0.0434; e^x = T·e^r with T = 2^(n/8), from a table of 2^(j/8).
 *
 * ln 2/8 = c + d with c a float. r = x − n·c is exact: a multiple of 2^−28 below 2^−4. n·d < 2^−22
 * and the relative error of the table, < 2^−24, together make w. e^r = 1 + r + r²/2 + r³/2·p(r), p
 * of degree 2 by Sollya's fpminimax. With a = r + r²/2 rounded, high = T·(1 + a) rounded, and low
 * is what high lost + T·(what a lost + r³/2·p).
 *
 * Relative errors: p 2^−38.7; r³/2·p < 2^−16.1 by 3.2 roundings 2^−38.4; five roundings of sums
 * below 2^−16 2^−37.7 at most, and less by far as only two of them reach that size; w² < 2^−43.
 * The result exceeds 2^−104, so that underflow adds nothing. */

typedef struct quick_power {
    pf high, low, w;
} quick_power;

#define QUICK_EXP_ERROR 0x1p-36f

static inline quick_power quick_exp_power(pf x)
{
    /* The floats 2^(j/8), j·2^20 taken off their bits: j in the exponent's place, which adding n
     * there restores. */
    static const float table[] = { 0x1p0f,         0x1.f72b84p-1f, 0x1.f06fe0p-1f, 0x1.ebfdaep-1f,
                                   0x1.ea09e6p-1f, 0x1.eace54p-1f, 0x1.ee89fap-1f, 0x1.f5818ep-1f };
    static const float table_error[] = {
        0,
        -0x1.9c0c22p-27f,
        0x1.12500ap-25f,
        -0x1.0a3550p-25f,
        0x1.26055cp-26f,
        0x1.67a1cap-28f,
        -0x1.f9c304p-27f,
        -0x1.a5217cp-28f,
    };
    /* Adding 1.5·2^23 rounds to an integer and leaves it in the lowest bits. */
    pf shifted = pf_fma(x, pf_set(0x1.715476p3f), pf_set(0x1.8p23f));
    pf n = pf_sub(shifted, pf_set(0x1.8p23f));
    pi index = pf_bits(shifted);
    pf r = pf_fma(n, pf_set(-0x1.62e43p-4f), x);
    pf w = pf_fma(n, pf_set(0x1.05c610p-32f), pf_lookup8(table_error, index));

    pf half = pf_mul(r, pf_set(0.5f));
    pf a = pf_fma(r, half, r);
    pf a_lost = pf_fma(r, half, pf_sub(r, a));
    pf cube = pf_mul(pf_mul(r, half), r);
    pf p = pf_fma(r, pf_set(0x1.10f65cp-6f), pf_set(0x1.55597p-4f));
    p = pf_fma(r, p, pf_set(0x1.555556p-2f));
    pf small = pf_fma(cube, p, a_lost);

    pf t = pi_float(pi_add(pf_bits(pf_lookup8(table, index)), pi_shl(index, 20)));
    pf high = pf_fma(t, a, t);
    pf high_lost = pf_fma(t, a, pf_sub(t, high));
    return (quick_power){ high, pf_fma(t, small, high_lost), w };
}

static inline quick quick_exp(pf x)
{
    quick_power e = quick_exp_power(x);
    pf error = pf_set(QUICK_EXP_ERROR);
    return quick_round(e.high, pf_fma(e.high, pf_sub(e.w, error), e.low),
                       pf_fma(e.high, pf_add(e.w, error), e.low), pf_le(pf_abs(x), pf_set(72)));
}

static void kernel_exp_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_exp, kernel_exp, x, y, n);
}

/* --- sigmoid: 1/(1 + e^−x) for |x| ≤ 60 ------------------------------------------------------- */

/* From e^−x = high + low, |low| < 2^−15.6·high. d + f = 1 + high + low with f < 2^−15.5·d; q = 1/d
 * rounded; 1/(d + f) = q/(1 + s) with s = q·(d + f) − 1, q·d − 1 being exact; that is q + q·t with
 * t = s·(s − 1), but for s³ < 2^−46.
 *
 * Relative errors: e^−x 2^−36.8; six roundings of terms below 2^−15.5, of low, f, s, s − 1, t and
 * its bounds, 2^−36.9: 2^−35.85 together. */
#define QUICK_SIGMOID_ERROR 0x1.2p-36f

static inline quick quick_sigmoid(pf high, pf low, pf x)
{
    pf one = pf_set(1), larger = pf_max(high, one), smaller = pf_min(high, one);
    pf d = pf_add(larger, smaller);
    pf f = pf_add(pf_sub(smaller, pf_sub(d, larger)), low);
    pf q = pf_div(one, d);
    pf s = pf_fma(q, f, pf_fma(q, d, pf_set(-1)));
    pf t = pf_mul(s, pf_sub(s, one)), error = pf_set(QUICK_SIGMOID_ERROR);
    pf least = pf_fma(q, pf_sub(t, error), q), most = pf_fma(q, pf_add(t, error), q);
    return (quick){ most, pfm_and(pf_eq(least, most), pf_le(pf_abs(x), pf_set(60))) };
}

/* f(e^−a, x) with a = x or |x|. The power waits in memory: the processor overlaps two short chains
 * of operations better than it does a long one. */
static inline __attribute__((always_inline)) void
map_quick_power(const bool absolute, quick (*f)(pf high, pf low, pf x),
                void (*in_double)(const float *, float *, int64_t), const float *x, float *y,
                int64_t n)
{
    enum { BLOCK = 16 * PF_LANES };
    float high[BLOCK], low[BLOCK];
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        for (int j = 0; j < BLOCK; j += PF_LANES) {
            pf a = pf_load(x + i + j);
            quick_power e = quick_exp_power(pf_neg(absolute ? pf_abs(a) : a));
            pf_store(high + j, e.high);
            pf_store(low + j, pf_fma(e.high, e.w, e.low));
        }
        for (int j = 0; j < BLOCK; j += PF_LANES) {
            quick value = f(pf_load(high + j), pf_load(low + j), pf_load(x + i + j));
            if (pfm_all(value.sure))
                pf_store(y + i + j, value.value);
            else
                in_double(x + i + j, y + i + j, PF_LANES);
        }
    }
    in_double(x + i, y + i, n - i);
}

static void kernel_sigmoid_quick(const float *x, float *y, int64_t n)
{
    map_quick_power(false, quick_sigmoid, kernel_sigmoid, x, y, n);
}

/* --- sigmoid's derivative: e/(1 + e)², e = e^−|x|, for |x| ≤ 60 ----------------------------------
 *
 * 1 + e = d + f, q = 1/d rounded and s = q·(d + f) − 1 as above, |s| < 2^−15.5, so that (1 + e)^−2
 * = q²·(1 + u), u = −2·s + 3·s², but for 4·s³ < 2^−44. q² = p + p_lost and high·p = m + m_lost
 * exactly, and with c = m_lost + high·p_lost + low·p, |c| < 2^−15.4·m, the value is m + c + u·(m +
 * c).
 *
 * Relative errors: e 2^−36.8; four roundings of terms of 2^−14.5, of s, u, c and m + c, below
 * 2^−38.5 each: 2^−35.5 together. */
static inline quick quick_sigmoid_derivative(pf high, pf low, pf x)
{
    pf one = pf_set(1), d = pf_add(one, high);
    pf f = pf_add(pf_sub(high, pf_sub(d, one)), low);
    pf q = pf_div(one, d);
    pf s = pf_fma(q, f, pf_fma(q, d, pf_set(-1)));
    pf u = pf_mul(s, pf_fma(s, pf_set(3), pf_set(-2)));
    pf p = pf_mul(q, q), p_lost = pf_fma(q, q, pf_neg(p));
    pf m = pf_mul(high, p), m_lost = pf_fma(high, p, pf_neg(m));
    pf c = pf_fma(low, p, pf_fma(high, p_lost, m_lost));
    pf rest = pf_fma(u, pf_add(m, c), c), error = pf_set(0x1p-35f);
    return quick_round(m, pf_fma(m, pf_neg(error), rest), pf_fma(m, error, rest),
                       pf_le(pf_abs(x), pf_set(60)));
}

static void kernel_sigmoid_derivative_quick(const float *x, float *y, int64_t n)
{
    map_quick_power(true, quick_sigmoid_derivative, kernel_sigmoid_derivative, x, y, n);
}

/* --- log x for normal x, log(1 + x) for x ≤ 2^60 ------------------------------------------------
 *
 * x = 2^k·m with m in [0.71875, 1.4375), which is cut in 8 intervals; each has a number b near 1/m,
 * 1 around m = 1, so short that r = b·m − 1 is exact; |r| < 0.0704.
 * log x = (k·ln 2 − log b) + log(1 + r); the first is split in multiples of 2^−17, which are
 * added exactly, and the rest. log(1 + r) = r − r²/2 − r³/2·p(r), p of degree 4 by fpminimax. */

typedef struct quick_log_parts {
    pi power; /* k in the exponent's place */
    pf b, r;
    pf high, low; /* k·ln 2 − log b */
} quick_log_parts;

static inline quick_log_parts quick_log_split(pf x)
{
    static const float b[] = { 1.3125f, 1.25f, 1.125f, 1.0625f, 1, 0.875f, 0.8125f, 0.71875f };
    static const float high[] = { -0x1.1676p-2f, -0x1.c9p-3f,  -0x1.e27p-4f, -0x1.f0ap-5f, 0,
                                  0x1.1178p-3f,  0x1.a940p-3f, 0x1.522ap-2f };
    static const float low[] = {
        0x1.aa2a2cp-21f, 0x1.070cacp-20f,  -0x1.db8abcp-22f, -0x1.86008cp-20f, 0,
        0x1.d044fcp-20f, -0x1.2c3752p-19f, 0x1.c0e714p-19f,
    };
    quick_log_parts l;
    pi above = pi_sub(pf_bits(x), pi_set(0x3f380000)); /* the bits of 0.71875 */
    pi index = pi_shr(above, 20);
    pf k = pi_to_pf(pi_sar(above, 23));
    l.power = pi_and(above, pi_set(-0x800000));
    l.b = pf_lookup8(b, index);
    l.r = pf_fma(pi_float(pi_sub(pf_bits(x), l.power)), l.b, pf_set(-1));
    l.high = pf_fma(k, pf_set(0x1.62e4p-1f), pf_lookup8(high, index));
    l.low = pf_fma(k, pf_set(0x1.7f7d1cp-20f), pf_lookup8(low, index));
    return l;
}

typedef struct quick_log_value {
    pf sum, rest, error; /* sum + rest, within error */
} quick_log_value;

/* high + low + log(1 + r). high is 0 or exceeds |r|, so that what its sum with a = r − r²/2
 * (rounded) loses is exact.
 *
 * Errors: p 2^−25.5 and seven roundings of r³/2·p, |p| < 0.72, are together below r²/2·2^−25. If
 * high is 0, all others are roundings of terms below 2^−24·|result|. Else |result| > 0.03, and four
 * roundings of low, of size 2^−18.2 + |k|·2^−19.4, are below 2^−35·|result|. */
static inline quick_log_value quick_log_parts_sum(pf high, pf low, pf r)
{
    pf half = pf_mul(r, pf_set(-0.5f));
    pf a = pf_fma(r, half, r);
    pf a_lost = pf_fma(r, half, pf_sub(r, a));
    pf square = pf_mul(r, half), cube = pf_mul(square, r);
    pf p = pf_fma(r, pf_set(-0x1.2b333ep-2f), pf_set(0x1.56d298p-2f));
    p = pf_fma(r, p, pf_set(-0x1.9992f0p-2f));
    p = pf_fma(r, p, pf_set(0x1.ffff8ep-2f));
    p = pf_fma(r, p, pf_set(-0x1.555556p-1f));
    pf sum = pf_add(high, a);
    pf rest = pf_add(pf_add(pf_sub(high, sum), a), pf_fma(cube, p, a_lost));
    rest = pf_add(rest, low);
    pf error = pf_fma(square, pf_set(-0x1p-25f), pf_mul(pf_abs(sum), pf_set(0x1p-35f)));
    return (quick_log_value){ sum, rest, error };
}

static inline quick quick_log_sum(pf high, pf low, pf r, pfm inside)
{
    quick_log_value v = quick_log_parts_sum(high, low, r);
    return quick_round(v.sum, pf_sub(v.rest, v.error), pf_add(v.rest, v.error), inside);
}

static inline pfm quick_is_normal(pf x)
{
    pi bits = pf_bits(x);
    return pfm_and(pi_gt(bits, pi_set(0x7fffff)), pi_gt(pi_set(0x7f800000), bits));
}

static inline quick quick_log(pf x)
{
    quick_log_parts l = quick_log_split(x);
    return quick_log_sum(l.high, l.low, l.r, quick_is_normal(x));
}

/* log x times the factor c + d, |d| < 2^−24·c. The product of c and the sum is exact in two floats;
 * what is left out or rounded, d·rest and terms below 2^−8·|value|, is below 2^−31·|value|. */
static inline quick quick_log_scaled(pf x, float c, float d)
{
    quick_log_parts l = quick_log_split(x);
    quick_log_value v = quick_log_parts_sum(l.high, l.low, l.r);
    pf factor = pf_set(c), y = pf_mul(v.sum, factor);
    pf rest = pf_fma(v.sum, pf_set(d), pf_fma(v.sum, factor, pf_neg(y)));
    rest = pf_fma(v.rest, factor, rest);
    pf error = pf_fma(pf_abs(y), pf_set(0x1p-31f), pf_mul(v.error, factor));
    return quick_round(y, pf_sub(rest, error), pf_add(rest, error), quick_is_normal(x));
}

static inline quick quick_log2(pf x)
{
    return quick_log_scaled(x, 0x1.715476p0f, 0x1.4ae0cp-26f);
}

static void kernel_log2_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_log2, kernel_log2, x, y, n);
}

static inline quick quick_log10(pf x)
{
    return quick_log_scaled(x, 0x1.bcb7b2p-2f, -0x1.5b235ep-27f);
}

static void kernel_log10_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_log10, kernel_log10, x, y, n);
}

static void kernel_log_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_log, kernel_log, x, y, n);
}

/* 1 + x = u + lost (Knuth's two-sum). With e = lost·b/2^k < 2^−23.6,
 * log(1 + r + e) = log(1 + r) + e·(1 − r)·(1 + r²) but for e·r⁴ and e², both below 2^−38 and
 * 2^−33·r²/2. Around u = 1, where b = 1 and k = 0, x itself is r + e: then nothing is lost. */
static inline quick quick_log1p(pf x)
{
    pf one = pf_set(1), u = pf_add(x, one), x_kept = pf_sub(u, one);
    pf lost = pf_add(pf_sub(x, x_kept), pf_sub(one, pf_sub(u, x_kept)));
    quick_log_parts l = quick_log_split(u);
    pfm near = pf_eq(l.high, pf_set(0));
    pf scale = pi_float(pi_sub(pi_set(0x3f800000), l.power));
    pf e = pf_mul(pf_mul(lost, scale), l.b);
    e = pf_mul(pf_mul(e, pf_sub(one, l.r)), pf_fma(l.r, l.r, one));
    pf r = pf_select(near, x, l.r), low = pf_select(near, l.low, pf_add(l.low, e));
    pfm inside = pfm_and(pf_le(x, pf_set(0x1p60f)), pi_gt(pf_bits(u), pi_set(0x7fffff)));
    pfm not_zero = pi_gt(pf_bits(pf_abs(x)), pi_set(0)); /* the sum would lose the sign of −0 */
    return quick_log_sum(l.high, low, r, pfm_and(inside, not_zero));
}

static void kernel_log1p_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_log1p, kernel_log1p, x, y, n);
}

/* --- 1/√x for 2^−60 ≤ x ≤ 2^60 ----------------------------------------------------------------
 *
 * y = 1/√x with two roundings; 1/√x = y·(1 − e)^−½ with e = 1 − x·y², |e| < 2^−22, y² as a sum of
 * two floats. That is y + y·e/2 but for 3/8·e² < 2^−45. */
static inline quick quick_rsqrt(pf x)
{
    pf one = pf_set(1), y = pf_div(one, pf_sqrt(x)), minus_x = pf_neg(x);
    pf square = pf_mul(y, y), square_lost = pf_fma(y, y, pf_neg(square));
    pf e = pf_fma(minus_x, square_lost, pf_fma(minus_x, square, one));
    pf half = pf_mul(y, pf_set(0.5f)), error = pf_mul(y, pf_set(0x1p-40f));
    pfm inside = pfm_and(pf_le(pf_set(0x1p-60f), x), pf_le(x, pf_set(0x1p60f)));
    return quick_round(y, pf_fma(half, e, pf_neg(error)), pf_fma(half, e, error), inside);
}

static void kernel_rsqrt_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_rsqrt, kernel_rsqrt, x, y, n);
}

/* --- 1/(1 + x) for −0.99 ≤ x ≤ 2^60 -----------------------------------------------------------
 *
 * 1 + x = d + f exactly (Dekker), |f| ≤ 2^−24·d; with q = 1/d rounded and s = q·(d + f) − 1, |s| <
 * 2^−22.4, the value is q − q·s but for q·s², below 2^−44·q. */
static inline quick quick_log1p_derivative(pf x)
{
    pf one = pf_set(1), larger = pf_max(x, one), smaller = pf_min(x, one);
    pf d = pf_add(larger, smaller), f = pf_sub(smaller, pf_sub(d, larger));
    pf q = pf_div(one, d), minus_q = pf_neg(q);
    pf s = pf_fma(q, f, pf_fma(q, d, pf_set(-1))), error = pf_mul(q, pf_set(0x1p-40f));
    pfm inside = pfm_and(pf_le(pf_set(-0.99f), x), pf_le(x, pf_set(0x1p60f)));
    return quick_round(q, pf_fma(minus_q, s, pf_neg(error)), pf_fma(minus_q, s, error), inside);
}

static void kernel_log1p_derivative_quick(const float *x, float *y, int64_t n)
{
    map_quick(quick_log1p_derivative, kernel_log1p_derivative, x, y, n);
}
