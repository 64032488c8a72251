/* quant.c: the value of one element of GGUF's block formats. Bytes are little-endian. */
#include "ref/quant.h"
#include "core/view.h"

static const struct {
    ref_quant format;
    int elements, bytes;
    const char *name;
} formats[] = {
    { REF_QUANT_F32, 1, 4, "F32" },       { REF_QUANT_F16, 1, 2, "F16" },
    { REF_QUANT_BF16, 1, 2, "BF16" },     { REF_QUANT_Q8_0, 32, 34, "Q8_0" },
    { REF_QUANT_Q4_0, 32, 18, "Q4_0" },   { REF_QUANT_Q4_K, 256, 144, "Q4_K" },
    { REF_QUANT_Q6_K, 256, 210, "Q6_K" },
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

bool ref_quant_block(uint32_t format, int *elements, int *bytes)
{
    for (int i = 0; i < FORMATS; i++)
        if ((uint32_t)formats[i].format == format) {
            *elements = formats[i].elements;
            *bytes = formats[i].bytes;
            return true;
        }
    return false;
}

const char *ref_quant_name(ref_quant format)
{
    for (int i = 0; i < FORMATS; i++)
        if (formats[i].format == format)
            return formats[i].name;
    return "?";
}

static uint16_t read_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static float read_f32(const unsigned char *p)
{
    return core_bits_float((uint32_t)read_u16(p) | (uint32_t)read_u16(p + 2) << 16);
}

/* d, then 32 signed bytes. */
static float q8_0(const unsigned char *block, int i)
{
    return core_from_f16(read_u16(block)) * (float)(int8_t)block[2 + i];
}

/* d, then 16 bytes: low nibbles are elements 0–15, high ones 16–31. */
static float q4_0(const unsigned char *block, int i)
{
    int nibble = i < 16 ? block[2 + i] & 15 : block[2 + i - 16] >> 4;
    return core_from_f16(read_u16(block)) * (float)(nibble - 8);
}

/* d, dmin, 12 bytes of 6-bit scales and minima for 8 groups of 32, 128 bytes of nibbles: a group of
 * 32 bytes holds two groups of elements, low nibbles first. */
static float q4_k(const unsigned char *block, int i)
{
    const unsigned char *s = block + 4;
    int group = i / 32, scale, minimum;
    if (group < 4) {
        scale = s[group] & 63;
        minimum = s[group + 4] & 63;
    } else {
        scale = (s[group + 4] & 15) | (s[group - 4] >> 6) << 4;
        minimum = s[group + 4] >> 4 | (s[group] >> 6) << 4;
    }
    int byte = block[16 + group / 2 * 32 + i % 32];
    int nibble = group % 2 ? byte >> 4 : byte & 15;
    float d = core_from_f16(read_u16(block)) * (float)scale;
    float m = core_from_f16(read_u16(block + 2)) * (float)minimum;
    return d * (float)nibble - m;
}

/* 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, d. Each half of 128
 * elements is four runs of 32. */
static float q6_k(const unsigned char *block, int i)
{
    int half = i / 128, run = i % 128 / 32, at = i % 32;
    int low = block[half * 64 + run % 2 * 32 + at];
    low = run < 2 ? low & 15 : low >> 4;
    int high = block[128 + half * 32 + at] >> (2 * run) & 3;
    int scale = (int8_t)block[192 + i / 16];
    float d = core_from_f16(read_u16(block + 208)) * (float)scale;
    return d * (float)((low | high << 4) - 32);
}

float ref_dequantize(ref_quant format, const unsigned char *blocks, int64_t i)
{
    switch (format) {
    case REF_QUANT_F32:
        return read_f32(blocks + i * 4);
    case REF_QUANT_F16:
        return core_from_f16(read_u16(blocks + i * 2));
    case REF_QUANT_BF16:
        return core_from_bf16(read_u16(blocks + i * 2));
    case REF_QUANT_Q8_0:
        return q8_0(blocks + i / 32 * 34, (int)(i % 32));
    case REF_QUANT_Q4_0:
        return q4_0(blocks + i / 32 * 18, (int)(i % 32));
    case REF_QUANT_Q4_K:
        return q4_k(blocks + i / 256 * 144, (int)(i % 256));
    case REF_QUANT_Q6_K:
        return q6_k(blocks + i / 256 * 210, (int)(i % 256));
    }
    return 0;
}
