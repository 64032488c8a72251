/* kernels_pool.h: the common pooling. */

/* One output row of 2 × 2 windows side by side: n outputs from the rows x and x + width, whose
 * first element has position `base` in the plane. Later elements win when larger or NaN. */
static void kernel_max_pool_2x2(const float *x, int64_t width, int64_t n, float *y,
                                int64_t *positions, int64_t base)
{
    for (int64_t j = 0; j < n; j++) {
        const float *a = x + 2 * j, *b = a + width;
        float best = a[0];
        int64_t at = 0;
        at = a[1] > best || a[1] != a[1] ? 1 : at;
        best = at == 1 ? a[1] : best;
        bool third = b[0] > best || b[0] != b[0];
        at = third ? width : at;
        best = third ? b[0] : best;
        bool fourth = b[1] > best || b[1] != b[1];
        at = fourth ? width + 1 : at;
        y[j] = fourth ? b[1] : best;
        positions[j] = base + 2 * j + at;
    }
}
