/* recurrent.h: recurrent layers: which operations a step consists of, in which order. The
 * definition and the fast version are this one program over two sets of operations on runs of
 * floats. */
#ifndef REF_RECURRENT_H
#define REF_RECURRENT_H

#include "core/pool.h"
#include "core/view.h"
#include "eadem/op/recurrent.h"

/* n elements; y may be an operand. */
typedef struct ref_recurrent_operations {
    void (*add)(const float *a, const float *b, float *y, int64_t n);
    void (*sub)(const float *a, const float *b, float *y, int64_t n);
    void (*mul)(const float *a, const float *b, float *y, int64_t n);
    void (*relu)(const float *x, float *y, int64_t n);
    void (*relu_backward)(const float *grad, const float *x, float *y, int64_t n);
    void (*sigmoid)(const float *x, float *y, int64_t n);
    void (*tanh)(const float *x, float *y, int64_t n);
    ea_status (*matmul)(ea_context *ctx, const ea_view *a, const ea_view *b, const ea_view *bias,
                        const ea_view *out);
    ea_status (*reduce)(ea_context *ctx, const ea_view *x, int kept, bool mean, const ea_view *out);
} ref_recurrent_operations;

/* Contiguous float32; NULL where there is none. */
typedef struct ref_recurrence {
    ea_recurrence_options options;
    int64_t n, rows, hidden, out;
    const float *gates_x, *h0, *c0, *weight_hh, *bias_hh, *weight_hr;
    float *y, *hn, *cn, *kept, *previous;
} ref_recurrence;

typedef struct ref_recurrence_gradients {
    ea_recurrence_options options;
    int64_t n, rows, hidden, out;
    const float *grad_y, *grad_hn, *grad_cn, *weight_hh, *weight_hr, *kept, *previous;
    float *grad_gates_x, *grad_h0, *grad_c0, *grad_weight_hh, *grad_bias_hh, *grad_weight_hr;
} ref_recurrence_gradients;

/* See ea_recurrent_gates() and ea_recurrent_kept(). */
int ref_recurrent_gates(ea_recurrent_kind kind);
int ref_recurrent_kept(ea_recurrent_kind kind);

ea_status ref_recurrent_forward(ea_context *ctx, const ref_recurrence *r);
ea_status ref_recurrent_backward(ea_context *ctx, const ref_recurrence_gradients *g);

ea_status ref_recurrent_forward_with(ea_context *ctx, const ref_recurrent_operations *operations,
                                     const ref_recurrence *r);
ea_status ref_recurrent_backward_with(ea_context *ctx, const ref_recurrent_operations *operations,
                                      const ref_recurrence_gradients *g);

#endif
