/* pool.h: pooling: its windows, and its definitions (docs/contract.md, Pooling).
 *
 * Views have five dimensions: image, channel, depth, height, width. The last three are a plane;
 * where an operation has fewer dimensions the first sizes of a plane are 1. Indices are int64
 * positions in a plane, −1 for none.
 */
#ifndef REF_POOL_H
#define REF_POOL_H

#include "core/view.h"
#include "eadem/op/pool.h"

/* The positions begin, begin + step, … of an axis, all inside it. */
typedef struct ref_span {
    int64_t begin, count, step;
} ref_span;

/* The windows of a plane: those of output i of axis d span axis[d][i]. */
typedef struct ref_windows {
    ref_span *axis[3];
    int64_t next_plane[3]; /* spans from one plane's to the next's; 0: all planes share them */
} ref_windows;

ea_status ref_max_pool(ea_context *ctx, const ref_windows *windows, const ea_view *x,
                       const ea_view *out, const ea_view *indices);
ea_status ref_max_pool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                const ea_view *grad_x);
ea_status ref_max_unpool(ea_context *ctx, const ea_view *x, const ea_view *indices,
                         const ea_view *out);
ea_status ref_max_unpool_backward(ea_context *ctx, const ea_view *grad_out, const ea_view *indices,
                                  const ea_view *grad_x);

/* --- Where windows lie: the contract's integer arithmetic, for every backend ------------------ */

/* Number of windows along axis d of `size`; 0 when none fits. As PyTorch: in ceil mode no window
 * may begin in the padding after the end. Options without zeros. */
int64_t ref_pool_size(const ea_pool_options *options, int d, int64_t size);

/* Span i of `out` along an axis of `size`. */
ref_span ref_pool_span(const ea_pool_options *options, int d, int64_t i, int64_t size);
ref_span ref_adaptive_span(int64_t i, int64_t size, int64_t out);
ref_span ref_fractional_span(int64_t i, int64_t size, int64_t out, int64_t kernel, float sample);

#endif
