/* kernels_resample.h: weighted sums of rows and within a row (src/ref/resample.c). */

/* `vectors` neighbours, which share a tap's weight and place. */
static inline __attribute__((always_inline)) void weigh_lanes(const int vectors, const float *x,
                                                              int64_t stride, const int64_t *index,
                                                              const float *weight, int64_t taps,
                                                              float *y)
{
    vf sum[4];
    for (int v = 0; v < vectors; v++)
        sum[v] = vf_mul(vf_set(weight[0]), vf_load(x + index[0] * stride + v * VF_LANES));
    for (int64_t k = 1; k < taps; k++)
        for (int v = 0; v < vectors; v++)
            sum[v] =
                vf_fma(vf_set(weight[k]), vf_load(x + index[k] * stride + v * VF_LANES), sum[v]);
    for (int v = 0; v < vectors; v++)
        vf_store(y + v * VF_LANES, sum[v]);
}

/* y[j] = Σ weight[k]·x[index[k]·stride + j], j < n, taps ≥ 1. */
static void kernel_axis_rows(const float *x, int64_t stride, const int64_t *index,
                             const float *weight, int64_t taps, int64_t n, float *y)
{
    int64_t j = 0;
    for (; j + 4 * VF_LANES <= n; j += 4 * VF_LANES)
        weigh_lanes(4, x + j, stride, index, weight, taps, y + j);
    for (; j + VF_LANES <= n; j += VF_LANES)
        weigh_lanes(1, x + j, stride, index, weight, taps, y + j);
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
