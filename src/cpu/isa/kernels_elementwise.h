/* kernels_elementwise.h: n elements, one operation each. y may be an operand itself. */

/* Of one operand. */
static inline __attribute__((always_inline)) void map_float(vf (*f)(vf), const float *x, float *y,
                                                            int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, f(vf_load(x + i)));
    if (i < n) {
        int rest = (int)(n - i);
        vf_store_n(y + i, f(vf_load_n(x + i, rest)), rest);
    }
}

static void kernel_add(const float *a, const float *b, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_add(vf_load(a + i), vf_load(b + i)));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_add(vf_load_n(a + i, rest), vf_load_n(b + i, rest)), rest);
}

static void kernel_sub(const float *a, const float *b, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_sub(vf_load(a + i), vf_load(b + i)));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_sub(vf_load_n(a + i, rest), vf_load_n(b + i, rest)), rest);
}

static void kernel_mul(const float *a, const float *b, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_mul(vf_load(a + i), vf_load(b + i)));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_mul(vf_load_n(a + i, rest), vf_load_n(b + i, rest)), rest);
}

static void kernel_div(const float *a, const float *b, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_div(vf_load(a + i), vf_load(b + i)));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_div(vf_load_n(a + i, rest), vf_load_n(b + i, rest)), rest);
}

static void kernel_sub_scalar(const float *a, float b, float *y, int64_t n)
{
    vf scalar = vf_set(b);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_sub(vf_load(a + i), scalar));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_sub(vf_load_n(a + i, rest), scalar), rest);
}

static void kernel_mul_scalar(const float *a, float b, float *y, int64_t n)
{
    vf scalar = vf_set(b);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_mul(vf_load(a + i), scalar));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_mul(vf_load_n(a + i, rest), scalar), rest);
}

static void kernel_div_scalar(const float *a, float b, float *y, int64_t n)
{
    vf scalar = vf_set(b);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_div(vf_load(a + i), scalar));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, vf_div(vf_load_n(a + i, rest), scalar), rest);
}

/* x < 0 ? 0 : x, so a NaN and −0 stay. */
static inline vf relu_lanes(vf x)
{
    return vf_select(vf_lt(x, vf_zero()), vf_zero(), x);
}

/* x ≤ 0 ? 0 : grad, so a NaN lets the gradient through. */
static inline vf relu_backward_lanes(vf grad, vf x)
{
    return vf_select(vf_le(x, vf_zero()), vf_zero(), grad);
}

static void kernel_relu(const float *x, float *y, int64_t n)
{
    map_float(relu_lanes, x, y, n);
}

static void kernel_relu_backward(const float *grad, const float *x, float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, relu_backward_lanes(vf_load(grad + i), vf_load(x + i)));
    int rest = (int)(n - i);
    if (rest)
        vf_store_n(y + i, relu_backward_lanes(vf_load_n(grad + i, rest), vf_load_n(x + i, rest)),
                   rest);
}

static inline vf reciprocal_lanes(vf x)
{
    return vf_div(vf_set(1), x);
}

static void kernel_reciprocal(const float *x, float *y, int64_t n)
{
    map_float(reciprocal_lanes, x, y, n);
}
