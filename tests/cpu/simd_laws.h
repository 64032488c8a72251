/* simd_laws.h: holds every vector primitive against scalar C, lane by lane, on random and awkward
 * numbers. Included by test_simd_NAME.c after cpu/isa/simd_NAME.h. */
#include "core/fp.h"
#include "core/view.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

enum { ROUNDS = 40000 };

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1du;
}

/* A float of any kind: plain bits, one with few set bits, one near the subnormals, a special. */
static float random_float(void)
{
    static const uint32_t special[] = {
        0,          0x80000000, 1,          0x80000001, 0x007fffff,
        0x00800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
        0x3f800000, 0xbf800000, 0x3f7fffff, 0x3f800001, 0x4b000000
    };
    uint64_t r = random_bits();
    uint32_t bits = (uint32_t)(r >> 32);
    switch (r & 7) {
    case 0:
        return core_bits_float(special[bits % (sizeof special / sizeof *special)]);
    case 1: /* around 2^-70: products are subnormal or vanish */
        return core_bits_float((bits & 0x807fffff) | (bits >> 9 & 31) << 23 | 40u << 23);
    case 2: /* few bits: sums are exact or tie */
        return core_bits_float(bits & 0x87c00001);
    case 3:
        return core_bits_float((bits & 0x807fffff) | (120 + (bits >> 9 & 15)) << 23);
    case 4:
        return core_bits_float(bits & 0x807fffff); /* subnormal */
    default:
        return core_bits_float(bits);
    }
}

static void same_float(float got, float want)
{
    if (core_float_bits(got) != core_float_bits(want) && !(isnan(got) && isnan(want)))
        fail_msg("got %a, want %a", (double)got, (double)want);
}

static void same_double(double got, double want)
{
    if (memcmp(&got, &want, sizeof got) != 0 && !(isnan(got) && isnan(want)))
        fail_msg("got %a, want %a", got, want);
}

/* Each law takes three vectors' worth of numbers. */
typedef struct simd_case {
    float a[VF_LANES], b[VF_LANES], c[VF_LANES];
} simd_case;

static simd_case random_case(void)
{
    simd_case t;
    for (int i = 0; i < VF_LANES; i++) {
        t.a[i] = random_float();
        t.b[i] = random_float();
        t.c[i] = random_float();
        uint64_t r = random_bits();
        if (r % 5 == 0) /* the addend nearly cancels or nearly ties with the product */
            t.c[i] = (r & 64 ? -1.0f : 1.0f) * (t.a[i] * t.b[i]) * (float)(1 + (r >> 8 & 3));
        if (r % 5 == 1) {
            t.a[i] = 1.0f + (float)(r >> 40) * 0x1p-24f;
            t.b[i] = core_bits_float(core_float_bits(t.a[i]) ^ 1);
            t.c[i] = ldexpf((r & 64 ? -1.0f : 1.0f), (int)(r >> 8 & 127) - 64);
        }
    }
    return t;
}

#define EACH(expression_got, expression_want)         \
    do {                                              \
        float out[VF_LANES];                          \
        vf_store(out, expression_got);                \
        for (int i = 0; i < VF_LANES; i++) {          \
            float x = t.a[i], y = t.b[i], z = t.c[i]; \
            (void)x, (void)y, (void)z;                \
            same_float(out[i], expression_want);      \
        }                                             \
    } while (0)

static void test_arithmetic(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        simd_case t = random_case();
        vf a = vf_load(t.a), b = vf_load(t.b), c = vf_load(t.c);
        EACH(vf_add(a, b), x + y);
        EACH(vf_sub(a, b), x - y);
        EACH(vf_mul(a, b), x * y);
        EACH(vf_div(a, b), x / y);
        EACH(vf_sqrt(a), sqrtf(x));
        EACH(vf_fma(a, b, c), fmaf(x, y, z));
        EACH(vf_neg(a), -x);
        EACH(vf_abs(a), fabsf(x));
        EACH(vf_min(a, b), x < y ? x : y);
        EACH(vf_max(a, b), x > y ? x : y);
        EACH(vd_pack(vf_lo(a), vf_hi(a)), x);
        EACH(vd_pack(vd_mul(vf_lo(a), vf_lo(b)), vd_mul(vf_hi(a), vf_hi(b))),
             (float)((double)x * (double)y));
    }
}

static void test_choice(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        simd_case t = random_case();
        vf a = vf_load(t.a), b = vf_load(t.b), c = vf_load(t.c);
        EACH(vf_select(vf_lt(a, b), a, c), x < y ? x : z);
        EACH(vf_select(vf_le(a, b), a, c), x <= y ? x : z);
        EACH(vf_select(vf_gt(a, b), a, c), x > y ? x : z);
        EACH(vf_select(vf_ge(a, b), a, c), x >= y ? x : z);
        EACH(vf_select(vf_eq(a, b), a, c), x == y ? x : z);
        EACH(vf_select(vf_ne(a, b), a, c), x != y ? x : z);
        EACH(vf_select(vfm_and(vf_lt(a, b), vf_lt(b, c)), a, c), x < y && y < z ? x : z);
        EACH(vf_select(vfm_or(vf_lt(a, b), vf_lt(b, c)), a, c), x < y || y < z ? x : z);
        EACH(vf_select(vfm_andnot(vf_lt(a, b), vf_lt(b, c)), a, c), x < y && !(y < z) ? x : z);
        unsigned bits = vfm_bits(vf_lt(a, b));
        for (int i = 0; i < VF_LANES; i++)
            assert_int_equal(bits >> i & 1, t.a[i] < t.b[i]);
        assert_int_equal(bits >> VF_LANES, 0);
    }
}

static void test_memory(void **state)
{
    (void)state;
    float from[VF_LANES + 1], to[VF_LANES + 1];
    for (int n = 0; n <= VF_LANES; n++) {
        for (int i = 0; i <= VF_LANES; i++) {
            from[i] = (float)(i + 1);
            to[i] = -7;
        }
        vf_store_n(to, vf_load(from), n);
        for (int i = 0; i <= VF_LANES; i++)
            same_float(to[i], i < n ? from[i] : -7);
        vf_store(to, vf_load_n(from, n));
        for (int i = 0; i < VF_LANES; i++)
            same_float(to[i], i < n ? from[i] : 0);
    }
    int32_t index[VF_LANES];
    for (int i = 0; i < VF_LANES; i++)
        index[i] = (i * 7 + 3) % VF_LANES;
    vf_store(to, vf_gather(from, vi_load(index)));
    for (int i = 0; i < VF_LANES; i++)
        same_float(to[i], from[index[i]]);
    const float eight[] = { 1, 2, 4, 8, 16, 32, 64, 128 };
    for (int i = 0; i < VF_LANES; i++)
        index[i] = i * 1021 - 2000;
    vf_store(to, vf_lookup8(eight, vi_load(index)));
    for (int i = 0; i < VF_LANES; i++)
        same_float(to[i], eight[index[i] & 7]);
    float pairs[2 * VF_LANES], odd[VF_LANES];
    for (int i = 0; i < 2 * VF_LANES; i++)
        pairs[i] = (float)i;
    vf_store(to, vf_even(vf_load(pairs), vf_load(pairs + VF_LANES)));
    vf_store(odd, vf_odd(vf_load(pairs), vf_load(pairs + VF_LANES)));
    for (int i = 0; i < VF_LANES; i++) {
        same_float(to[i], pairs[2 * i]);
        same_float(odd[i], pairs[2 * i + 1]);
    }
    float square[VF_LANES][VF_LANES];
    vf rows[VF_LANES];
    for (int i = 0; i < VF_LANES * VF_LANES; i++)
        square[i / VF_LANES][i % VF_LANES] = (float)i;
    for (int i = 0; i < VF_LANES; i++)
        rows[i] = vf_load(square[i]);
    vf_transpose(rows);
    for (int i = 0; i < VF_LANES; i++) {
        vf_store(to, rows[i]);
        for (int j = 0; j < VF_LANES; j++)
            same_float(to[j], square[j][i]);
    }
    for (uint32_t h = 0; h < 65536; h += VF_LANES) {
        uint16_t halves[VF_LANES];
        for (int i = 0; i < VF_LANES; i++)
            halves[i] = (uint16_t)(h + (uint32_t)i);
        vf_store(to, vf_load_f16(halves));
        vf_store(from, vf_load_bf16(halves));
        for (int i = 0; i < VF_LANES; i++) {
            same_float(to[i], core_from_f16(halves[i]));
            same_float(from[i], core_from_bf16(halves[i]));
        }
    }
}

static void test_high_bytes(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        int32_t from[VF_LANES], to[4][VF_LANES];
        for (int i = 0; i < VF_LANES; i++)
            from[i] = (int32_t)(0x01030507u * (uint32_t)(first + i));
        vi a = vi_load(from);
        vi_store(to[0], vi_high_byte(a, 0));
        vi_store(to[1], vi_high_byte(a, 1));
        vi_store(to[2], vi_high_byte(a, 2));
        vi_store(to[3], vi_high_byte(a, 3));
        for (int i = 0; i < 4 * VF_LANES; i++) {
            uint32_t x = (uint32_t)from[i % VF_LANES] >> 8 * (i / VF_LANES) & 0xff;
            assert_int_equal(to[i / VF_LANES][i % VF_LANES], (int32_t)(x << 24));
        }
    }
}

/* The same for int32, with wrapping done in unsigned C. */
#define EACH_INT(expression_got, expression_want)                                               \
    do {                                                                                        \
        int32_t out[VF_LANES];                                                                  \
        vi_store(out, expression_got);                                                          \
        for (int i = 0; i < VF_LANES; i++) {                                                    \
            int32_t x = (int32_t)core_float_bits(t.a[i]), y = (int32_t)core_float_bits(t.b[i]); \
            uint32_t ux = (uint32_t)x, uy = (uint32_t)y;                                        \
            (void)ux, (void)uy;                                                                 \
            assert_int_equal(out[i], (int32_t)(expression_want));                               \
        }                                                                                       \
    } while (0)

static void test_int32(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        simd_case t = random_case();
        if (round % 3 == 0)
            t.b[0] = t.a[0];
        vi a = vf_bits(vf_load(t.a)), b = vf_bits(vf_load(t.b));
        EACH_INT(vi_add(a, b), ux + uy);
        EACH_INT(vi_sub(a, b), ux - uy);
        EACH_INT(vi_mul(a, b), ux * uy);
        EACH_INT(vi_and(a, b), x & y);
        EACH_INT(vi_or(a, b), x | y);
        EACH_INT(vi_xor(a, b), x ^ y);
        EACH_INT(vi_andnot(a, b), x & ~y);
        EACH_INT(vi_shl(a, 5), ux << 5);
        EACH_INT(vi_shr(a, 5), ux >> 5);
        EACH_INT(vi_sar(a, 5), x >> 5);
        EACH_INT(vi_select(vi_gt(a, b), a, vi_set(3)), x > y ? x : 3);
        EACH_INT(vi_select(vi_eq(a, b), a, vi_set(3)), x == y ? x : 3);
        for (int i = 0; i < VF_LANES; i++)
            t.c[i] = isfinite(t.c[i]) ? fmodf(t.c[i], 0x1p31f) : 0;
        EACH_INT(vf_to_vi(vf_load(t.c)), lrintf(t.c[i]));
        EACH(vi_to_vf(a), (float)(int32_t)core_float_bits(x));
    }
}

/* The numbers of a case as doubles with more digits than a float has. */
static void as_doubles(const float *from, double *to)
{
    for (int i = 0; i < VD_LANES; i++)
        to[i] = (double)from[i] * (1.0 + (double)(random_bits() >> 12) * 0x1p-60);
}

#define EACH_DOUBLE(expression_got, expression_want) \
    do {                                             \
        double out[VD_LANES];                        \
        vd_store(out, expression_got);               \
        for (int i = 0; i < VD_LANES; i++) {         \
            double x = p[i], y = q[i], z = r[i];     \
            (void)x, (void)y, (void)z;               \
            same_double(out[i], expression_want);    \
        }                                            \
    } while (0)

static void test_double(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        simd_case t = random_case();
        double p[VD_LANES], q[VD_LANES], r[VD_LANES];
        as_doubles(t.a, p);
        as_doubles(t.b, q);
        as_doubles(t.c, r);
        if (round % 3 == 0)
            r[0] = -(p[0] * q[0]); /* the fused sum is the product's rounding error */
        vd a = vd_load(p), b = vd_load(q), c = vd_load(r);
        EACH_DOUBLE(vd_add(a, b), x + y);
        EACH_DOUBLE(vd_sub(a, b), x - y);
        EACH_DOUBLE(vd_mul(a, b), x * y);
        EACH_DOUBLE(vd_div(a, b), x / y);
        EACH_DOUBLE(vd_sqrt(a), sqrt(x));
        EACH_DOUBLE(vd_fma(a, b, c), fma(x, y, z));
        EACH_DOUBLE(vd_neg(a), -x);
        EACH_DOUBLE(vd_abs(a), fabs(x));
        EACH_DOUBLE(vd_min(a, b), x < y ? x : y);
        EACH_DOUBLE(vd_max(a, b), x > y ? x : y);
        EACH_DOUBLE(vd_select(vd_lt(a, b), a, c), x < y ? x : z);
        EACH_DOUBLE(vd_select(vd_le(a, b), a, c), x <= y ? x : z);
        EACH_DOUBLE(vd_select(vd_eq(a, b), a, c), x == y ? x : z);
        EACH_DOUBLE(vd_select(vd_ne(a, b), a, c), x != y ? x : z);
        EACH_DOUBLE(vd_select(vdm_and(vd_lt(a, b), vd_lt(b, c)), a, c), x < y && y < z ? x : z);
        EACH_DOUBLE(vd_select(vdm_or(vd_lt(a, b), vd_lt(b, c)), a, c), x < y || y < z ? x : z);
        unsigned bits = vdm_bits(vd_lt(a, b));
        for (int i = 0; i < VD_LANES; i++)
            assert_int_equal(bits >> i & 1, p[i] < q[i]);
        double table[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
        uint64_t bits_of_p[VD_LANES];
        memcpy(bits_of_p, p, sizeof p);
        EACH_DOUBLE(vd_gather(table, vl_and(vd_bits(a), vl_set(7))), table[bits_of_p[i] & 7]);
        EACH_DOUBLE(vd_set(2.5), 2.5);
    }
}

#define EACH_LONG(expression_got, expression_want)                      \
    do {                                                                \
        double out[VD_LANES];                                           \
        vd_store(out, vl_double(expression_got));                       \
        for (int i = 0; i < VD_LANES; i++) {                            \
            uint64_t x = p[i], y = q[i], got, want = (expression_want); \
            (void)x, (void)y;                                           \
            memcpy(&got, &out[i], sizeof got);                          \
            assert_true(got == want);                                   \
        }                                                               \
    } while (0)

static void test_int64(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p[VD_LANES], q[VD_LANES];
        for (int i = 0; i < VD_LANES; i++) {
            p[i] = random_bits();
            q[i] = round % 3 ? random_bits() : p[i];
        }
        vl a = vd_bits(vd_load((const double *)(void *)p));
        vl b = vd_bits(vd_load((const double *)(void *)q));
        EACH_LONG(vl_add(a, b), x + y);
        EACH_LONG(vl_sub(a, b), x - y);
        EACH_LONG(vl_and(a, b), x & y);
        EACH_LONG(vl_or(a, b), x | y);
        EACH_LONG(vl_xor(a, b), x ^ y);
        EACH_LONG(vl_andnot(a, b), x & ~y);
        EACH_LONG(vl_shl(a, 52), x << 52);
        EACH_LONG(vl_shr(a, 52), x >> 52);
        EACH_LONG(vl_select(vl_eq(a, b), a, vl_set(9)), x == y ? x : 9);
        EACH_LONG(vl_select(vl_gt(a, b), a, vl_set(9)), (int64_t)x > (int64_t)y ? x : 9);
    }
}

static int times_in(const int32_t *words, int32_t word)
{
    int times = 0;
    for (int i = 0; i < VF_LANES; i++)
        times += words[i] == word;
    return times;
}

/* The order of the words is free. */
static void test_low_words(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p[VF_LANES];
        int32_t want[VF_LANES], got[VF_LANES];
        for (int i = 0; i < VF_LANES; i++) {
            p[i] = random_bits();
            want[i] = (int32_t)(uint32_t)p[i];
        }
        const double *at = (const double *)(void *)p;
        vi_store(got, vd_low_words(vd_load(at), vd_load(at + VD_LANES)));
        for (int i = 0; i < VF_LANES; i++)
            assert_int_equal(times_in(got, want[i]), times_in(want, want[i]));
    }
}

static int run_simd_laws(const char *isa)
{
    core_fp_enter(); /* as every door does */
    for (int i = 0; ea_isa_available(i); i++)
        if (strcmp(ea_isa_available(i), isa) == 0) {
            const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_choice),
                cmocka_unit_test(test_memory),     cmocka_unit_test(test_high_bytes),
                cmocka_unit_test(test_int32),      cmocka_unit_test(test_double),
                cmocka_unit_test(test_int64),      cmocka_unit_test(test_low_words),
            };
            return cmocka_run_group_tests(tests, NULL, NULL);
        }
    puts("skipped: this machine does not have it");
    return 77;
}
