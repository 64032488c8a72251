/* attention.h: attention's weights on all threads. */
#ifndef CPU_ATTENTION_H
#define CPU_ATTENTION_H

#include "ref/attention.h"

ea_status cpu_attention_weights(ea_context *ctx, const ref_scores *s);
ea_status cpu_scale_scores(ea_context *ctx, const ref_scores *s);

#endif
