/* rotary.h: tables of rotary position embedding (contract: Rotary positions). */
#ifndef EADEM_OP_ROTARY_H
#define EADEM_OP_ROTARY_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cosine and sine [steps, dim/2], float32, contiguous: of (first + step)·theta^(−2i/dim). */
EA_API ea_status ea_rotary_table(ea_context *ctx, double theta, int64_t first, DLTensor *cosine,
                                 DLTensor *sine);

#ifdef __cplusplus
}
#endif
#endif
