/* reduce.c: definition of sums and means over dimensions. */
#include "ref/ref.h"

ea_status ref_reduce(ea_context *ctx, const ea_view *x, int kept, bool mean, const ea_view *out)
{
    for (int64_t i = 0; i < core_numel(out); i++) {
        ea_view row = core_row(x, kept, i);
        int64_t n = core_numel(&row);
        ref_sum sum;
        ref_sum_begin(&sum, ctx->contract);
        for (int64_t k = 0; k < n; k++)
            ref_sum_add(&sum, core_load(&row, core_offset(&row, k)));
        float total = ref_sum_end(&sum);
        core_store(out, core_offset(out, i), mean ? ref_mean(ctx->contract, total, n) : total);
    }
    return EA_OK;
}
