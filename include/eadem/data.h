/* data.h: data sets and the loader that makes batches of them.
 *
 * What a batch holds depends on the data set, the generator and the position alone: not on the
 * number of workers, on the prefetch depth, or on which thread made it.
 */
#ifndef EADEM_DATA_H
#define EADEM_DATA_H

#include "eadem/random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- IDX files ----------------------------------------------------------------------------------
 * The format of MNIST (LeCun, http://yann.lecun.com/exdb/mnist): two zero bytes, a type, the number
 * of dimensions, big-endian sizes, big-endian values. */

/* Reads a file, plain or gzip, as a new tensor (uint8, int32, float32 or float64).
 * Errors name the file and the byte: EA_ERR_IO; EA_ERR_FORMAT (magic, type, sizes, truncated, bytes
 * too many, corrupt gzip); EA_ERR_UNSUPPORTED (int8, int16, more than EA_MAX_DIMS dimensions, more
 * than 4 GiB); EA_ERR_MEMORY. Memory grows with the bytes that are there, not with those the header
 * claims. */
EA_API ea_status ea_idx_read(ea_context *ctx, const char *path, DLTensor **out);

/* --- Data sets ----------------------------------------------------------------------------------
 */

enum { EA_MAX_CHANNELS = 16 };

/* A pixel p of channel c becomes fl(p / 255), then fl(fl(x − mean[c]) / deviation[c]) where a
 * deviation is given. */
typedef struct ea_dataset_options {
    int64_t classes; /* labels must be below; 0: not checked */
    float mean[EA_MAX_CHANNELS];
    float deviation[EA_MAX_CHANNELS]; /* 0: channel is not normalised */
} ea_dataset_options;

typedef struct ea_dataset ea_dataset;

/* Images [n, height, width] or [n, channels, height, width] of uint8, labels [n] of uint8, both
 * contiguous. On success the data set owns both tensors. Errors: EA_ERR_SHAPE, EA_ERR_DTYPE,
 * EA_ERR_ARGUMENT (a label that is no class; names its index), EA_ERR_MEMORY. */
EA_API ea_status ea_dataset_create(ea_context *ctx, DLTensor *images, DLTensor *labels,
                                   const ea_dataset_options *options, ea_dataset **out);
/* The same from two IDX files. */
EA_API ea_status ea_dataset_open_idx(ea_context *ctx, const char *images, const char *labels,
                                     const ea_dataset_options *options, ea_dataset **out);
EA_API void ea_dataset_free(ea_dataset *dataset);
EA_API int64_t ea_dataset_size(const ea_dataset *dataset);
/* Channels, height, width of one image. */
EA_API void ea_dataset_image_shape(const ea_dataset *dataset, int64_t shape[3]);

/* --- The loader ---------------------------------------------------------------------------------
 */

/* Changes to training images, drawn for each sample from (seed, epoch, sample) alone: not from the
 * worker, the batch size or the order. Applied in this order; docs/contract.md, "Images", defines
 * them. Zero leaves a change out. */
typedef struct ea_augment {
    int crop_padding;  /* a window of the image's size, from the image with so many zeros around */
    double flip;       /* probability of mirroring left and right */
    double rotation;   /* by an angle of up to ± so many degrees (180 at most), bilinear */
    double brightness; /* times a factor of 1 ± this, not below 0; result clamped to 0 … 1 */
    double contrast;   /* the same factor on the distance from the image's mean grey */
    double saturation; /* the same on the distance from each pixel's grey; three channels only */
    double mixup;      /* mixed with another sample by a weight of Beta(mixup, mixup); 0.05 to 4 */
} ea_augment;

typedef struct ea_loader_options {
    int64_t batch;  /* images a batch, of all ranks: 1 or more */
    bool shuffle;   /* else in order */
    bool drop_last; /* leave a last, shorter batch out */
    int workers;    /* threads that make batches ahead; 0: the caller makes each when asked */
    int prefetch;   /* batches made ahead; 0: two a worker */
    ea_augment augment;
    int rank;  /* this process among `ranks`: it gets its part of every batch, in order, */
    int ranks; /* so that all parts together do not depend on their number; 0: one */
} ea_loader_options;

/* One batch: images [count, channels, height, width] of float32, labels [count] of int64. Valid
 * until the next call on the loader. */
typedef struct ea_batch {
    int64_t count; /* this rank's images; 0 at the end (or when a last batch has too few) */
    int64_t total; /* all ranks' images; 0: the epoch is over, the tensors are NULL */
    int64_t index; /* number of the batch in its epoch */
    const DLTensor *images;
    const DLTensor *labels;
    const int64_t *samples; /* the images' places in the data set */
    /* With mixup, else NULL: image = weight·(of label) + (1 − weight)·(of mixed_label). */
    const DLTensor *mixed_labels; /* int64 [count] */
    const DLTensor *mix_weights;  /* float32 [count] */
} ea_batch;

/* Where a loader stands; save it with a checkpoint. */
typedef struct ea_loader_position {
    int64_t epoch;
    int64_t next;                /* number of the next batch */
    ea_generator_kind generator; /* which made the order */
    uint64_t seed;               /* of the order */
} ea_loader_position;

typedef struct ea_loader ea_loader;

/* The data set must outlive the loader; several loaders may share one. After this, nothing is
 * allocated. Errors: EA_ERR_ARGUMENT, EA_ERR_MEMORY (also: no thread could be started). */
EA_API ea_status ea_loader_create(ea_context *ctx, const ea_dataset *dataset,
                                  const ea_loader_options *options, ea_loader **out);
EA_API void ea_loader_free(ea_loader *loader);
EA_API int64_t ea_loader_batches(const ea_loader *loader);

/* Starts an epoch. MT19937 (PyTorch's DataLoader): draws the workers' seed, then, when shuffling,
 * the sampler's seed, whose permutation is the order. Philox: the order is the permutation of
 * stream "shuffle/EPOCH"; `generator` stays as it is. */
EA_API ea_status ea_loader_start(ea_loader *loader, ea_generator *generator, int64_t epoch);
EA_API ea_status ea_loader_next(ea_loader *loader, ea_batch *batch);

EA_API ea_loader_position ea_loader_tell(const ea_loader *loader);
/* Goes on from a saved position; draws from no generator.
 * Errors: EA_ERR_ARGUMENT (a batch number past the end, an unknown generator). */
EA_API ea_status ea_loader_seek(ea_loader *loader, const ea_loader_position *position);

#ifdef __cplusplus
}
#endif
#endif
