/* nll.h: the costly step of ref/nll.h's losses over alignments, on vectors. */
#ifndef CPU_NLL_H
#define CPU_NLL_H

#include "ref/nll.h"

/* Has ctc take its steps on the context's vectors. */
void cpu_ctc_steps(const ea_context *ctx, ref_ctc *ctc);

/* ref_nll_row() for rows begin … end − 1; false where it has to do it itself. */
bool cpu_nll_rows(const ref_nll *nll, int64_t begin, int64_t end, float *losses, float *weights);

#endif
