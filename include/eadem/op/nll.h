/* nll.h: losses over classes and over alignments (contract: Losses). */
#ifndef EADEM_OP_NLL_H
#define EADEM_OP_NLL_H

#include "eadem/core.h"
#include "eadem/op/loss.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ea_nll_options {
    ea_reduction reduction;
    double label_smoothing; /* 0 to 1 */
    int has_ignore_index;   /* 0: −100, as PyTorch */
    int64_t ignore_index;
} ea_nll_options;

/* As torch.nn.functional.nll_loss, with the label smoothing of cross_entropy: x holds
 * log-probabilities [n, classes, …] or [classes]. target: class indices [n, …] or [], int64 or
 * int32; or probabilities of x's shape, any float type. weight [classes] of floats may be NULL. out
 * [] or, for NONE, [n, …]. The mean divides by the weights of the targets that are not ignored, or
 * for probabilities by their number. options may be NULL. Errors also: EA_ERR_ARGUMENT naming a
 * target that is no class. */
EA_API ea_status ea_nll_loss(ea_context *ctx, const DLTensor *x, const DLTensor *target,
                             const DLTensor *weight, const ea_nll_options *options, DLTensor *out);
/* grad_x, and for probabilities grad_target (NULL: not wanted), have x's shape. */
EA_API ea_status ea_nll_loss_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                                      const DLTensor *target, const DLTensor *weight,
                                      const ea_nll_options *options, DLTensor *grad_x,
                                      DLTensor *grad_target);

/* As torch.nn.functional.ctc_loss: log_probs [time, n, classes] of floats; targets [n, longest] or
 * all of them one after another [sum of lengths]; lengths [n]; all three int64 or int32. blank is a
 * class that no target names. losses [n] of floats: infinite where no alignment fits, or 0 with
 * zero_infinity. The mean is over n of losses[i] / max(target_lengths[i], 1): ea_div() and
 * ea_mean(). */
EA_API ea_status ea_ctc_loss(ea_context *ctx, const DLTensor *log_probs, const DLTensor *targets,
                             const DLTensor *input_lengths, const DLTensor *target_lengths,
                             int64_t blank, int zero_infinity, DLTensor *losses);
/* grad_out [n]; grad_x has log_probs' shape. As PyTorch's it is the gradient for logits whose
 * log_softmax log_probs is, which log_softmax's backward leaves as it is. */
EA_API ea_status ea_ctc_loss_backward(ea_context *ctx, const DLTensor *grad_out,
                                      const DLTensor *log_probs, const DLTensor *targets,
                                      const DLTensor *input_lengths, const DLTensor *target_lengths,
                                      int64_t blank, int zero_infinity, DLTensor *grad_x);

#ifdef __cplusplus
}
#endif
#endif
