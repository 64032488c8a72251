/* grid.h: sampling at given places: which elements of a plane a place takes, and by what weights.
 */
#ifndef REF_GRID_H
#define REF_GRID_H

#include "core/view.h"
#include "eadem/op/grid.h"

enum { REF_GRID_TAPS = 16 };

/* The elements of a place inside the plane, in order. slope[d]: the derivative of the weight with
 * respect to coordinate d of the grid, x first, but for the factor of ref_grid_place. */
typedef struct ref_grid_taps {
    int count;
    int64_t index[REF_GRID_TAPS];
    float weight[REF_GRID_TAPS];
    float slope[REF_GRID_TAPS][3];
    float factor[3];
} ref_grid_taps;

/* Contiguous float32; planes of sizes size[0] (depth, 1 where there is none), size[1], size[2]. */
typedef struct ref_grid {
    ea_grid_options options;
    int dims;
    int64_t n, channels, places; /* places of one image */
    int64_t size[3];
    const float *x, *grid, *grad_out;
    float *out, *grad_x, *grad_grid; /* NULL: not wanted */
} ref_grid;

/* `at`: the place's dims coordinates. */
void ref_grid_place(const ref_grid *g, const float *at, ref_grid_taps *taps);

ea_status ref_grid_forward(ea_context *ctx, const ref_grid *g);
ea_status ref_grid_backward(ea_context *ctx, const ref_grid *g);

#endif
