/* row_norm.h: layer, RMS and group norm on the CPU (src/ref/row_norm.h). */
#ifndef CPU_ROW_NORM_H
#define CPU_ROW_NORM_H

#include "ref/row_norm.h"

ea_status cpu_normalise_rows(ea_context *ctx, const ref_row_norm *norm);
ea_status cpu_normalise_rows_backward(ea_context *ctx, const ref_row_norm_backward *b);

#endif
