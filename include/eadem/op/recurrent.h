/* recurrent.h: one direction of one layer of a recurrent network (contract: Recurrent networks). */
#ifndef EADEM_OP_RECURRENT_H
#define EADEM_OP_RECURRENT_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ea_recurrent_kind {
    EA_RECURRENT_TANH, /* torch.nn.RNN */
    EA_RECURRENT_RELU,
    EA_RECURRENT_LSTM,
    EA_RECURRENT_GRU,
    EA_RECURRENT_COUNT
} ea_recurrent_kind;

/* Rows are those of a packed sequence (torch.nn.utils.rnn): step t has batch_sizes[t] of them,
 * never more than step t − 1. NULL: `steps` times n. */
typedef struct ea_recurrence_options {
    ea_recurrent_kind kind;
    int reverse; /* from the last step to the first */
    int64_t steps;
    const int64_t *batch_sizes;
} ea_recurrence_options;

/* Gates of the kind: what weights and inputs have times `hidden`; 0 for one that is none. */
EA_API int ea_recurrent_gates(ea_recurrent_kind kind);
/* Numbers that a row keeps for the backward, times `hidden`. */
EA_API int ea_recurrent_kept(ea_recurrent_kind kind);

/* All float32 and contiguous. Of each row's state, n sequences, h [n, out] and (LSTM) c [n,
 * hidden]; out is hidden but for an LSTM with projection weight_hr [out, hidden]. gates_x [rows,
 * gates·hidden] is weight_ih·x + bias_ih; weight_hh [gates·hidden, out]; bias_hh [gates·hidden] or
 * NULL. y [rows, out]; hn, cn: the last states; kept [rows, kept·hidden] and previous [rows, out]:
 * for the backward. h0 and c0 may be NULL: zeros. */
typedef struct ea_recurrence {
    const DLTensor *gates_x, *h0, *c0, *weight_hh, *bias_hh, *weight_hr;
    DLTensor *y, *hn, *cn, *kept, *previous;
} ea_recurrence;

EA_API ea_status ea_recurrence_forward(ea_context *ctx, const ea_recurrence_options *options,
                                       const ea_recurrence *r);

/* grad_y, grad_hn and grad_cn may be NULL: zeros. grad_h0 and grad_c0 are always computed; the
 * weights' gradients where they are not NULL. */
typedef struct ea_recurrence_gradients {
    const DLTensor *grad_y, *grad_hn, *grad_cn, *weight_hh, *weight_hr, *kept, *previous;
    DLTensor *grad_gates_x, *grad_h0, *grad_c0, *grad_weight_hh, *grad_bias_hh, *grad_weight_hr;
} ea_recurrence_gradients;

EA_API ea_status ea_recurrence_backward(ea_context *ctx, const ea_recurrence_options *options,
                                        const ea_recurrence_gradients *g);

#ifdef __cplusplus
}
#endif
#endif
