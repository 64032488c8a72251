/* kernels_pool.h: the common pooling. */

/* A vector of windows: later elements win when larger or NaN. `at` is each winner's place in its
 * window: 0, 1 in the upper row, the row's width and that + 1 in the lower. */
static inline vf pool_lanes(vf best, const vf next[3], const vi place[3], vi *at)
{
    *at = vi_set(0);
    for (int i = 0; i < 3; i++) {
        vfm wins = vfm_or(vf_gt(next[i], best), vf_ne(next[i], next[i]));
        best = vf_select(wins, next[i], best);
        *at = vi_select(wins, place[i], *at);
    }
    return best;
}

static inline vf pool_windows(vf upper0, vf upper1, vf lower0, vf lower1, int64_t width,
                              int32_t *at)
{
    const vi place[3] = { vi_set(1), vi_set((int32_t)width), vi_set((int32_t)width + 1) };
    const vf next[3] = { vf_odd(upper0, upper1), vf_even(lower0, lower1), vf_odd(lower0, lower1) };
    vi places;
    vf best = pool_lanes(vf_even(upper0, upper1), next, place, &places);
    vi_store(at, places);
    return best;
}

/* The last n < VF_LANES outputs of a row. */
static void pool_rest(const float *upper, int64_t width, int n, float *y, int64_t *positions,
                      int64_t base)
{
    const float *lower = upper + width;
    int first = 2 * n < VF_LANES ? 2 * n : VF_LANES, second = 2 * n - first;
    int32_t at[VF_LANES];
    float best[VF_LANES];
    vf_store(best,
             pool_windows(vf_load_n(upper, first), vf_load_n(upper + first, second),
                          vf_load_n(lower, first), vf_load_n(lower + first, second), width, at));
    for (int i = 0; i < n; i++) {
        y[i] = best[i];
        positions[i] = base + 2 * i + at[i];
    }
}

/* One output row of 2 × 2 windows side by side: n outputs from the rows x and x + width, whose
 * first element has position `base` in the plane. */
static void kernel_max_pool_2x2(const float *x, int64_t width, int64_t n, float *y,
                                int64_t *positions, int64_t base)
{
    int64_t j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES) {
        const float *upper = x + 2 * j, *lower = upper + width;
        int32_t at[VF_LANES];
        vf_store(y + j, pool_windows(vf_load(upper), vf_load(upper + VF_LANES), vf_load(lower),
                                     vf_load(lower + VF_LANES), width, at));
        for (int i = 0; i < VF_LANES; i++)
            positions[j + i] = base + 2 * (j + i) + at[i];
    }
    if (j < n)
        pool_rest(x + 2 * j, width, (int)(n - j), y + j, positions + j, base + 2 * j);
}
