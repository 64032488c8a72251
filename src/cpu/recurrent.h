/* recurrent.h: recurrent layers on the CPU (src/ref/recurrent.h). */
#ifndef CPU_RECURRENT_H
#define CPU_RECURRENT_H

#include "ref/recurrent.h"

ea_status cpu_recurrent_forward(ea_context *ctx, const ref_recurrence *r);
ea_status cpu_recurrent_backward(ea_context *ctx, const ref_recurrence_gradients *g);

#endif
