/* mask.c: definition of choosing by a mask. */
#include "ref/mask.h"

ea_status ref_where(ea_context *ctx, const ea_view *mask, const ea_view *a, const ea_view *b,
                    const ea_view *out)
{
    (void)ctx;
    int64_t size = (int64_t)core_dtype_size(out->dtype);
    for (int64_t i = 0; i < core_numel(out); i++) {
        const ea_view *from = core_load_index(mask, core_offset(mask, i)) ? a : b;
        memcpy((char *)out->data + core_offset(out, i) * size,
               (const char *)from->data + core_offset(from, i) * size, (size_t)size);
    }
    return EA_OK;
}
