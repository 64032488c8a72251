/* tape.c: the tape's life, its values, and the walk backward. */
#include "grad/tape.h"
#include "core/fp.h"

#include <math.h>

static ea_var no_bias;
ea_var *const ea_no_bias = &no_bias;

ea_status ea_tape_create(ea_context *ctx, ea_tape **out)
{
    *out = NULL;
    ea_tape *tape = core_alloc_zero(sizeof *tape);
    core_arena *arena = core_arena_create();
    if (!tape || !arena) {
        core_free(tape);
        core_arena_destroy(arena);
        return core_fail(ctx, EA_ERR_MEMORY, "no memory for a tape");
    }
    tape->ctx = ctx;
    tape->arena = arena;
    *out = tape;
    return EA_OK;
}

void ea_tape_destroy(ea_tape *tape)
{
    if (!tape)
        return;
    core_arena_destroy(tape->arena);
    core_free(tape);
}

static void begin(ea_tape *tape, bool no_grad)
{
    core_arena_release(tape->arena, (core_mark){ 0, 0 });
    tape->last = NULL;
    tape->status = EA_OK;
    tape->no_grad = no_grad;
    tape->named = false;
}

void ea_tape_begin(ea_tape *tape)
{
    begin(tape, false);
}

void ea_tape_begin_no_grad(ea_tape *tape)
{
    begin(tape, true);
}

void ea_tape_watch(ea_tape *tape, ea_watch watch, void *argument)
{
    tape->watch = watch;
    tape->watch_argument = argument;
}

ea_status ea_tape_status(const ea_tape *tape)
{
    return tape->status;
}

ea_var *grad_fail(ea_tape *tape, ea_status status)
{
    if (tape->status == EA_OK)
        tape->status = status;
    return NULL;
}

/* --- Values ---------------------------------------------------------------------------------- */

void *grad_alloc(ea_tape *tape, size_t bytes)
{
    void *block = core_arena_alloc(tape->arena, bytes);
    if (!block)
        grad_fail(tape, core_fail(tape->ctx, EA_ERR_MEMORY, "no memory for %zu bytes on the tape",
                                  bytes));
    return block;
}

bool grad_tensor(ea_tape *tape, DLDataType dtype, int ndim, int64_t *shape, DLTensor *tensor)
{
    *tensor = (DLTensor){ .device = { kDLCPU, 0 }, .ndim = ndim, .dtype = dtype, .shape = shape };
    int64_t bytes = dtype.bits / 8;
    for (int d = 0; d < ndim; d++)
        if (shape[d] < 0 || __builtin_mul_overflow(bytes, shape[d], &bytes)) {
            grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE, "a result of size %lld is none",
                                      (long long)shape[d]));
            return false;
        }
    tensor->data = grad_alloc(tape, (size_t)bytes);
    return tensor->data != NULL;
}

ea_var *grad_var_view(ea_tape *tape, DLDataType dtype, int ndim, const int64_t *shape,
                      grad_rule backward, ea_var *a, ea_var *b, ea_var *c)
{
    if (ndim > EA_MAX_DIMS)
        return grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE, "%d dimensions: at most %d", ndim,
                                         EA_MAX_DIMS));
    ea_var *var = grad_alloc(tape, sizeof *var);
    if (!var)
        return NULL;
    *var = (ea_var){ .tape = tape,
                     .previous = tape->last,
                     .backward = backward,
                     .inputs = { a, b, c },
                     .value = { .device = { kDLCPU, 0 }, .ndim = ndim, .dtype = dtype } };
    if (ndim > 0)
        memcpy(var->shape, shape, sizeof *shape * (size_t)ndim);
    var->value.shape = var->shape;
    for (int i = 0; i < GRAD_MAX_INPUTS; i++)
        var->needs_grad |= var->inputs[i] && var->inputs[i]->needs_grad;
    var->needs_grad &= !tape->no_grad;
    tape->last = var;
    return var;
}

ea_var *grad_var(ea_tape *tape, int ndim, const int64_t *shape, grad_rule backward, ea_var *a,
                 ea_var *b, ea_var *c)
{
    ea_var *var = grad_var_view(tape, EA_FLOAT32, ndim, shape, backward, a, b, c);
    return var && grad_tensor(tape, EA_FLOAT32, ndim, var->shape, &var->value) ? var : NULL;
}

const DLTensor *grad_keep(ea_tape *tape, const DLTensor *tensor)
{
    typedef struct kept {
        DLTensor tensor;
        int64_t shape[EA_MAX_DIMS], stride[EA_MAX_DIMS];
    } kept;
    if (!tensor || tensor->ndim < 0 || tensor->ndim > EA_MAX_DIMS) {
        grad_fail(tape, core_fail(tape->ctx, EA_ERR_SHAPE,
                                  "a tensor is NULL or has more than %d dimensions", EA_MAX_DIMS));
        return NULL;
    }
    kept *copy = grad_alloc(tape, sizeof *copy);
    if (!copy)
        return NULL;
    copy->tensor = *tensor;
    for (int d = 0; d < tensor->ndim; d++) {
        copy->shape[d] = tensor->shape[d];
        copy->stride[d] = tensor->strides ? tensor->strides[d] : 0;
    }
    copy->tensor.shape = copy->shape;
    copy->tensor.strides = tensor->strides ? copy->stride : NULL;
    return &copy->tensor;
}

ea_var *grad_done(ea_var *out, ea_status status)
{
    return status == EA_OK ? out : grad_fail(out->tape, status);
}

static ea_var *outside(ea_tape *tape, const DLTensor *tensor)
{
    if (tape->status != EA_OK)
        return NULL;
    if (tensor->ndim < 0 || tensor->ndim > EA_MAX_DIMS)
        return grad_fail(tape,
                         core_fail(tape->ctx, EA_ERR_SHAPE, "input has %d dimensions: 0 to %d",
                                   tensor->ndim, EA_MAX_DIMS));
    ea_var *var =
        grad_var_view(tape, tensor->dtype, tensor->ndim, tensor->shape, NULL, NULL, NULL, NULL);
    if (var) {
        var->value = *tensor;
        var->value.shape = var->shape;
    }
    return var;
}

ea_var *ea_var_input(ea_tape *tape, const DLTensor *tensor)
{
    return outside(tape, tensor);
}

ea_var *ea_var_leaf(ea_tape *tape, const DLTensor *tensor)
{
    ea_var *var = outside(tape, tensor);
    if (var)
        var->needs_grad = !tape->no_grad;
    return var;
}

ea_var *grad_number(ea_tape *tape, double value)
{
    static int64_t none[1];
    DLTensor tensor;
    if (!grad_tensor(tape, EA_FLOAT32, 0, none, &tensor))
        return NULL;
    core_fp saved = core_fp_enter();
    *(float *)tensor.data = (float)value;
    core_fp_leave(saved);
    return ea_var_input(tape, &tensor);
}

ea_var *grad_parameter(ea_tape *tape, ea_parameter *parameter)
{
    ea_var *var = ea_var_leaf(tape, parameter->value);
    if (var)
        var->parameter = parameter;
    return var;
}

ea_var *ea_var_parameter(ea_tape *tape, ea_parameter *parameter)
{
    return parameter ? grad_parameter(tape, parameter) : NULL;
}

const DLTensor *ea_var_value(const ea_var *var)
{
    return var ? &var->value : NULL;
}

const DLTensor *ea_var_grad(const ea_var *var)
{
    return var && var->grad.data ? &var->grad : NULL;
}

float ea_var_item(const ea_var *var)
{
    if (!var || var->value.dtype.code != kDLFloat || var->value.dtype.bits != 32 ||
        ea_tensor_numel(&var->value) != 1)
        return NAN;
    return *(const float *)((const char *)var->value.data + var->value.byte_offset);
}

/* --- Gradients ------------------------------------------------------------------------------- */

static bool new_gradient(ea_var *var, DLTensor *tensor)
{
    return grad_tensor(var->tape, EA_FLOAT32, var->value.ndim, var->shape, tensor);
}

/* Where var's first gradient is to be written; NULL when it has one already. */
static DLTensor *first_place(ea_var *var)
{
    if (var->parameter)
        return var->parameter->has_grad ? NULL : var->parameter->grad;
    if (var->grad.data || !new_gradient(var, &var->grad))
        return NULL;
    return &var->grad;
}

ea_status grad_open(ea_var *var, grad_place *place)
{
    *place = (grad_place){ .var = var };
    if (!var || !var->needs_grad)
        return EA_OK;
    place->tensor = first_place(var);
    if (!place->tensor && new_gradient(var, &place->temporary))
        place->tensor = &place->temporary;
    return var->tape->status;
}

ea_status grad_open_full(ea_var *var, int ndim, const int64_t *shape, grad_place *place)
{
    EA_TRY(grad_open(var, place));
    if (!place->tensor || grad_has_shape(var, ndim, shape))
        return EA_OK;
    memcpy(place->shape, shape, sizeof *shape * (size_t)ndim);
    place->sum = place->tensor;
    place->tensor = &place->full;
    grad_tensor(var->tape, EA_FLOAT32, ndim, place->shape, &place->full);
    return var->tape->status;
}

ea_status grad_close(grad_place *place)
{
    ea_var *var = place->var;
    if (!place->tensor)
        return EA_OK;
    if (place->sum) {
        EA_TRY(ea_sum_to_shape(var->tape->ctx, &place->full, place->sum));
        place->tensor = place->sum;
    }
    if (var->parameter) {
        bool first = !var->parameter->has_grad;
        var->parameter->has_grad = 1;
        DLTensor *grad = var->parameter->grad;
        return first ? EA_OK : ea_add(var->tape->ctx, grad, place->tensor, grad);
    }
    if (place->tensor == &var->grad)
        return EA_OK;
    /* Into the temporary: the first gradient may be shared with another value. */
    EA_TRY(ea_add(var->tape->ctx, &var->grad, place->tensor, place->tensor));
    var->grad = *place->tensor;
    return EA_OK;
}

ea_status grad_give(ea_var *var, const DLTensor *gradient)
{
    if (!var || !var->needs_grad)
        return EA_OK;
    if (!var->parameter && !var->grad.data) {
        var->grad = *gradient;
        var->grad.ndim = var->value.ndim;
        var->grad.shape = var->shape;
        return EA_OK;
    }
    DLTensor shaped = *gradient;
    shaped.ndim = var->value.ndim;
    shaped.shape = var->shape;
    grad_place place;
    EA_TRY(grad_open(var, &place));
    EA_TRY(ea_copy(var->tape->ctx, &shaped, place.tensor));
    return grad_close(&place);
}

ea_status ea_backward(ea_tape *tape, ea_var *loss)
{
    if (tape->status != EA_OK)
        return tape->status;
    if (!loss)
        return tape->status = core_fail(tape->ctx, EA_ERR_STATE, "ea_backward: loss is NULL");
    if (ea_tensor_numel(&loss->value) != 1 || !loss->needs_grad)
        return tape->status = core_fail(
                   tape->ctx, EA_ERR_ARGUMENT,
                   "ea_backward: loss must have one element and depend on a parameter or a leaf");
    grad_place place;
    EA_TRY(grad_open(loss, &place));
    *(float *)place.tensor->data = 1;
    EA_TRY(grad_close(&place));
    for (ea_var *var = loss; var; var = var->previous)
        if (var->backward && var->grad.data) {
            ea_status status = var->backward(var);
            if (status != EA_OK)
                return grad_fail(tape, status), tape->status;
        }
    return EA_OK;
}
