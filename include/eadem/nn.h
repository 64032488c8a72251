/* nn.h: gradients, modules and optimizers: what a training loop is written with.
 *
 *     ea_module *net = ea_nn_sequential(ctx, ea_nn_linear(ctx, 784, 100, NULL), ea_nn_relu(ctx),
 *                                       ea_nn_linear(ctx, 100, 10, NULL));
 *     ...
 *     ea_tape_begin(tape);
 *     ea_var *logits = ea_module_forward(net, ea_var_input(tape, images));
 *     ea_var *loss = ea_var_cross_entropy(logits, labels, EA_REDUCE_MEAN);
 *     ea_optimizer_zero_grad(adam);
 *     if (ea_backward(tape, loss) != EA_OK || ea_optimizer_step(adam) != EA_OK)
 *         fprintf(stderr, "%s\n", ea_error_text(ctx));
 *
 * Nothing between ea_tape_begin() and ea_backward() needs a check: a call that fails returns NULL,
 * a call that gets NULL returns NULL, and ea_backward() (or ea_tape_status()) gives the first
 * failure. Constructors of modules behave likewise: check the outermost one.
 *
 * examples/ has whole programs.
 */
#ifndef EADEM_NN_H
#define EADEM_NN_H

#include "eadem/core.h"
#include "eadem/op.h"
#include "eadem/random.h"
#include "eadem/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Tape: records a step's operations, so that gradients can be computed -------------------- */

typedef struct ea_tape ea_tape;

/* A value on a tape. It lives until the tape's next ea_tape_begin(). */
typedef struct ea_var ea_var;

/* Errors: EA_ERR_MEMORY. */
EA_API ea_status ea_tape_create(ea_context *ctx, ea_tape **out);
EA_API void ea_tape_destroy(ea_tape *tape);

/* Starts a step: forgets all values and the failure. The memory is kept, so that a training loop
 * whose steps are alike allocates in its first step only. */
EA_API void ea_tape_begin(ea_tape *tape);

/* The same for a step without a backward pass (evaluation): nothing is kept for gradients. */
EA_API void ea_tape_begin_no_grad(ea_tape *tape);

/* Has `watch` called with the name and output of every layer, in the order of the forward pass; not
 * for modules that are made of others. NULL ends it. */
typedef void (*ea_watch)(void *argument, const char *name, const DLTensor *value);
EA_API void ea_tape_watch(ea_tape *tape, ea_watch watch, void *argument);

/* The first failure since the step began; its sentence is ea_error_text() of the tape's context. */
EA_API ea_status ea_tape_status(const ea_tape *tape);

/* Computes the gradient of `loss` (one element) with respect to every parameter and leaf that it
 * was made from, and returns ea_tape_status(). A value that several operations used gets their
 * gradients added one by one, the last operation on the tape first. A parameter's gradient is added
 * to what it holds since the last zero_grad, so several backward passes accumulate in their order.
 */
EA_API ea_status ea_backward(ea_tape *tape, ea_var *loss);

/* A tensor from outside, used in place: it must outlive the step. `leaf`: with a gradient. */
EA_API ea_var *ea_var_input(ea_tape *tape, const DLTensor *tensor);
EA_API ea_var *ea_var_leaf(ea_tape *tape, const DLTensor *tensor);

/* The value's tensor; NULL for NULL. */
EA_API const DLTensor *ea_var_value(const ea_var *var);
/* Its gradient after ea_backward(); NULL when it has none. */
EA_API const DLTensor *ea_var_grad(const ea_var *var);
/* The value of a tensor with one float32 element; NaN for NULL. */
EA_API float ea_var_item(const ea_var *var);

/* --- Operations on values: eadem/op.h says what each computes -------------------------------- */

EA_API ea_var *ea_var_add(ea_var *a, ea_var *b);
EA_API ea_var *ea_var_sub(ea_var *a, ea_var *b);
EA_API ea_var *ea_var_mul(ea_var *a, ea_var *b);
EA_API ea_var *ea_var_div(ea_var *a, ea_var *b);

EA_API ea_var *ea_var_exp(ea_var *x);
EA_API ea_var *ea_var_log(ea_var *x);
EA_API ea_var *ea_var_sqrt(ea_var *x);
EA_API ea_var *ea_var_tanh(ea_var *x);
EA_API ea_var *ea_var_sigmoid(ea_var *x);
EA_API ea_var *ea_var_relu(ea_var *x);

/* eadem/op/point.h: any function by number; `inputs` has as many as it takes. A truth value has no
 * gradient; so has a number that is no function: NULL. */
EA_API ea_var *ea_var_point(ea_point_function function, ea_var *const *inputs,
                            const double *parameters);

/* Over dims[0 … ndims−1], which are kept with size 1 when `keep_dims`; ndims = 0 means all. */
EA_API ea_var *ea_var_sum(ea_var *x, const int *dims, int ndims, int keep_dims);
EA_API ea_var *ea_var_mean(ea_var *x, const int *dims, int ndims, int keep_dims);

/* eadem/op/aggregate.h, scan.h, sort.h. Where `indices` is not NULL it is told where the places
 * stand, which live as long as the value. */
EA_API ea_var *ea_var_reduce(ea_var *x, ea_aggregate aggregate, const int *dims, int ndims,
                             int keep_dims, double parameter);
EA_API ea_var *ea_var_max(ea_var *x, int dim, int keep_dim, const DLTensor **indices);
EA_API ea_var *ea_var_min(ea_var *x, int dim, int keep_dim, const DLTensor **indices);
EA_API ea_var *ea_var_cumsum(ea_var *x, int dim);
EA_API ea_var *ea_var_cumprod(ea_var *x, int dim);
EA_API ea_var *ea_var_cummax(ea_var *x, int dim, const DLTensor **indices);
EA_API ea_var *ea_var_cummin(ea_var *x, int dim, const DLTensor **indices);
EA_API ea_var *ea_var_sort(ea_var *x, int dim, int descending, const DLTensor **indices);
EA_API ea_var *ea_var_topk(ea_var *x, int dim, int64_t k, int largest, const DLTensor **indices);
EA_API ea_var *ea_var_kthvalue(ea_var *x, int dim, int64_t k, int keep_dim,
                               const DLTensor **indices);
EA_API ea_var *ea_var_median(ea_var *x, int dim, int keep_dim, int ignore_nan,
                             const DLTensor **indices);
EA_API ea_var *ea_var_mode(ea_var *x, int dim, int keep_dim, const DLTensor **indices);

EA_API ea_var *ea_var_softmax(ea_var *x, int dim);
EA_API ea_var *ea_var_log_softmax(ea_var *x, int dim);
/* softmax of −x */
EA_API ea_var *ea_var_softmin(ea_var *x, int dim);

EA_API ea_var *ea_var_matmul(ea_var *a, ea_var *b);
/* bias may be absent: then call ea_var_linear(x, weight, ea_no_bias). */
EA_API ea_var *ea_var_linear(ea_var *x, ea_var *weight, ea_var *bias);
EA_API ea_var *ea_var_conv2d(ea_var *x, ea_var *weight, ea_var *bias,
                             const ea_conv_options *options);
/* `dims` spatial dimensions as in eadem/op/conv.h; options may be NULL. */
EA_API ea_var *ea_var_conv(ea_var *x, int dims, ea_var *weight, ea_var *bias,
                           const ea_conv_options *options);
/* output_padding: one number for each dimension, or NULL. */
EA_API ea_var *ea_var_conv_transpose(ea_var *x, int dims, ea_var *weight, ea_var *bias,
                                     const ea_conv_options *options, const int64_t *output_padding);
/* Stands for a bias that is not there (NULL would mean a failure). */
EA_API extern ea_var *const ea_no_bias;

/* `dims` spatial dimensions as in eadem/op/pool.h; `sizes` are the result's spatial ones. */
EA_API ea_var *ea_var_max_pool(ea_var *x, int dims, const ea_pool_options *options);
EA_API ea_var *ea_var_max_pool2d(ea_var *x, const ea_pool_options *options);
EA_API ea_var *ea_var_adaptive_max_pool(ea_var *x, int dims, const int64_t *sizes);
EA_API ea_var *ea_var_fractional_max_pool(ea_var *x, int dims, const int64_t *kernel,
                                          const int64_t *sizes, const DLTensor *samples);
/* indices must outlive the step. */
EA_API ea_var *ea_var_max_unpool(ea_var *x, int dims, const DLTensor *indices,
                                 const int64_t *sizes);
EA_API ea_var *ea_var_avg_pool(ea_var *x, int dims, const ea_pool_options *options);
EA_API ea_var *ea_var_adaptive_avg_pool(ea_var *x, int dims, const int64_t *sizes);

EA_API ea_var *ea_var_pad(ea_var *x, int dims, const ea_pad_options *options);
EA_API ea_var *ea_var_unfold(ea_var *x, const ea_unfold_options *options);
EA_API ea_var *ea_var_fold(ea_var *x, const int64_t size[2], const ea_unfold_options *options);
EA_API ea_var *ea_var_pixel_shuffle(ea_var *x, int64_t r);
EA_API ea_var *ea_var_pixel_unshuffle(ea_var *x, int64_t r);
/* sizes may be NULL: then options->scale gives them. */
EA_API ea_var *ea_var_interpolate(ea_var *x, int dims, const int64_t *sizes,
                                  const ea_interpolate_options *options);

/* As torch's lp_pool1d to 3d; stride may be NULL: the kernel. p = infinity: max_pool. */
EA_API ea_var *ea_var_lp_pool(ea_var *x, int dims, double p, const int64_t *kernel,
                              const int64_t *stride, int ceil_mode);
/* As torch's local_response_norm: x [n, c, …] over `size` channels. */
EA_API ea_var *ea_var_local_response_norm(ea_var *x, int64_t size, double alpha, double beta,
                                          double k);

/* eadem/op/grid.h */
EA_API ea_var *ea_var_grid_sample(ea_var *x, ea_var *grid, const ea_grid_options *options);

/* weight and bias [c] as values; running_mean and running_var [c] are updated in training. */
EA_API ea_var *ea_var_batch_norm(ea_var *x, ea_var *weight, ea_var *bias, DLTensor *running_mean,
                                 DLTensor *running_var, const ea_batch_norm_options *options);

/* eadem/op/norm.h: over the last `dims` dimensions; weight and bias may be ea_no_bias. */
EA_API ea_var *ea_var_layer_norm(ea_var *x, int dims, ea_var *weight, ea_var *bias, double eps);
EA_API ea_var *ea_var_rms_norm(ea_var *x, int dims, ea_var *weight, double eps);
/* As torch's instance_norm: options->training is its use_input_stats. Running statistics [c] may be
 * NULL when training; weight and bias [c] may be ea_no_bias. */
EA_API ea_var *ea_var_instance_norm(ea_var *x, ea_var *weight, ea_var *bias, DLTensor *running_mean,
                                    DLTensor *running_var, const ea_batch_norm_options *options);
EA_API ea_var *ea_var_group_norm(ea_var *x, int64_t groups, ea_var *weight, ea_var *bias,
                                 double eps);

/* As torch.nn.functional: p is the probability of a zero; the generator moves on; NULL means an
 * evaluation: x itself. `feature`: dropout1d to 3d, one draw for each [n, c]. */
EA_API ea_var *ea_var_dropout(ea_var *x, double p, ea_generator *generator);
EA_API ea_var *ea_var_feature_dropout(ea_var *x, double p, ea_generator *generator);
EA_API ea_var *ea_var_alpha_dropout(ea_var *x, double p, ea_generator *generator);
EA_API ea_var *ea_var_feature_alpha_dropout(ea_var *x, double p, ea_generator *generator);

/* beta·input + alpha·a·b, as torch.addmm and baddbmm; input broadcasts. beta = 0: input is not
 * read. */
EA_API ea_var *ea_var_addmm(ea_var *input, ea_var *a, ea_var *b, double beta, double alpha);
/* As torch.nn.functional.bilinear: x1 [..., i], x2 [..., j], weight [o, i, j], bias [o] or
 * ea_no_bias. */
EA_API ea_var *ea_var_bilinear(ea_var *x1, ea_var *x2, ea_var *weight, ea_var *bias);
/* As torch.einsum, up to 16 operands, which are contracted from left to right. */
EA_API ea_var *ea_var_einsum(const char *equation, ea_var *const *operands, int count);
EA_API ea_var *ea_var_permute(ea_var *x, const int *dims, int count);

/* eadem/op/rotary.h: x [..., steps, dim] turned by the angles of tables [steps, dim/2]. Pairs are
 * elements i and i + dim/2, or, `adjacent`, 2i and 2i + 1. */
EA_API ea_var *ea_var_rotary(ea_var *x, const DLTensor *cosine, const DLTensor *sine, int adjacent);

/* eadem/op/sparse.h: values [nnz] of the matrix times dense [in, n], or [batch, in, n]. */
EA_API ea_var *ea_var_sparse_mm(const ea_sparse *matrix, ea_var *values, ea_var *dense);

/* One layer and direction of a recurrent network, with torch's names and shapes; biases and
 * weight_hr (an LSTM's projection) may be ea_no_bias. */
typedef struct ea_recurrent_layer {
    ea_var *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_hr;
} ea_recurrent_layer;

typedef struct ea_recurrent_options {
    ea_recurrent_kind kind;
    int layers;
    int bidirectional;
    int batch_first;
    double dropout; /* between layers, from `generator`; NULL: none */
    ea_generator *generator;
    const int64_t *batch_sizes; /* of a packed sequence: of `steps` steps, never growing */
    int64_t steps;
} ea_recurrent_options;

/* As torch.nn.RNN, LSTM and GRU: x [steps, n, in] ([n, steps, in] with batch_first) or a packed
 * sequence's data [rows, in]; weights[layer·directions + direction]; h0 and c0 [layers·directions,
 * n, …] or ea_no_bias: zeros. *hn and *cn receive the last states (*cn means nothing but for an
 * LSTM). A packed sequence's states are in its own, sorted order. */
EA_API ea_var *ea_var_recurrent(ea_var *x, const ea_recurrent_options *options,
                                const ea_recurrent_layer *weights, ea_var *h0, ea_var *c0,
                                ea_var **hn, ea_var **cn);

/* mask may be NULL; it is used in place and gets no gradient. options may be NULL. */
EA_API ea_var *ea_var_attention(ea_var *q, ea_var *k, ea_var *v, const DLTensor *mask,
                                const ea_attention_options *options);

EA_API ea_var *ea_var_cross_entropy(ea_var *x, const DLTensor *target, ea_reduction reduction);

/* Losses of PyTorch's names as compositions (contract: Losses): the function `term` of
 * eadem/op/point.h from EA_FN_MSE_LOSS on, times weight (ea_no_bias: none), reduced. */
EA_API ea_var *ea_var_loss(ea_point_function term, ea_var *const *inputs, const double *parameters,
                           ea_var *weight, ea_reduction reduction);
/* a, b [n, width] or [width]; target [n] or [] of 1 and −1. */
EA_API ea_var *ea_var_cosine_embedding_loss(ea_var *a, ea_var *b, ea_var *target, double margin,
                                            ea_reduction reduction);
/* The p-norm of a − b + eps along the last dimension. */
EA_API ea_var *ea_var_pairwise_distance(ea_var *a, ea_var *b, double p, double eps);

typedef struct ea_triplet_options {
    double margin, p, eps; /* PyTorch: 1, 2, 1e-6 */
    int swap;
} ea_triplet_options;

/* options may be NULL: PyTorch's. */
EA_API ea_var *ea_var_triplet_margin_loss(ea_var *anchor, ea_var *positive, ea_var *negative,
                                          const ea_triplet_options *options,
                                          ea_reduction reduction);
/* x [n, classes], target [n]; p is 1 or 2; weight [classes] or ea_no_bias. */
EA_API ea_var *ea_var_multi_margin_loss(ea_var *x, const DLTensor *target, int p, double margin,
                                        ea_var *weight, ea_reduction reduction);
/* eadem/op/nll.h. cross_entropy_of: of logits, with class indices or probabilities that need no
 * gradient; soft_cross_entropy gives the probabilities theirs. */
EA_API ea_var *ea_var_nll_loss(ea_var *x, const DLTensor *target, const DLTensor *weight,
                               const ea_nll_options *options);
EA_API ea_var *ea_var_cross_entropy_of(ea_var *x, const DLTensor *target, const DLTensor *weight,
                                       const ea_nll_options *options);
EA_API ea_var *ea_var_soft_cross_entropy(ea_var *x, ea_var *probabilities, const DLTensor *weight,
                                         const ea_nll_options *options);
EA_API ea_var *ea_var_ctc_loss(ea_var *log_probs, const DLTensor *targets,
                               const DLTensor *input_lengths, const DLTensor *target_lengths,
                               int64_t blank, int zero_infinity, ea_reduction reduction);

/* eadem/op/index.h. Indices and masks are used in place, as ea_var_input()'s tensor is. The
 * gradient of a place that several sources write by COPY goes to each of them. */
EA_API ea_var *ea_var_gather(ea_var *x, int dim, const DLTensor *index);
EA_API ea_var *ea_var_scatter(ea_var *x, int dim, const DLTensor *index, ea_var *src,
                              ea_scatter_kind kind, int include_self);
EA_API ea_var *ea_var_index_select(ea_var *x, int dim, const DLTensor *index);
EA_API ea_var *ea_var_index_add(ea_var *x, int dim, const DLTensor *index, ea_var *src,
                                double alpha);
EA_API ea_var *ea_var_index_copy(ea_var *x, int dim, const DLTensor *index, ea_var *src);
EA_API ea_var *ea_var_take_along_dim(ea_var *x, const DLTensor *index, int dim);
EA_API ea_var *ea_var_index(ea_var *x, const DLTensor *const *indices, int count);
EA_API ea_var *ea_var_index_put(ea_var *x, const DLTensor *const *indices, int count,
                                ea_var *values, int accumulate);
EA_API ea_var *ea_var_embedding(ea_var *weight, const DLTensor *index, int64_t padding_idx);
/* per_sample_weights may be ea_no_bias. */
EA_API ea_var *ea_var_embedding_bag(ea_var *weight, const DLTensor *index, const DLTensor *offsets,
                                    ea_var *per_sample_weights, ea_bag_mode mode,
                                    int64_t padding_idx);

/* eadem/op/mask.h */
EA_API ea_var *ea_var_where(const DLTensor *mask, ea_var *a, ea_var *b);
EA_API ea_var *ea_var_masked_fill(ea_var *x, const DLTensor *mask, double value);
EA_API ea_var *ea_var_masked_select(ea_var *x, const DLTensor *mask);
EA_API ea_var *ea_var_masked_scatter(ea_var *x, const DLTensor *mask, ea_var *src);
EA_API ea_var *ea_var_tril(ea_var *x, int64_t diagonal);
EA_API ea_var *ea_var_triu(ea_var *x, int64_t diagonal);

/* eadem/op/arrange.h; a split is a narrow for each piece. */
EA_API ea_var *ea_var_cat(ea_var *const *tensors, int count, int dim);
EA_API ea_var *ea_var_stack(ea_var *const *tensors, int count, int dim);
EA_API ea_var *ea_var_narrow(ea_var *x, int dim, int64_t start, int64_t length);
EA_API ea_var *ea_var_roll(ea_var *x, const int64_t *shifts, const int *dims, int count);
EA_API ea_var *ea_var_flip(ea_var *x, const int *dims, int count);
EA_API ea_var *ea_var_repeat_interleave(ea_var *x, const DLTensor *repeats, int dim);

/* The same elements in row-major order under another shape; one size may be −1: what is left. */
EA_API ea_var *ea_var_reshape(ea_var *x, int ndim, const int64_t *shape);
/* Joins dimensions from `first_dim` on: [n, c, h, w] with 1 gives [n, c·h·w]. */
EA_API ea_var *ea_var_flatten(ea_var *x, int first_dim);

/* --- Modules: layers that own parameters ----------------------------------------------------- */

typedef struct ea_module ea_module;

enum { EA_NAME_SIZE = 128 };

/* Names are those of PyTorch's state_dict ("0.weight", "4.running_mean"). */
typedef struct ea_parameter {
    char name[EA_NAME_SIZE];
    DLTensor *value;
    DLTensor *grad; /* NULL: a buffer, such as a running mean, that no optimizer touches */
    int has_grad;   /* grad holds a gradient since the last zero_grad */
} ea_parameter;

/* All constructors: NULL on failure, with ea_error_text(ctx) and ea_error_status(ctx). Parameters
 * are zero (batch_norm's weight and running_var: one) until ea_module_init() or a checkpoint fills
 * them. */

typedef struct ea_nn_linear_options {
    int no_bias;
} ea_nn_linear_options;

/* As torch.nn.Linear: weight [out, in], bias [out]. options may be NULL. */
EA_API ea_module *ea_nn_linear(ea_context *ctx, int64_t in, int64_t out,
                               const ea_nn_linear_options *options);

/* Zero means PyTorch's default; kernel must be given. */
typedef struct ea_nn_conv2d_options {
    int64_t kernel[2];
    int64_t stride[2];
    int64_t padding[2];
    int64_t dilation[2];
    int64_t groups;
    int no_bias;
} ea_nn_conv2d_options;

/* As torch.nn.Conv2d: weight [out, in/groups, kernel], bias [out]. */
EA_API ea_module *ea_nn_conv2d(ea_context *ctx, int64_t in, int64_t out,
                               const ea_nn_conv2d_options *options);

/* As torch.nn.BatchNorm1d and 2d: weight, bias, running_mean, running_var [features] and
 * num_batches_tracked. options may be NULL; its `training` is ignored: the module's mode counts. */
EA_API ea_module *ea_nn_batch_norm(ea_context *ctx, int64_t features,
                                   const ea_batch_norm_options *options);

/* As torch.nn.LayerNorm and RMSNorm over the last dimension, `features` long, and GroupNorm: weight
 * (one) and bias [features]; RMSNorm has no bias. eps as in eadem/op/norm.h. */
EA_API ea_module *ea_nn_layer_norm(ea_context *ctx, int64_t features, double eps);
EA_API ea_module *ea_nn_rms_norm(ea_context *ctx, int64_t features, double eps);
EA_API ea_module *ea_nn_group_norm(ea_context *ctx, int64_t groups, int64_t features, double eps);

EA_API ea_module *ea_nn_relu(ea_context *ctx);
EA_API ea_module *ea_nn_tanh(ea_context *ctx);
EA_API ea_module *ea_nn_sigmoid(ea_context *ctx);
EA_API ea_module *ea_nn_max_pool2d(ea_context *ctx, const ea_pool_options *options);
/* As torch.nn.Dropout, while the module is in training mode; `generator` is drawn from at each
 * call, and must outlive the module. */
EA_API ea_module *ea_nn_dropout(ea_context *ctx, double p, ea_generator *generator);

/* Zero means PyTorch's default; hidden must be given. */
typedef struct ea_nn_recurrent_options {
    ea_recurrent_kind kind;
    int64_t hidden;
    int layers; /* 0: one */
    int bidirectional;
    int batch_first;
    int no_bias;
    int64_t projection;      /* of an LSTM: proj_size; 0: none */
    double dropout;          /* between layers, in training mode, … */
    ea_generator *generator; /* … from here, which must outlive the module; NULL: none */
} ea_nn_recurrent_options;

/* As torch.nn.RNN, LSTM and GRU, whose parameters' names ("weight_ih_l0", "bias_hh_l1_reverse") and
 * order it has. ea_module_forward() takes x [steps, n, in] ([n, steps, in] with batch_first) and
 * gives the outputs of all steps, from states of zero. */
EA_API ea_module *ea_nn_recurrent(ea_context *ctx, int64_t in,
                                  const ea_nn_recurrent_options *options);
/* The same from states, ea_no_bias for zeros, to the last ones, as ea_var_recurrent(). */
EA_API ea_var *ea_nn_recurrent_from(ea_module *module, ea_var *x, ea_var *h0, ea_var *c0,
                                    ea_var **hn, ea_var **cn);
/* The same of a packed sequence: x [rows, in] and batch_sizes as ea_var_recurrent() has them. */
EA_API ea_var *ea_nn_recurrent_packed(ea_module *module, ea_var *x, const int64_t *batch_sizes,
                                      int64_t steps, ea_var *h0, ea_var *c0, ea_var **hn,
                                      ea_var **cn);

/* [n, …] to [n, everything else]. */
EA_API ea_module *ea_nn_flatten(ea_context *ctx);

/* One after another; a child's names are prefixed by its number. Children belong to the result;
 * when one is NULL or the call fails, the others are destroyed. */
#define ea_nn_sequential(ctx, ...)                                                         \
    ea_nn_sequential_of(ctx, sizeof((ea_module *[]){ __VA_ARGS__ }) / sizeof(ea_module *), \
                        (ea_module *[]){ __VA_ARGS__ })
EA_API ea_module *ea_nn_sequential_of(ea_context *ctx, size_t count, ea_module *const *children);

/* body(x) + shortcut(x); names are prefixed by "body" and "shortcut". With ea_nn_identity() as the
 * shortcut it is body(x) + x. */
EA_API ea_module *ea_nn_residual(ea_context *ctx, ea_module *body, ea_module *shortcut);
EA_API ea_module *ea_nn_identity(ea_context *ctx);

/* Destroys the module and its children; takes NULL. */
EA_API void ea_module_destroy(ea_module *module);

/* Puts `prefix` and a dot before all names of the module: "net" makes "net.0.weight". */
EA_API ea_status ea_module_prefix(ea_module *module, const char *prefix);

EA_API ea_var *ea_module_forward(ea_module *module, ea_var *x);

/* A module's parameter as a value on the tape, for what modules do not say. */
EA_API ea_var *ea_var_parameter(ea_tape *tape, ea_parameter *parameter);

/* Modules start in training mode; 0 is evaluation (batch_norm uses its running statistics). */
EA_API void ea_module_set_training(ea_module *module, int training);

/* Parameters and buffers in state_dict's order; NULL past the end. */
EA_API ea_parameter *ea_module_parameter(ea_module *module, int index);

/* SHA-256 over all parameters' (not buffers') bytes in order: RepDL's get_hash of a module. */
EA_API ea_status ea_module_digest(ea_module *module, char hex[EA_DIGEST_HEX]);

/* PyTorch's default initialisation: weights of linear and conv2d by kaiming_uniform with a = √5,
 * then their biases uniform in ±1/√fan_in. An MT19937 generator is drawn from in the order in which
 * PyTorch builds the modules; of Philox each parameter takes the stream of its own name. To start
 * otherwise, fill the parameters with the initialisers of eadem/random.h. */
EA_API ea_status ea_module_init(ea_module *module, ea_generator *generator);

/* --- Optimizers ------------------------------------------------------------------------------ */

typedef struct ea_optimizer ea_optimizer;

/* Optimizers of all parameters of `module`, which must outlive them. NULL on failure. Errors:
 * EA_ERR_MEMORY. */
EA_API ea_optimizer *ea_optimizer_sgd(ea_context *ctx, ea_module *module,
                                      const ea_sgd_options *options);
EA_API ea_optimizer *ea_optimizer_adam(ea_context *ctx, ea_module *module,
                                       const ea_adam_options *options);
/* NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta, Lion: options->rule says which. */
EA_API ea_optimizer *ea_optimizer_update(ea_context *ctx, ea_module *module,
                                         const ea_update_options *options);
EA_API void ea_optimizer_destroy(ea_optimizer *optimizer);

EA_API void ea_optimizer_zero_grad(ea_optimizer *optimizer);
/* Updates every parameter that has a gradient, in order. */
EA_API ea_status ea_optimizer_step(ea_optimizer *optimizer);
EA_API void ea_optimizer_set_lr(ea_optimizer *optimizer, double lr);

/* Gradients are added up over backward passes until zero_grad: accumulation over k passes is a loss
 * divided by k and a step after the k-th.
 *
 * As torch.nn.utils.clip_grad_norm_ (norm 2, which `norm`, if given, receives) and
 * clip_grad_value_, on the gradients of all parameters. */
EA_API ea_status ea_optimizer_clip_norm(ea_optimizer *optimizer, double max_norm, double *norm);
EA_API ea_status ea_optimizer_clip_value(ea_optimizer *optimizer, double limit);

/* What must be saved to go on later: tensors named "exp_avg.net.0.weight" and "step", the number of
 * updates of each parameter; `value` may be overwritten. NULL past the end. */
EA_API ea_parameter *ea_optimizer_state(ea_optimizer *optimizer, int index);

/* --- Averages of weights ---------------------------------------------------------------------- */

/* An exponential moving average of a module's parameters, as torch.optim.swa_utils with
 * get_ema_multi_avg_fn: average ← lerp(average, parameter, 1 − decay). It starts as a copy. NULL on
 * failure. Errors: EA_ERR_MEMORY. */
typedef struct ea_average ea_average;
EA_API ea_average *ea_average_create(ea_context *ctx, ea_module *module);
EA_API void ea_average_destroy(ea_average *average);
EA_API ea_status ea_average_update(ea_average *average, double decay);
/* Exchanges averages and parameters: before an evaluation and again after it. */
EA_API void ea_average_swap(ea_average *average);
/* What must be saved to go on later: "average.net.0.weight", …; NULL past the end. */
EA_API ea_parameter *ea_average_state(ea_average *average, int index);

#ifdef __cplusplus
}
#endif
#endif
