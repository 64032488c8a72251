/* nll.c: doors of the losses over classes and alignments. */
#include "cpu/nll.h"
#include "core/pool.h"
#include "cpu/reduce.h"
#include "op/index.h"
#include "op/op.h"

#include <math.h>

enum { GRAIN = 4096 }; /* elements in a piece of work */

typedef struct job {
    ref_nll nll;
    ref_ctc ctc;
    const ea_nll_options *options;
    ea_contract contract;
    bool definition; /* is the instruction set */
    int64_t rows, n; /* elements of a row */
    ea_reduction reduction;
    float *losses, *weights; /* for each row */
    float grad;              /* of every row, unless it has its own in grad_out */
    ea_view grad_out;
    const ea_view *grad_x, *grad_target;
    float *scratch; /* of one image of ctc, for each worker */
    size_t scratch_size;
} job;

/* The definitions work on rows: with them as instruction set one thread takes all. */
static void over_rows(ea_context *ctx, job *j, core_task task)
{
    if (ctx->isa == CORE_ISA_REF)
        task(j, 0, j->rows, 0);
    else
        core_parallel(ctx, j->rows, j->n < GRAIN ? GRAIN / (j->n ? j->n : 1) : 1, task, j);
}

static ea_status floats(ea_context *ctx, const char *function, size_t count, float **to)
{
    *to = core_arena_alloc(ctx->arena, sizeof **to * count);
    return *to ? EA_OK
               : core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %zu numbers", function, count);
}

/* --- Classes ---------------------------------------------------------------------------------- */

static void class_losses(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    if (!j->definition && cpu_nll_rows(&j->nll, begin, end, j->losses, j->weights))
        return;
    for (int64_t row = begin; row < end; row++)
        j->losses[row] = ref_nll_row(&j->nll, j->contract, row, &j->weights[row]);
}

static void class_slopes(void *argument, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const job *j = argument;
    for (int64_t row = begin; row < end; row++) {
        float grad = j->grad;
        if (j->reduction == EA_REDUCE_NONE)
            grad = core_load(&j->grad_out, core_offset(&j->grad_out, row));
        ref_nll_slopes(&j->nll, row, grad, j->grad_x, j->grad_target);
    }
}

static float sum_of(const ea_context *ctx, const float *x, int64_t n)
{
    if (ctx->isa != CORE_ISA_REF)
        return cpu_sum(cpu_kernels_of(ctx), ctx->contract, x, n);
    ref_sum sum;
    ref_sum_begin(&sum, ctx->contract);
    for (int64_t i = 0; i < n; i++)
        ref_sum_add(&sum, x[i]);
    return ref_sum_end(&sum);
}

static ea_view classes_last(const ea_view *view)
{
    return view->ndim > 1 ? core_move_dim(view, 1, view->ndim - 1) : *view;
}

static ea_status read_target(ea_context *ctx, const char *function, const ea_view *x,
                             const DLTensor *target, job *j)
{
    ea_view vt;
    EA_TRY(core_view_of(ctx, function, "target", target, CORE_FLOATS | CORE_INDICES, &vt));
    j->nll.indices = CORE_INDICES & CORE_BIT(vt.dtype);
    if (!j->nll.indices) {
        EA_TRY(op_expect_shape(ctx, function, "target", &vt, x->ndim, x->shape));
        j->nll.target = classes_last(&vt);
        return EA_OK;
    }
    EA_TRY(op_expect_shape(ctx, function, "target", &vt, j->nll.x.ndim - 1, j->nll.x.shape));
    j->nll.target = vt;
    for (int64_t i = 0; i < j->rows; i++) {
        int64_t label =
            vt.ndim == 1 ? core_load_index(&vt, i * vt.stride[0]) : ref_nll_target(&j->nll, i);
        if (label != j->nll.ignore && (label < 0 || label >= j->n))
            return core_fail(ctx, EA_ERR_ARGUMENT,
                             "%s: element %lld of target is %lld: there are %lld classes", function,
                             (long long)i, (long long)label, (long long)j->n);
    }
    return EA_OK;
}

static ea_status read_call(ea_context *ctx, const char *function, const DLTensor *x,
                           const DLTensor *target, const DLTensor *weight,
                           const ea_nll_options *options, ea_view *vx, job *j)
{
    static const ea_nll_options defaults = { .reduction = EA_REDUCE_MEAN };
    const ea_nll_options *o = options ? options : &defaults;
    *j = (job){ .contract = ctx->contract,
                .definition = ctx->isa == CORE_ISA_REF,
                .options = o,
                .reduction = o->reduction };
    EA_TRY(core_view_of(ctx, function, "x", x, CORE_FLOATS, vx));
    if (vx->ndim == 0)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: x has no dimension: give [n, classes, …]",
                         function);
    if ((unsigned)o->reduction > EA_REDUCE_NONE ||
        !(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "%s: reduction is %d, label_smoothing %g: give an EA_REDUCE_…, and 0 to 1",
                         function, (int)o->reduction, o->label_smoothing);
    j->nll.x = classes_last(vx);
    j->n = j->nll.x.shape[vx->ndim - 1];
    j->rows = 1;
    for (int d = 0; d < vx->ndim - 1; d++)
        j->rows *= j->nll.x.shape[d];
    j->nll.ignore = o->has_ignore_index ? o->ignore_index : -100;
    EA_TRY(read_target(ctx, function, vx, target, j));
    if (!weight)
        return EA_OK;
    j->nll.weighted = true;
    EA_TRY(core_view_of(ctx, function, "weight", weight, CORE_FLOATS, &j->nll.weight));
    return op_expect_shape(ctx, function, "weight", &j->nll.weight, 1, &j->n);
}

static ea_status losses_of(ea_context *ctx, const char *function, job *j)
{
    EA_TRY(floats(ctx, function, (size_t)j->rows, &j->losses));
    EA_TRY(floats(ctx, function, (size_t)j->rows, &j->weights));
    over_rows(ctx, j, class_losses);
    return EA_OK;
}

/* In the contract's environment: they round. */
static void set_constants(job *j)
{
    double smoothing = j->options->label_smoothing;
    j->nll.smoothing = (float)smoothing;
    j->nll.rest = (float)(1 - smoothing);
    j->nll.share = (float)(smoothing / (double)j->n);
}

static ea_status put_loss(ea_context *ctx, job *j, const ea_view *out)
{
    set_constants(j);
    EA_TRY(losses_of(ctx, "ea_nll_loss", j));
    for (int64_t i = 0; j->reduction == EA_REDUCE_NONE && i < j->rows; i++)
        core_store(out, core_offset(out, i), j->losses[i]);
    if (j->reduction == EA_REDUCE_NONE)
        return EA_OK;
    float sum = sum_of(ctx, j->losses, j->rows);
    if (j->reduction == EA_REDUCE_MEAN)
        sum = sum / sum_of(ctx, j->weights, j->rows);
    core_store(out, 0, sum);
    return EA_OK;
}

ea_status ea_nll_loss(ea_context *ctx, const DLTensor *x, const DLTensor *target,
                      const DLTensor *weight, const ea_nll_options *options, DLTensor *out)
{
    const char *function = "ea_nll_loss";
    ea_view vx, vo;
    job j;
    EA_TRY(read_call(ctx, function, x, target, weight, options, &vx, &j));
    EA_TRY(op_view_of_out(ctx, function, "out", out, CORE_FLOATS, &vo));
    int rows_ndim = j.reduction == EA_REDUCE_NONE ? vx.ndim - 1 : 0;
    EA_TRY(op_expect_shape(ctx, function, "out", &vo, rows_ndim, j.nll.x.shape));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vo, false));
    EA_TRY(op_no_overlap(ctx, function, "target", &j.nll.target, &vo, false));
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, put_loss(ctx, &j, &vo));
}

static ea_status put_slopes(ea_context *ctx, job *j)
{
    set_constants(j);
    if (j->reduction != EA_REDUCE_NONE)
        j->grad = core_load(&j->grad_out, 0);
    if (j->reduction == EA_REDUCE_MEAN) {
        EA_TRY(losses_of(ctx, "ea_nll_loss_backward", j));
        j->grad = j->grad / sum_of(ctx, j->weights, j->rows);
    }
    over_rows(ctx, j, class_slopes);
    return EA_OK;
}

ea_status ea_nll_loss_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *x,
                               const DLTensor *target, const DLTensor *weight,
                               const ea_nll_options *options, DLTensor *grad_x,
                               DLTensor *grad_target)
{
    const char *function = "ea_nll_loss_backward";
    ea_view vx, vr, vt;
    job j;
    EA_TRY(read_call(ctx, function, x, target, weight, options, &vx, &j));
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &j.grad_out));
    int rows_ndim = j.reduction == EA_REDUCE_NONE ? vx.ndim - 1 : 0;
    EA_TRY(op_expect_shape(ctx, function, "grad_out", &j.grad_out, rows_ndim, j.nll.x.shape));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vr));
    EA_TRY(op_expect_shape(ctx, function, "grad_x", &vr, vx.ndim, vx.shape));
    EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vr, false));
    EA_TRY(op_no_overlap(ctx, function, "target", &j.nll.target, &vr, false));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &j.grad_out, &vr, false));
    vr = classes_last(&vr);
    j.grad_x = &vr;
    if (grad_target) {
        if (j.nll.indices)
            return core_fail(ctx, EA_ERR_ARGUMENT, "%s: classes have no gradient", function);
        EA_TRY(op_view_of_out(ctx, function, "grad_target", grad_target, CORE_FLOATS, &vt));
        EA_TRY(op_expect_shape(ctx, function, "grad_target", &vt, vx.ndim, vx.shape));
        EA_TRY(op_no_overlap(ctx, function, "x", &vx, &vt, false));
        EA_TRY(op_no_overlap(ctx, function, "target", &j.nll.target, &vt, false));
        EA_TRY(op_no_overlap(ctx, function, "grad_x", &vr, &vt, false));
        vt = classes_last(&vt);
        j.grad_target = &vt;
    }
    op_scope scope = op_enter(ctx);
    return op_leave(ctx, &scope, put_slopes(ctx, &j));
}

/* --- Alignments ------------------------------------------------------------------------------- */

static void ctc_losses(void *argument, int64_t begin, int64_t end, int worker)
{
    const job *j = argument;
    for (int64_t i = begin; i < end; i++)
        j->losses[i] = ref_ctc_row(&j->ctc, i, j->scratch + (size_t)worker * j->scratch_size);
}

static void ctc_slopes(void *argument, int64_t begin, int64_t end, int worker)
{
    const job *j = argument;
    for (int64_t i = begin; i < end; i++)
        ref_ctc_slopes(&j->ctc, i, core_load(&j->grad_out, i * j->grad_out.stride[0]), j->grad_x,
                       j->scratch + (size_t)worker * j->scratch_size);
}

static ea_status expect_range(ea_context *ctx, const char *function, const char *name, int64_t i,
                              int64_t value, int64_t last)
{
    if (value >= 0 && value <= last)
        return EA_OK;
    return core_fail(ctx, EA_ERR_ARGUMENT, "%s: %s[%lld] is %lld: give 0 to %lld", function, name,
                     (long long)i, (long long)value, (long long)last);
}

/* Where each image's labels begin; targets then have one dimension. */
static ea_status check_images(ea_context *ctx, const char *function, job *j, int64_t *starts)
{
    ref_ctc *c = &j->ctc;
    int64_t at = 0, room = core_numel(&c->targets);
    bool rows = c->targets.ndim == 2;
    int64_t longest = rows ? c->targets.shape[1] : room;
    for (int64_t i = 0; i < j->rows; i++) {
        int64_t time = core_load_index(&c->input_lengths, i * c->input_lengths.stride[0]);
        int64_t length = core_load_index(&c->target_lengths, i * c->target_lengths.stride[0]);
        EA_TRY(expect_range(ctx, function, "input_lengths", i, time, c->x.shape[0]));
        EA_TRY(
            expect_range(ctx, function, "target_lengths", i, length, rows ? longest : room - at));
        starts[i] = rows ? i * longest : at;
        at += length;
        for (int64_t s = 0; s < length; s++) {
            int64_t label = core_load_index(&c->targets, core_offset(&c->targets, starts[i] + s));
            EA_TRY(expect_range(ctx, function, "targets", starts[i] + s, label, c->x.shape[2] - 1));
        }
    }
    return EA_OK;
}

/* The labels as one contiguous line. */
static ea_status flatten_targets(ea_context *ctx, const char *function, job *j)
{
    int64_t room = core_numel(&j->ctc.targets);
    int64_t *labels = core_arena_alloc(ctx->arena, sizeof *labels * (size_t)room);
    int64_t *starts = core_arena_alloc(ctx->arena, sizeof *starts * (size_t)j->rows);
    if (!labels || !starts)
        return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %lld labels", function,
                         (long long)room);
    EA_TRY(check_images(ctx, function, j, starts));
    for (int64_t i = 0; i < room; i++)
        labels[i] = core_load_index(&j->ctc.targets, core_offset(&j->ctc.targets, i));
    j->ctc.targets = core_view_make(labels, CORE_I64, 1, &room);
    j->ctc.starts = starts;
    if (ctx->isa != CORE_ISA_REF)
        cpu_ctc_steps(ctx, &j->ctc);
    j->scratch_size = ref_ctc_scratch(&j->ctc);
    return floats(ctx, function, j->scratch_size * (size_t)ctx->threads, &j->scratch);
}

static ea_status read_ctc(ea_context *ctx, const char *function, const DLTensor *log_probs,
                          const DLTensor *targets, const DLTensor *input_lengths,
                          const DLTensor *target_lengths, int64_t blank, int zero_infinity, job *j)
{
    ref_ctc *c = &j->ctc;
    *j = (job){ .ctc = { .blank = blank, .zero_infinity = zero_infinity != 0 } };
    EA_TRY(core_view_of(ctx, function, "log_probs", log_probs, CORE_FLOATS, &c->x));
    EA_TRY(core_view_of(ctx, function, "targets", targets, CORE_INDICES, &c->targets));
    EA_TRY(core_view_of(ctx, function, "input_lengths", input_lengths, CORE_INDICES,
                        &c->input_lengths));
    EA_TRY(core_view_of(ctx, function, "target_lengths", target_lengths, CORE_INDICES,
                        &c->target_lengths));
    if (c->x.ndim != 3 || c->targets.ndim < 1 || c->targets.ndim > 2 ||
        (c->targets.ndim == 2 && c->targets.shape[0] != c->x.shape[1]))
        return core_fail(ctx, EA_ERR_SHAPE,
                         "%s: log_probs has %d dimensions and targets %d: give [time, n, classes] "
                         "and [n, longest] or [sum of lengths]",
                         function, c->x.ndim, c->targets.ndim);
    j->rows = c->x.shape[1];
    j->n = c->x.shape[0] * c->x.shape[2];
    EA_TRY(op_expect_shape(ctx, function, "input_lengths", &c->input_lengths, 1, &j->rows));
    EA_TRY(op_expect_shape(ctx, function, "target_lengths", &c->target_lengths, 1, &j->rows));
    return expect_range(ctx, function, "blank", 0, blank, c->x.shape[2] - 1);
}

ea_status ea_ctc_loss(ea_context *ctx, const DLTensor *log_probs, const DLTensor *targets,
                      const DLTensor *input_lengths, const DLTensor *target_lengths, int64_t blank,
                      int zero_infinity, DLTensor *losses)
{
    const char *function = "ea_ctc_loss";
    ea_view vo;
    job j;
    EA_TRY(read_ctc(ctx, function, log_probs, targets, input_lengths, target_lengths, blank,
                    zero_infinity, &j));
    EA_TRY(op_view_of_out(ctx, function, "losses", losses, CORE_FLOATS, &vo));
    EA_TRY(op_expect_shape(ctx, function, "losses", &vo, 1, &j.rows));
    EA_TRY(op_no_overlap(ctx, function, "log_probs", &j.ctc.x, &vo, false));
    op_scope scope = op_enter(ctx);
    ea_status status = flatten_targets(ctx, function, &j);
    if (status == EA_OK)
        status = floats(ctx, function, (size_t)j.rows, &j.losses);
    if (status == EA_OK)
        over_rows(ctx, &j, ctc_losses);
    for (int64_t i = 0; status == EA_OK && i < j.rows; i++)
        core_store(&vo, i * vo.stride[0], j.losses[i]);
    return op_leave(ctx, &scope, status);
}

ea_status ea_ctc_loss_backward(ea_context *ctx, const DLTensor *grad_out, const DLTensor *log_probs,
                               const DLTensor *targets, const DLTensor *input_lengths,
                               const DLTensor *target_lengths, int64_t blank, int zero_infinity,
                               DLTensor *grad_x)
{
    const char *function = "ea_ctc_loss_backward";
    ea_view vr;
    job j;
    EA_TRY(read_ctc(ctx, function, log_probs, targets, input_lengths, target_lengths, blank,
                    zero_infinity, &j));
    EA_TRY(core_view_of(ctx, function, "grad_out", grad_out, CORE_FLOATS, &j.grad_out));
    EA_TRY(op_expect_shape(ctx, function, "grad_out", &j.grad_out, 1, &j.rows));
    EA_TRY(op_view_of_out(ctx, function, "grad_x", grad_x, CORE_FLOATS, &vr));
    EA_TRY(op_expect_shape(ctx, function, "grad_x", &vr, 3, j.ctc.x.shape));
    EA_TRY(op_no_overlap(ctx, function, "log_probs", &j.ctc.x, &vr, false));
    EA_TRY(op_no_overlap(ctx, function, "grad_out", &j.grad_out, &vr, false));
    j.grad_x = &vr;
    op_scope scope = op_enter(ctx);
    ea_status status = flatten_targets(ctx, function, &j);
    if (status == EA_OK)
        over_rows(ctx, &j, ctc_slopes);
    return op_leave(ctx, &scope, status);
}
