/* tape.h: what the files of src/grad share: values, their backward rules, and gradients' places. */
#ifndef GRAD_TAPE_H
#define GRAD_TAPE_H

#include "core/memory.h"
#include "core/view.h"
#include "eadem/nn.h"

enum { GRAD_MAX_INPUTS = 3 };

/* Computes the gradients of out's inputs from out->grad. */
typedef ea_status (*grad_rule)(ea_var *out);

struct ea_var {
    ea_tape *tape;
    ea_var *previous; /* the value made before this one */
    DLTensor value;
    int64_t shape[EA_MAX_DIMS];
    DLTensor grad;           /* shares `shape`; data is NULL while there is none */
    bool needs_grad;         /* a parameter or a leaf stands somewhere behind it */
    ea_parameter *parameter; /* its gradient goes there instead */
    grad_rule backward;
    ea_var *inputs[GRAD_MAX_INPUTS]; /* NULL: absent */
    const void *saved;               /* what the rule needs besides, in the tape's arena */
};

struct ea_tape {
    ea_context *ctx;
    core_arena *arena;
    ea_var *last;
    ea_status status;
    bool no_grad;
    ea_watch watch; /* NULL: nobody watches */
    void *watch_argument;
    bool named; /* the failure's sentence names the layer already */
};

/* Records the failure of a step (its sentence is already in the context) and returns NULL. */
ea_var *grad_fail(ea_tape *tape, ea_status status);

/* Memory that lives until the next step; NULL (and the tape has failed) when there is none. */
void *grad_alloc(ea_tape *tape, size_t bytes);

/* A contiguous tensor of the tape; `tensor->shape` will point to `shape`. False: the tape failed.
 */
bool grad_tensor(ea_tape *tape, DLDataType dtype, int ndim, int64_t *shape, DLTensor *tensor);

/* A new float32 value that `inputs` (absent ones NULL) make; its elements are not set yet. NULL on
 * failure. */
ea_var *grad_var(ea_tape *tape, int ndim, const int64_t *shape, grad_rule backward, ea_var *a,
                 ea_var *b, ea_var *c);
/* The same without memory of its own: the caller sets value.data. */
ea_var *grad_var_view(ea_tape *tape, DLDataType dtype, int ndim, const int64_t *shape,
                      grad_rule backward, ea_var *a, ea_var *b, ea_var *c);

/* A tensor from outside as a rule's memory: the description is the tape's, the elements stay where
 * they are. NULL on failure (also for NULL). */
const DLTensor *grad_keep(ea_tape *tape, const DLTensor *tensor);

/* Ends an operation: `out` when its door succeeded, else the tape fails and NULL. */
ea_var *grad_done(ea_var *out, ea_status status);

/* A number as a value without dimensions, rounded to float32 whatever rounding the caller has set.
 */
ea_var *grad_number(ea_tape *tape, double value);

/* Whether a value has this shape. */
static inline bool grad_has_shape(const ea_var *var, int ndim, const int64_t *shape)
{
    return var->value.ndim == ndim && memcmp(var->shape, shape, sizeof *shape * (size_t)ndim) == 0;
}

/* A parameter as a value. */
ea_var *grad_parameter(ea_tape *tape, ea_parameter *parameter);

/* x itself, or a contiguous copy of it on the tape; NULL on failure. */
ea_var *grad_contiguous(ea_var *x);

/* How a rule gives a gradient: open a place, let a door write the whole tensor there, close.
 *
 *     grad_place place;
 *     EA_TRY(grad_open(x, &place));
 *     if (place.tensor)
 *         EA_TRY(ea_relu_backward(ctx, &out->grad, &x->value, place.tensor));
 *     return grad_close(&place);
 *
 * `tensor` is NULL when x needs no gradient. The first gradient is written where it stays; a later
 * one into a temporary that grad_close() adds. */
typedef struct grad_place {
    ea_var *var;
    DLTensor *tensor;
    DLTensor temporary;
    DLTensor *sum; /* where the elements of `full` are summed to; NULL: nothing is broadcast */
    DLTensor full;
    int64_t shape[EA_MAX_DIMS]; /* of `full` */
} grad_place;

ea_status grad_open(ea_var *var, grad_place *place);

/* The same where broadcasting stretched var to `shape`: the door writes a tensor of that shape, and
 * grad_close() sums it to var's. */
ea_status grad_open_full(ea_var *var, int ndim, const int64_t *shape, grad_place *place);

ea_status grad_close(grad_place *place);

/* Gives `gradient` (var's shape and elements, of the tape, that nobody will write any more) as it
 * is. */
ea_status grad_give(ea_var *var, const DLTensor *gradient);

#endif
