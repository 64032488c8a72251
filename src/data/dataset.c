/* dataset.c: images and labels in memory. */
#include "core/fp.h"
#include "core/memory.h"
#include "core/view.h"
#include "data/data.h"

#include <stdio.h>

static ea_status check(ea_context *ctx, const DLTensor *images, const DLTensor *labels,
                       int64_t classes)
{
    ea_view x, y;
    char text[128];
    EA_TRY(core_view_of(ctx, "ea_dataset_create", "images", images, CORE_BIT(CORE_U8), &x));
    EA_TRY(core_view_of(ctx, "ea_dataset_create", "labels", labels, CORE_BIT(CORE_U8), &y));
    bool contiguous = core_is_contiguous(&x) && core_is_contiguous(&y);
    if (!contiguous || x.ndim < 3 || x.ndim > 4 ||
        (x.ndim == 4 && (x.shape[1] < 1 || x.shape[1] > EA_MAX_CHANNELS)))
        return core_fail(ctx, EA_ERR_SHAPE,
                         "images have shape %s: give contiguous [n, height, width] or [n, 1 to %d "
                         "channels, height, width]",
                         core_shape_text(&x, text), EA_MAX_CHANNELS);
    if (y.ndim != 1 || y.shape[0] != x.shape[0])
        return core_fail(ctx, EA_ERR_SHAPE,
                         "labels have shape %s: give one for each of %lld images",
                         core_shape_text(&y, text), (long long)x.shape[0]);
    for (int64_t i = 0; classes > 0 && i < y.shape[0]; i++) {
        int label = ((const uint8_t *)y.data)[i];
        if (label >= classes)
            return core_fail(
                ctx, EA_ERR_ARGUMENT,
                "label %d of image %lld is out of range: there are %lld classes, 0 to %lld", label,
                (long long)i, (long long)classes, (long long)classes - 1);
    }
    return EA_OK;
}

static void fill_values(ea_dataset *dataset, const ea_dataset_options *options)
{
    core_fp saved = core_fp_enter();
    for (int64_t c = 0; c < dataset->shape[0]; c++)
        for (int p = 0; p < 256; p++) {
            float x = (float)p / 255.0f;
            if (options->deviation[c] != 0)
                x = (x - options->mean[c]) / options->deviation[c];
            dataset->values[c * 256 + p] = x;
        }
    core_fp_leave(saved);
}

ea_status ea_dataset_create(ea_context *ctx, DLTensor *images, DLTensor *labels,
                            const ea_dataset_options *options, ea_dataset **out)
{
    static const ea_dataset_options defaults;
    *out = NULL;
    options = options ? options : &defaults;
    EA_TRY(check(ctx, images, labels, options->classes));
    ea_dataset *dataset = core_alloc_zero(sizeof *dataset);
    int64_t channels = images->ndim == 4 ? images->shape[1] : 1;
    float *values = core_alloc(sizeof *values * 256 * (size_t)channels);
    if (!dataset || !values) {
        core_free(dataset);
        core_free(values);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a data set");
    }
    const int64_t *last = images->shape + images->ndim;
    *dataset = (ea_dataset){ .images = images,
                             .labels = labels,
                             .size = images->shape[0],
                             .shape = { channels, last[-2], last[-1] },
                             .pixels = channels * last[-2] * last[-1],
                             .options = *options,
                             .values = values };
    fill_values(dataset, options);
    *out = dataset;
    return EA_OK;
}

ea_status ea_dataset_open_idx(ea_context *ctx, const char *images, const char *labels,
                              const ea_dataset_options *options, ea_dataset **out)
{
    DLTensor *x = NULL, *y = NULL;
    *out = NULL;
    ea_status status = ea_idx_read(ctx, images, &x);
    if (status == EA_OK)
        status = ea_idx_read(ctx, labels, &y);
    if (status == EA_OK) {
        status = ea_dataset_create(ctx, x, y, options, out);
        if (status != EA_OK) { /* its sentence names no file */
            char why[CORE_ERROR_SIZE];
            snprintf(why, sizeof why, "%s", ea_error_text(ctx));
            core_fail(ctx, status, "%s with %s: %s", images, labels, why);
        }
    }
    if (status != EA_OK) {
        ea_tensor_free(x);
        ea_tensor_free(y);
    }
    return status;
}

void ea_dataset_free(ea_dataset *dataset)
{
    if (!dataset)
        return;
    ea_tensor_free(dataset->images);
    ea_tensor_free(dataset->labels);
    core_free(dataset->values);
    core_free(dataset);
}

int64_t ea_dataset_size(const ea_dataset *dataset)
{
    return dataset->size;
}

void ea_dataset_image_shape(const ea_dataset *dataset, int64_t shape[3])
{
    memcpy(shape, dataset->shape, sizeof dataset->shape);
}

int64_t data_read_sample(const ea_dataset *dataset, int64_t sample, float *out)
{
    const uint8_t *pixels = (const uint8_t *)dataset->images->data + sample * dataset->pixels;
    int64_t plane = dataset->shape[1] * dataset->shape[2];
    for (int64_t c = 0; c < dataset->shape[0]; c++)
        for (int64_t i = 0; i < plane; i++)
            out[c * plane + i] = dataset->values[c * 256 + pixels[c * plane + i]];
    return ((const uint8_t *)dataset->labels->data)[sample];
}
