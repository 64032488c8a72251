/* augment.c: random changes to one image, each a function of (seed, epoch, sample) alone. */
#include "data/data.h"
#include "math/math.h"
#include "random/precise.h"
#include "random/random.h"

#include <stdio.h>

/* A sample's words in stream "augment/EPOCH": WORDS of them from sample·WORDS on. */
enum {
    WORD_CROP_Y,
    WORD_CROP_X,
    WORD_FLIP,
    WORD_ROTATION,
    WORD_BRIGHTNESS,
    WORD_CONTRAST,
    WORD_SATURATION,
    WORD_PARTNER = 8, /* two words */
    WORDS = 16
};

/* In stream "mixup/EPOCH" a sample has this many words, two a trial. */
static const uint64_t mixup_words = 1 << 20;

typedef struct maker {
    const ea_dataset *dataset;
    const ea_augment *augment;
    ea_philox stream;
} maker;

static uint32_t word(const maker *m, int64_t sample, int which)
{
    return random_philox_word(&m->stream, (uint64_t)sample * WORDS + (uint64_t)which);
}

static float unit(const maker *m, int64_t sample, int which)
{
    return random_unit(word(m, sample, which) >> 8);
}

bool data_augments(const ea_augment *a)
{
    return a->crop_padding || a->flip > 0 || a->rotation > 0 || a->brightness > 0 ||
           a->contrast > 0 || a->saturation > 0 || a->mixup > 0;
}

ea_status data_check_augment(ea_context *ctx, const ea_dataset *dataset, const ea_augment *a)
{
    const struct {
        const char *name;
        double value, min, max;
    } limits[] = {
        { "crop_padding", a->crop_padding, 0, 4096 },
        { "flip", a->flip, 0, 1 },
        { "rotation", a->rotation, 0, 180 },
        { "brightness", a->brightness, 0, 100 },
        { "contrast", a->contrast, 0, 100 },
        { "saturation", a->saturation, 0, 100 },
        { "mixup", a->mixup, 0, 4 },
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (!(limits[i].value >= limits[i].min && limits[i].value <= limits[i].max))
            return core_fail(ctx, EA_ERR_ARGUMENT, "augment.%s is %g: give %g to %g",
                             limits[i].name, limits[i].value, limits[i].min, limits[i].max);
    if (a->mixup > 0 && a->mixup < 0.05)
        return core_fail(ctx, EA_ERR_ARGUMENT, "augment.mixup is %g: give 0, or 0.05 to 4",
                         a->mixup);
    if (a->saturation > 0 && dataset->shape[0] != 3)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "augment.saturation needs three channels: the images have %lld",
                         (long long)dataset->shape[0]);
    return EA_OK;
}

/* --- Geometry -----------------------------------------------------------------------------------
 */

/* Reads the sample's pixels p as fl(p/255), shifted and mirrored; what comes from outside is 0. */
static void crop_and_flip(const maker *m, int64_t sample, float *out)
{
    const ea_dataset *d = m->dataset;
    const uint8_t *pixels = (const uint8_t *)d->images->data + sample * d->pixels;
    int64_t height = d->shape[1], width = d->shape[2], padding = m->augment->crop_padding;
    uint64_t places = 2 * (uint64_t)padding + 1;
    int64_t top = (int64_t)(word(m, sample, WORD_CROP_Y) * places >> 32) - padding;
    int64_t left = (int64_t)(word(m, sample, WORD_CROP_X) * places >> 32) - padding;
    bool flip = word(m, sample, WORD_FLIP) < m->augment->flip * 0x1p32;
    for (int64_t c = 0; c < d->shape[0]; c++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                int64_t from_y = y + top, from_x = (flip ? width - 1 - x : x) + left;
                bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
                *out++ =
                    inside ? (float)pixels[(c * height + from_y) * width + from_x] / 255.0f : 0;
            }
}

/* One channel and the rotation: x' = cos·x + sin·y, y' = cos·y − sin·x around the centre. */
typedef struct plane {
    const float *values;
    int64_t height, width;
    float sine, cosine;
} plane;

static float value_at(const plane *p, int64_t y, int64_t x)
{
    return y >= 0 && y < p->height && x >= 0 && x < p->width ? p->values[y * p->width + x] : 0;
}

static float rotated(const plane *p, int64_t y, int64_t x)
{
    float centre_y = (float)(p->height - 1) / 2, centre_x = (float)(p->width - 1) / 2;
    float dy = (float)y - centre_y, dx = (float)x - centre_x;
    float from_x = fmaf(p->cosine, dx, fmaf(p->sine, dy, centre_x));
    float from_y = fmaf(p->cosine, dy, fmaf(-p->sine, dx, centre_y));
    float low_x = floorf(from_x), low_y = floorf(from_y);
    float part_x = from_x - low_x, part_y = from_y - low_y;
    int64_t ix = (int64_t)low_x, iy = (int64_t)low_y;
    float a = value_at(p, iy, ix), b = value_at(p, iy, ix + 1);
    float c = value_at(p, iy + 1, ix), d = value_at(p, iy + 1, ix + 1);
    float top = fmaf(part_x, b - a, a), bottom = fmaf(part_x, d - c, c);
    return fmaf(part_y, bottom - top, top);
}

static void rotate(const maker *m, int64_t sample, const float *in, float *out)
{
    const ea_dataset *d = m->dataset;
    float most = (float)m->augment->rotation;
    float degrees = fmaf(unit(m, sample, WORD_ROTATION), 2 * most, -most);
    if (degrees < 0)
        degrees += 360; /* the sine and cosine below take 0 … 2π */
    random_pair sine, cosine;
    random_sincos(degrees * 0.017453292f, &sine, &cosine);
    for (int64_t c = 0; c < d->shape[0]; c++) {
        plane p = { in + c * d->shape[1] * d->shape[2], d->shape[1], d->shape[2],
                    random_pair_float(sine), random_pair_float(cosine) };
        for (int64_t y = 0; y < p.height; y++)
            for (int64_t x = 0; x < p.width; x++)
                *out++ = rotated(&p, y, x);
    }
}

/* --- Colour -------------------------------------------------------------------------------------
 */

static float clamp_unit(float x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* A factor in [max(0, 1 − amount), 1 + amount). */
static float factor(const maker *m, int64_t sample, int which, double amount)
{
    float low = amount < 1 ? (float)(1 - amount) : 0, high = (float)(1 + amount);
    return fmaf(unit(m, sample, which), high - low, low);
}

/* Rec. 601's luma of three channels; else the first channel. */
static float grey(const ea_dataset *d, const float *image, int64_t i)
{
    int64_t size = d->shape[1] * d->shape[2];
    if (d->shape[0] != 3)
        return image[i];
    return fmaf(0.114f, image[2 * size + i], fmaf(0.587f, image[size + i], 0.2989f * image[i]));
}

/* x away from or towards `centre`, by f. */
static float blend(float f, float x, float centre)
{
    return clamp_unit(fmaf(f, x, (1 - f) * centre));
}

static void change_colours(const maker *m, int64_t sample, float *image)
{
    const ea_augment *a = m->augment;
    const ea_dataset *d = m->dataset;
    int64_t size = d->shape[1] * d->shape[2];
    if (a->brightness > 0) {
        float f = factor(m, sample, WORD_BRIGHTNESS, a->brightness);
        for (int64_t i = 0; i < d->pixels; i++)
            image[i] = clamp_unit(f * image[i]);
    }
    if (a->contrast > 0) {
        float f = factor(m, sample, WORD_CONTRAST, a->contrast);
        double sum = 0; /* binary64, in order: exact enough, and the same everywhere */
        for (int64_t i = 0; i < size; i++)
            sum += grey(d, image, i);
        float mean = (float)(sum / (double)size);
        for (int64_t i = 0; i < d->pixels; i++)
            image[i] = blend(f, image[i], mean);
    }
    if (a->saturation > 0) {
        float f = factor(m, sample, WORD_SATURATION, a->saturation);
        for (int64_t i = 0; i < size; i++) {
            float centre = grey(d, image, i);
            for (int64_t c = 0; c < 3; c++)
                image[c * size + i] = blend(f, image[c * size + i], centre);
        }
    }
}

static void normalise(const ea_dataset *d, float *image)
{
    int64_t size = d->shape[1] * d->shape[2];
    for (int64_t c = 0; c < d->shape[0]; c++) {
        float mean = d->options.mean[c], deviation = d->options.deviation[c];
        for (int64_t i = 0; deviation != 0 && i < size; i++)
            image[c * size + i] = (image[c * size + i] - mean) / deviation;
    }
}

/* --- Mixing -------------------------------------------------------------------------------------
 */

/* Beta(α, α) by Jöhnk (1964): u^(1/α) / (u^(1/α) + v^(1/α)) where the sum is at most 1. */
static float beta(ea_philox stream, int64_t sample, float alpha)
{
    stream.position = (uint64_t)sample * mixup_words;
    for (uint64_t trial = 0; trial < mixup_words / 2; trial++) {
        float u = random_unit((random_philox32(&stream) >> 8) + 1);
        float v = random_unit((random_philox32(&stream) >> 8) + 1);
        float x = math_exp(math_log(u) / alpha), y = math_exp(math_log(v) / alpha);
        if (x + y <= 1 && x + y > 0)
            return x / (x + y);
    }
    return 0.5f; /* never: each trial succeeds with probability 0.014 or more */
}

static void make_image(const maker *m, int64_t sample, float *scratch, float *out)
{
    bool rotation = m->augment->rotation > 0;
    crop_and_flip(m, sample, rotation ? scratch : out);
    if (rotation)
        rotate(m, sample, scratch, out);
    change_colours(m, sample, out);
    normalise(m->dataset, out);
}

data_sample data_augment(const ea_dataset *dataset, const ea_augment *augment, uint64_t seed,
                         int64_t epoch, int64_t sample, float *scratch, float *out)
{
    char name[40];
    const uint8_t *labels = dataset->labels->data;
    snprintf(name, sizeof name, "augment/%lld", (long long)epoch);
    maker m = { dataset, augment, ea_philox_stream(seed, name) };
    make_image(&m, sample, scratch, out);
    if (augment->mixup == 0)
        return (data_sample){ labels[sample], labels[sample], 1 };

    uint64_t bits =
        (uint64_t)word(&m, sample, WORD_PARTNER) << 32 | word(&m, sample, WORD_PARTNER + 1);
    int64_t partner = (int64_t)((unsigned __int128)bits * (uint64_t)dataset->size >> 64);
    float *other = scratch + dataset->pixels;
    make_image(&m, partner, scratch, other);
    snprintf(name, sizeof name, "mixup/%lld", (long long)epoch);
    float weight = beta(ea_philox_stream(seed, name), sample, (float)augment->mixup);
    for (int64_t i = 0; i < dataset->pixels; i++)
        out[i] = fmaf(weight, out[i], (1 - weight) * other[i]);
    return (data_sample){ labels[sample], labels[partner], weight };
}
