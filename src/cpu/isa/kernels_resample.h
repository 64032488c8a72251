/* kernels_resample.h: weighted sums of rows and within a row (src/ref/resample.c). */

static inline vf weigh_lanes(const float *x, int64_t stride, const int64_t *index,
                             const float *weight, int64_t taps)
{
    vf sum = vf_mul(vf_set(weight[0]), vf_load(x + index[0] * stride));
    for (int64_t k = 1; k < taps; k++)
        sum = vf_fma(vf_set(weight[k]), vf_load(x + index[k] * stride), sum);
    return sum;
}

/* y[j] = Σ weight[k]·x[index[k]·stride + j], j < n, taps ≥ 1. */
static void kernel_axis_rows(const float *x, int64_t stride, const int64_t *index,
                             const float *weight, int64_t taps, int64_t n, float *y)
{
    int64_t j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES)
        vf_store(y + j, weigh_lanes(x + j, stride, index, weight, taps));
    for (; j < n; j++) {
        float sum = weight[0] * x[index[0] * stride + j];
        for (int64_t k = 1; k < taps; k++)
            sum = fmaf(weight[k], x[index[k] * stride + j], sum);
        y[j] = sum;
    }
}

/* The outputs of one line of neighbours. */
static void kernel_axis_line(const ref_axis *axis, float fill, const float *x, float *y)
{
    for (int64_t i = 0; i < axis->out; i++) {
        int64_t k = axis->begin[i], end = axis->begin[i + 1];
        float sum = k < end ? axis->weight[k] * x[axis->index[k]] : fill;
        while (++k < end)
            sum = fmaf(axis->weight[k], x[axis->index[k]], sum);
        y[i] = sum;
    }
}
