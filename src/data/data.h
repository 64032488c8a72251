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
    float *values;  /* [channels, 256]: what a pixel becomes */
};

/* Writes image `sample` as floats and returns its label. */
int64_t data_read_sample(const ea_dataset *dataset, int64_t sample, float *out);

#endif
