/* conv.h: convolution on the CPU; signatures and bits as in ref/conv.h. */
#ifndef CPU_CONV_H
#define CPU_CONV_H

#include "ref/conv.h"

ea_status cpu_conv2d(ea_context *ctx, const ref_conv *conv, const ea_view *x, const ea_view *weight,
                     const ea_view *bias, const ea_view *out);
ea_status cpu_conv2d_backward_input(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                    const ea_view *weight, const ea_view *grad_x);
ea_status cpu_conv2d_backward_weight(ea_context *ctx, const ref_conv *conv, const ea_view *grad_out,
                                     const ea_view *x, const ea_view *grad_weight);

/* conv3d.c */
ea_status cpu_conv3d_forward(ea_context *ctx, const ref_conv3d *conv, const ea_view *x,
                             const ea_view *weight, const ea_view *bias, const ea_view *out);
ea_status cpu_conv3d_backward_input(ea_context *ctx, const ref_conv3d *conv,
                                    const ea_view *grad_out, const ea_view *weight,
                                    const ea_view *grad_x);
ea_status cpu_conv3d_backward_weight(ea_context *ctx, const ref_conv3d *conv,
                                     const ea_view *grad_out, const ea_view *x,
                                     const ea_view *grad_weight);

#endif
