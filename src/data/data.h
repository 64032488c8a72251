/* data.h: a data set's insides. */
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include "core/context.h"
#include "eadem/data.h"

struct ea_dataset {
    DLTensor *images; /* uint8 [n, channels, height, width] */
    DLTensor *labels; /* uint8 [n] */
    int64_t size;
    int64_t shape[3];
    int64_t pixels; /* of one image, all channels */
    ea_dataset_options options;
    float *values; /* [channels, 256]: what a pixel becomes */
};

/* What a sample became. */
typedef struct data_sample {
    int64_t label;
    int64_t mixed_label; /* only with mixup */
    float weight;        /* of `label`; 1 without mixup */
} data_sample;

/* True when some change is asked for. */
bool data_augments(const ea_augment *augment);
ea_status data_check_augment(ea_context *ctx, const ea_dataset *dataset, const ea_augment *augment);
/* Writes image `sample` as changed in this epoch. `scratch` holds two images. */
data_sample data_augment(const ea_dataset *dataset, const ea_augment *augment, uint64_t seed,
                         int64_t epoch, int64_t sample, float *scratch, float *out);

/* Writes image `sample` as floats and returns its label. */
int64_t data_read_sample(const ea_dataset *dataset, int64_t sample, float *out);

#endif
