/* kernels_transformer.h: the two chains of attention. Each lane runs one chain in its own order. A
 * tile is some heads, which share the keys and values, times some vectors: enough chains to keep
 * the multipliers busy. `heads` and `vectors` are constants at every call. */

/* Chains of keys 0 … vectors · VF_LANES − 1, of the last `lanes` keys when there is one vector. */
GEMM_INLINE void attention_scores_tile(const int heads, const int vectors, const float *q, int dim,
                                       const float *keys, int64_t stride, int lanes, float *out,
                                       int64_t out_row)
{
    vf sum[4][4];
    GEMM_UNROLL
    for (int h = 0; h < heads; h++)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        sum[h][v] = vf_zero();
    for (int d = 0; d < dim; d++, keys += stride) {
        vf key[4];
        GEMM_UNROLL
        for (int v = 0; v < vectors; v++)
            key[v] = vectors > 1 ? vf_load(keys + v * VF_LANES) : vf_load_n(keys, lanes);
        GEMM_UNROLL
        for (int h = 0; h < heads; h++) {
            vf x = vf_set(q[h * dim + d]);
            GEMM_UNROLL
            for (int v = 0; v < vectors; v++)
                sum[h][v] = vf_fma(x, key[v], sum[h][v]);
        }
    }
    GEMM_UNROLL
    for (int h = 0; h < heads; h++)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        if (vectors > 1)
            vf_store(out + h * out_row + v * VF_LANES, sum[h][v]);
        else
            vf_store_n(out + h * out_row, sum[h][v], lanes);
}

GEMM_INLINE void attention_scores_heads(const int heads, const float *q, int dim, const float *keys,
                                        int64_t stride, int count, float *out, int64_t out_row)
{
    const int wide = heads > 2 ? 2 : 4; /* vectors */
    int i = 0;
    for (; i + wide * VF_LANES <= count; i += wide * VF_LANES)
        attention_scores_tile(heads, wide, q, dim, keys + i, stride, VF_LANES, out + i, out_row);
    for (; wide > 2 && i + 2 * VF_LANES <= count; i += 2 * VF_LANES)
        attention_scores_tile(heads, 2, q, dim, keys + i, stride, VF_LANES, out + i, out_row);
    for (; i < count; i += VF_LANES)
        attention_scores_tile(heads, 1, q, dim, keys + i, stride,
                              count - i < VF_LANES ? count - i : VF_LANES, out + i, out_row);
}

/* out[h·out_row + i] = the chain of q[h·dim + d]·keys[d·stride + i] over d; i < count, h < heads ≤
 * CPU_ATTENTION_HEADS. */
static void kernel_attention_scores(const float *q, int heads, int dim, const float *keys,
                                    int64_t stride, int count, float *out, int64_t out_row)
{
    switch (heads) {
    case 1:
        attention_scores_heads(1, q, dim, keys, stride, count, out, out_row);
        break;
    case 2:
        attention_scores_heads(2, q, dim, keys, stride, count, out, out_row);
        break;
    case 3:
        attention_scores_heads(3, q, dim, keys, stride, count, out, out_row);
        break;
    default:
        attention_scores_heads(4, q, dim, keys, stride, count, out, out_row);
    }
}

/* The chains of vectors · VF_LANES elements, of `lanes` when there is one vector. */
GEMM_INLINE void attention_values_tile(const int heads, const int vectors, const float *weight,
                                       int64_t weight_row, int count, const float *values, int dim,
                                       int lanes, float *chain, int64_t chain_row)
{
    vf sum[4][4];
    GEMM_UNROLL
    for (int h = 0; h < heads; h++)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        sum[h][v] = vectors > 1 ? vf_load(chain + h * chain_row + v * VF_LANES)
                                : vf_load_n(chain + h * chain_row, lanes);
    for (int i = 0; i < count; i++, values += dim) {
        vf value[4];
        GEMM_UNROLL
        for (int v = 0; v < vectors; v++)
            value[v] = vectors > 1 ? vf_load(values + v * VF_LANES) : vf_load_n(values, lanes);
        GEMM_UNROLL
        for (int h = 0; h < heads; h++) {
            vf x = vf_set(weight[h * weight_row + i]);
            GEMM_UNROLL
            for (int v = 0; v < vectors; v++)
                sum[h][v] = vf_fma(x, value[v], sum[h][v]);
        }
    }
    GEMM_UNROLL
    for (int h = 0; h < heads; h++)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        if (vectors > 1)
            vf_store(chain + h * chain_row + v * VF_LANES, sum[h][v]);
        else
            vf_store_n(chain + h * chain_row, sum[h][v], lanes);
}

GEMM_INLINE void attention_values_heads(const int heads, const float *weight, int64_t weight_row,
                                        int count, const float *values, int dim, float *chain,
                                        int64_t chain_row)
{
    const int wide = heads > 2 ? 2 : 4; /* vectors */
    int d = 0;
    for (; d + wide * VF_LANES <= dim; d += wide * VF_LANES)
        attention_values_tile(heads, wide, weight, weight_row, count, values + d, dim, VF_LANES,
                              chain + d, chain_row);
    for (; d < dim; d += VF_LANES)
        attention_values_tile(heads, 1, weight, weight_row, count, values + d, dim,
                              dim - d < VF_LANES ? dim - d : VF_LANES, chain + d, chain_row);
}

/* Continues chain[h·chain_row + d] with weight[h·weight_row + i]·values[i·dim + d] over i < count;
 * d < dim, h < heads ≤ CPU_ATTENTION_HEADS. */
static void kernel_attention_values(const float *weight, int64_t weight_row, int heads, int count,
                                    const float *values, int dim, float *chain, int64_t chain_row)
{
    switch (heads) {
    case 1:
        attention_values_heads(1, weight, weight_row, count, values, dim, chain, chain_row);
        break;
    case 2:
        attention_values_heads(2, weight, weight_row, count, values, dim, chain, chain_row);
        break;
    case 3:
        attention_values_heads(3, weight, weight_row, count, values, dim, chain, chain_row);
        break;
    default:
        attention_values_heads(4, weight, weight_row, count, values, dim, chain, chain_row);
    }
}
