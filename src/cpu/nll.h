/* nll.h: the costly step of ref/nll.h's losses over alignments, on vectors. */
#ifndef CPU_NLL_H
#define CPU_NLL_H

#include "ref/nll.h"

/* Has ctc take its steps on the context's vectors. */
void cpu_ctc_steps(const ea_context *ctx, ref_ctc *ctc);

#endif
