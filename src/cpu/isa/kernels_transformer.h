/* kernels_transformer.h: the two chains of attention. Each lane runs one chain in its own order. */

/* out[i] = the chain of q[d]·keys[d·stride + i] over d, i < count. */
static void kernel_attention_scores(const float *q, int dim, const float *keys, int64_t stride,
                                    int count, float *out)
{
    int i = 0;
    for (; i + 4 * VF_LANES <= count; i += 4 * VF_LANES) {
        vf c0 = vf_zero(), c1 = vf_zero(), c2 = vf_zero(), c3 = vf_zero();
        for (int d = 0; d < dim; d++) {
            const float *key = keys + d * stride + i;
            vf x = vf_set(q[d]);
            c0 = vf_fma(x, vf_load(key), c0);
            c1 = vf_fma(x, vf_load(key + VF_LANES), c1);
            c2 = vf_fma(x, vf_load(key + 2 * VF_LANES), c2);
            c3 = vf_fma(x, vf_load(key + 3 * VF_LANES), c3);
        }
        vf_store(out + i, c0);
        vf_store(out + i + VF_LANES, c1);
        vf_store(out + i + 2 * VF_LANES, c2);
        vf_store(out + i + 3 * VF_LANES, c3);
    }
    for (; i < count; i += VF_LANES) {
        int lanes = count - i < VF_LANES ? count - i : VF_LANES;
        vf c = vf_zero();
        for (int d = 0; d < dim; d++)
            c = vf_fma(vf_set(q[d]), vf_load_n(keys + d * stride + i, lanes), c);
        vf_store_n(out + i, c, lanes);
    }
}

/* Continues chain[d] with weight[i]·values[i·dim + d] over i < count. */
static void kernel_attention_values(const float *weight, int count, const float *values, int dim,
                                    float *chain)
{
    int d = 0;
    for (; d + 4 * VF_LANES <= dim; d += 4 * VF_LANES) {
        float *c = chain + d;
        vf c0 = vf_load(c), c1 = vf_load(c + VF_LANES);
        vf c2 = vf_load(c + 2 * VF_LANES), c3 = vf_load(c + 3 * VF_LANES);
        for (int i = 0; i < count; i++) {
            const float *value = values + (int64_t)i * dim + d;
            vf x = vf_set(weight[i]);
            c0 = vf_fma(x, vf_load(value), c0);
            c1 = vf_fma(x, vf_load(value + VF_LANES), c1);
            c2 = vf_fma(x, vf_load(value + 2 * VF_LANES), c2);
            c3 = vf_fma(x, vf_load(value + 3 * VF_LANES), c3);
        }
        vf_store(c, c0);
        vf_store(c + VF_LANES, c1);
        vf_store(c + 2 * VF_LANES, c2);
        vf_store(c + 3 * VF_LANES, c3);
    }
    for (; d < dim; d += VF_LANES) {
        int lanes = dim - d < VF_LANES ? dim - d : VF_LANES;
        vf c = vf_load_n(chain + d, lanes);
        for (int i = 0; i < count; i++)
            c = vf_fma(vf_set(weight[i]), vf_load_n(values + (int64_t)i * dim + d, lanes), c);
        vf_store_n(chain + d, c, lanes);
    }
}
