/* grid.h: sampling at given places on the CPU (src/ref/grid.h). */
#ifndef CPU_GRID_H
#define CPU_GRID_H

#include "ref/grid.h"

ea_status cpu_grid_forward(ea_context *ctx, const ref_grid *g);
ea_status cpu_grid_backward(ea_context *ctx, const ref_grid *g);

#endif
