/* kernels_transformer.h: the two chains of attention. Each lane runs one chain in its own order. A
 * tile is some heads, which share the keys and values, times some vectors: enough chains to keep
 * the multipliers busy. `heads`, `vectors` and `fresh` are constants at every call. */

/* `heads` rows of chains in chain[h·chain_row + i], of which term t is x[h·x_row + t]·y[t·y_row +
 * i]. They begin at +0 if `fresh`, else go on from what is there. */
typedef struct attention_chains {
    const float *x, *y;
    int64_t x_row, y_row;
    int terms;
    float *chain;
    int64_t chain_row;
} attention_chains;

/* Chains i … i + vectors · VF_LANES − 1; of the last `lanes` when there is one vector. */
GEMM_INLINE void attention_tile(const int heads, const int vectors, const bool fresh,
                                const attention_chains *c, int i, int lanes)
{
    float *chain = c->chain + i;
    vf sum[4][4];
    GEMM_UNROLL
    for (int h = 0; h < heads; h++)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        sum[h][v] = fresh         ? vf_zero()
                    : vectors > 1 ? vf_load(chain + h * c->chain_row + v * VF_LANES)
                                  : vf_load_n(chain + h * c->chain_row, lanes);
    const float *y = c->y + i;
    for (int t = 0; t < c->terms; t++, y += c->y_row) {
        vf factor[4];
        GEMM_UNROLL
        for (int v = 0; v < vectors; v++)
            factor[v] = vectors > 1 ? vf_load(y + v * VF_LANES) : vf_load_n(y, lanes);
        GEMM_UNROLL
        for (int h = 0; h < heads; h++) {
            vf x = vf_set(c->x[h * c->x_row + t]);
            GEMM_UNROLL
            for (int v = 0; v < vectors; v++)
                sum[h][v] = vf_fma(x, factor[v], sum[h][v]);
        }
    }
    GEMM_UNROLL
    for (int h = 0; h < heads; h++)
        GEMM_UNROLL
    for (int v = 0; v < vectors; v++)
        if (vectors > 1)
            vf_store(chain + h * c->chain_row + v * VF_LANES, sum[h][v]);
        else
            vf_store_n(chain + h * c->chain_row, sum[h][v], lanes);
}

GEMM_INLINE void attention_heads(const int heads, const bool fresh, const attention_chains *c,
                                 int count)
{
    const int wide = heads > 2 ? 2 : 4; /* vectors */
    int i = 0;
    for (; i + wide * VF_LANES <= count; i += wide * VF_LANES)
        attention_tile(heads, wide, fresh, c, i, VF_LANES);
    for (; wide > 2 && i + 2 * VF_LANES <= count; i += 2 * VF_LANES)
        attention_tile(heads, 2, fresh, c, i, VF_LANES);
    for (; i < count; i += VF_LANES)
        attention_tile(heads, 1, fresh, c, i, count - i < VF_LANES ? count - i : VF_LANES);
}

GEMM_INLINE void attention_run(int heads, const bool fresh, const attention_chains *c, int count)
{
    switch (heads) {
    case 1:
        attention_heads(1, fresh, c, count);
        break;
    case 2:
        attention_heads(2, fresh, c, count);
        break;
    case 3:
        attention_heads(3, fresh, c, count);
        break;
    default:
        attention_heads(4, fresh, c, count);
    }
}

/* out[h·out_row + i] = the chain of q[h·dim + d]·keys[d·stride + i] over d; i < count, h < heads ≤
 * CPU_ATTENTION_LINES. */
static void kernel_attention_scores(const float *q, int heads, int dim, const float *keys,
                                    int64_t stride, int count, float *out, int64_t out_row)
{
    const attention_chains chains = { .x = q,
                                      .y = keys,
                                      .x_row = dim,
                                      .y_row = stride,
                                      .terms = dim,
                                      .chain = out,
                                      .chain_row = out_row };
    attention_run(heads, true, &chains, count);
}

/* Continues chain[h·chain_row + d] with weight[h·weight_row + i]·values[i·dim + d] over i < count;
 * d < dim, h < heads ≤ CPU_ATTENTION_LINES. */
static void kernel_attention_values(const float *weight, int64_t weight_row, int heads, int count,
                                    const float *values, int dim, float *chain, int64_t chain_row)
{
    const attention_chains chains = { .x = weight,
                                      .y = values,
                                      .x_row = weight_row,
                                      .y_row = dim,
                                      .terms = count,
                                      .chain = chain,
                                      .chain_row = chain_row };
    attention_run(heads, false, &chains, dim);
}
