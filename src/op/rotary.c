/* rotary.c: door of the tables of rotary position embedding. */
#include "op/op.h"
#include "ref/rope.h"

ea_status ea_rotary_table(ea_context *ctx, double theta, int64_t first, DLTensor *cosine,
                          DLTensor *sine)
{
    const char *function = "ea_rotary_table";
    ea_view c, s;
    EA_TRY(op_view_of_out(ctx, function, "cosine", cosine, CORE_BIT(CORE_F32), &c));
    EA_TRY(op_view_of_out(ctx, function, "sine", sine, CORE_BIT(CORE_F32), &s));
    if (c.ndim != 2 || !core_same_shape(&c, &s) || !core_is_contiguous(&c) ||
        !core_is_contiguous(&s) || !(theta > 0))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: give two contiguous tensors [steps, dim/2] and a positive theta",
                         function);
    op_scope scope = op_enter(ctx);
    int half = (int)c.shape[1];
    float *frequency = core_arena_alloc(ctx->arena, sizeof *frequency * (size_t)half);
    if (!frequency)
        return op_leave(ctx, &scope,
                        core_fail(ctx, EA_ERR_MEMORY, "no memory for %d frequencies", half));
    ref_rope rope = { .kind = REF_ROPE_PLAIN, .theta = theta };
    ref_rope_frequencies(&rope, 2 * half, frequency);
    for (int64_t t = 0; t < c.shape[0]; t++)
        ref_rope_angles(first + t, frequency, half, (float *)c.data + t * half,
                        (float *)s.data + t * half);
    return op_leave(ctx, &scope, EA_OK);
}
