/* quant.c: whole blocks of GGUF's formats to float32. The products are exact (docs/contract.md,
 * Quantised weights), so only Q4_K's subtraction rounds and loops may run in any order. */
#include "cpu/quant.h"
#include "core/pool.h"
#include "core/view.h"

static float load_f16(const unsigned char *p)
{
    return core_from_f16((uint16_t)(p[0] | p[1] << 8));
}

static void q8_0(const unsigned char *block, float *out)
{
    float d = load_f16(block);
    for (int i = 0; i < 32; i++)
        out[i] = d * (float)(int8_t)block[2 + i];
}

static void q4_0(const unsigned char *block, float *out)
{
    float d = load_f16(block);
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)((block[2 + i] & 15) - 8);
        out[i + 16] = d * (float)((block[2 + i] >> 4) - 8);
    }
}

static void q4_k(const unsigned char *block, float *out)
{
    float d = load_f16(block), dmin = load_f16(block + 2);
    const unsigned char *s = block + 4, *nibbles = block + 16;
    for (int group = 0; group < 8; group++) {
        bool low = group < 4;
        int scale = low ? s[group] & 63 : (s[group + 4] & 15) | (s[group - 4] >> 6) << 4;
        int minimum = low ? s[group + 4] & 63 : s[group + 4] >> 4 | (s[group] >> 6) << 4;
        float step = d * (float)scale, base = dmin * (float)minimum;
        int shift = group % 2 * 4;
        for (int i = 0; i < 32; i++)
            out[group * 32 + i] = step * (float)(nibbles[group / 2 * 32 + i] >> shift & 15) - base;
    }
}

static void q6_k(const unsigned char *block, float *out)
{
    float d = load_f16(block + 208);
    for (int run = 0; run < 8; run++) {
        int half = run / 4, quarter = run % 4;
        const unsigned char *low = block + half * 64 + quarter % 2 * 32;
        const unsigned char *high = block + 128 + half * 32;
        for (int i = 0; i < 32; i++) {
            int bits = (low[i] >> (quarter / 2 * 4) & 15) | (high[i] >> (quarter * 2) & 3) << 4;
            float step = d * (float)(int8_t)block[192 + run * 2 + i / 16];
            out[run * 32 + i] = step * (float)(bits - 32);
        }
    }
}

typedef struct job {
    ref_quant format;
    int elements, bytes;
    const unsigned char *blocks;
    float *out;
} job;

static void run(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t b = begin; b < end; b++) {
        const unsigned char *block = j->blocks + b * j->bytes;
        float *out = j->out + b * j->elements;
        switch (j->format) {
        case REF_QUANT_Q8_0:
            q8_0(block, out);
            break;
        case REF_QUANT_Q4_0:
            q4_0(block, out);
            break;
        case REF_QUANT_Q4_K:
            q4_k(block, out);
            break;
        case REF_QUANT_Q6_K:
            q6_k(block, out);
            break;
        default:
            *out = ref_dequantize(j->format, block, 0);
        }
    }
}

void cpu_dequantize(ea_context *ctx, ref_quant format, const unsigned char *blocks, int64_t n,
                    float *out)
{
    job j = { .format = format, .blocks = blocks, .out = out };
    ref_quant_block(format, &j.elements, &j.bytes);
    core_parallel(ctx, n / j.elements, 4096 / j.elements, run, &j);
}
