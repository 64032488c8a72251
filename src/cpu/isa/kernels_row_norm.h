/* kernels_row_norm.h: runs of a row norm (src/ref/row_norm.c says what each line rounds). */

static inline vf norm_normal(const cpu_norm_run *r, vf x)
{
    return vf_mul(vf_sub(x, vf_set(r->mean)), vf_set(r->rstd));
}

/* A weight or bias: `each` an element of its own, or one for all. */
static inline vf norm_factor(const cpu_norm_run *r, const float *factor, int64_t i, int lanes)
{
    if (!r->each)
        return vf_set(*factor);
    return lanes == VF_LANES ? vf_load(factor + i) : vf_load_n(factor + i, lanes);
}

static inline vf norm_read(const float *x, int64_t i, int lanes)
{
    return lanes == VF_LANES ? vf_load(x + i) : vf_load_n(x + i, lanes);
}

static inline void norm_write(float *y, int64_t i, int lanes, vf value)
{
    if (lanes == VF_LANES)
        vf_store(y + i, value);
    else
        vf_store_n(y + i, value, lanes);
}

static inline int norm_lanes(int64_t left)
{
    return left < VF_LANES ? (int)left : VF_LANES;
}

/* y = normal·weight + bias, each where there is one. */
static inline void norm_put(const cpu_norm_run *r, vf normal, float *y, int64_t i, int lanes)
{
    if (r->weight)
        normal = vf_mul(normal, norm_factor(r, r->weight, i, lanes));
    if (r->bias)
        normal = vf_add(normal, norm_factor(r, r->bias, i, lanes));
    norm_write(y, i, lanes, normal);
}

static void kernel_norm_apply(const cpu_norm_run *r, float *y, int64_t n)
{
    const cpu_norm_run run = *r; /* a copy that no store can change */
    for (int64_t i = 0; i < n; i += VF_LANES) {
        int lanes = norm_lanes(n - i);
        norm_put(&run, norm_normal(&run, norm_read(run.x, i, lanes)), y, i, lanes);
    }
}

/* The same with (x − mean)/std as the normal, as batch norm rounds it. */
static void kernel_norm_divide(const cpu_norm_run *r, float std, float *y, int64_t n)
{
    const cpu_norm_run run = *r;
    for (int64_t i = 0; i < n; i += VF_LANES) {
        int lanes = norm_lanes(n - i);
        vf centred = vf_sub(norm_read(run.x, i, lanes), vf_set(run.mean));
        norm_put(&run, vf_div(centred, vf_set(std)), y, i, lanes);
    }
}

/* Lane 0 of the sum rule's fold. */
static float norm_fold(const vf *lanes)
{
    float lane[CHUNK_LANES];
    for (int v = 0; v < CHUNK_LANES / VF_LANES; v++)
        vf_store(lane + v * VF_LANES, lanes[v]);
    for (int half = CHUNK_LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

/* The sum of (x − mean)² over one chunk. What a short vector does not reach adds +0, which changes
 * no lane: none is −0. */
static float kernel_norm_squares(const float *x, float mean, int64_t n)
{
    enum { VECTORS = CHUNK_LANES / VF_LANES };
    vf sum[VECTORS];
    for (int v = 0; v < VECTORS; v++)
        sum[v] = vf_zero();
    int64_t i = 0;
    for (; i + CHUNK_LANES <= n; i += CHUNK_LANES)
        for (int v = 0; v < VECTORS; v++) {
            vf d = vf_sub(vf_load(x + i + v * VF_LANES), vf_set(mean));
            sum[v] = vf_add(sum[v], vf_mul(d, d));
        }
    float rest[CHUNK_LANES] = { 0 };
    for (int64_t j = i; j < n; j++)
        rest[j - i] = (x[j] - mean) * (x[j] - mean);
    for (int v = 0; v < VECTORS; v++)
        sum[v] = vf_add(sum[v], vf_load(rest + v * VF_LANES));
    return norm_fold(sum);
}

/* Adds q and q·normal of the vector from element `at` on; what a short one does not reach adds +0.
 */
static inline __attribute__((always_inline)) void norm_add(const cpu_norm_run *run,
                                                           const float *grad, float *products,
                                                           int64_t at, int lanes, vf *sum,
                                                           vf *product)
{
    vf g = norm_read(grad, at, lanes), q = g;
    vf normal = norm_normal(run, norm_read(run->x, at, lanes));
    if (run->weight)
        q = vf_mul(q, norm_factor(run, run->weight, at, lanes));
    vf qh = vf_mul(q, normal);
    if (products)
        norm_write(products, at, lanes, vf_mul(g, normal));
    if (lanes < VF_LANES) {
        float q_rest[VF_LANES] = { 0 }, qh_rest[VF_LANES] = { 0 };
        vf_store_n(q_rest, q, lanes);
        vf_store_n(qh_rest, qh, lanes);
        q = vf_load(q_rest);
        qh = vf_load(qh_rest);
    }
    *sum = vf_add(*sum, q);
    *product = vf_add(*product, qh);
}

/* Continues two sums of one chunk, those of q and of q·normal, q = grad·weight, whose lanes are
 * sums[0] to sums[15] and sums[16] to sums[31], from the chunk's element 16·k on; and products =
 * grad·normal unless NULL. */
static void kernel_norm_sums(const cpu_norm_run *r, const float *grad, float *products, int64_t n,
                             float *sums)
{
    enum { VECTORS = CHUNK_LANES / VF_LANES };
    const cpu_norm_run run = *r;
    vf sum[VECTORS], product[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        sum[v] = vf_load(sums + v * VF_LANES);
        product[v] = vf_load(sums + CHUNK_LANES + v * VF_LANES);
    }
    int64_t i = 0;
    for (; i + CHUNK_LANES <= n; i += CHUNK_LANES)
        for (int v = 0; v < VECTORS; v++)
            norm_add(&run, grad, products, i + v * VF_LANES, VF_LANES, &sum[v], &product[v]);
    for (int v = 0; i < n; v++, i += VF_LANES)
        norm_add(&run, grad, products, i, norm_lanes(n - i), &sum[v], &product[v]);
    for (int v = 0; v < VECTORS; v++) {
        vf_store(sums + v * VF_LANES, sum[v]);
        vf_store(sums + CHUNK_LANES + v * VF_LANES, product[v]);
    }
}

/* y = rstd·((q − mean_grad) − normal·slope). */
static void kernel_norm_gradient(const cpu_norm_run *r, const float *grad, float mean_grad,
                                 float slope, float *y, int64_t n)
{
    const cpu_norm_run run = *r;
    for (int64_t i = 0; i < n; i += VF_LANES) {
        int lanes = norm_lanes(n - i);
        vf q = norm_read(grad, i, lanes);
        vf normal = norm_normal(&run, norm_read(run.x, i, lanes));
        if (run.weight)
            q = vf_mul(q, norm_factor(&run, run.weight, i, lanes));
        q = vf_sub(vf_sub(q, vf_set(mean_grad)), vf_mul(normal, vf_set(slope)));
        norm_write(y, i, lanes, vf_mul(vf_set(run.rstd), q));
    }
}
