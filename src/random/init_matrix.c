/* init_matrix.c: the initialisers of torch.nn.init that make matrices of a certain structure. */
#include "core/fp.h"
#include "core/memory.h"
#include "random/random.h"

/* Checks `out` and sees it as [shape[0], all others]. */
static ea_status as_matrix(ea_context *ctx, const char *function, DLTensor *out, ea_view *view,
                           int64_t *rows, int64_t *columns)
{
    EA_TRY(core_view_of(ctx, function, "out", out, CORE_FLOATS, view));
    int64_t numel = core_numel(view);
    if (view->ndim < 2)
        return core_fail(ctx, EA_ERR_SHAPE, "%s: out has %d dimensions: give two or more", function,
                         view->ndim);
    *rows = view->shape[0];
    *columns = *rows ? numel / *rows : 0;
    return EA_OK;
}

static void set_zero(const ea_view *view)
{
    int64_t n = core_numel(view);
    for (int64_t i = 0; i < n; i++)
        core_store(view, core_offset(view, i), 0);
}

ea_status ea_init_eye(ea_context *ctx, DLTensor *out)
{
    ea_view view;
    int64_t rows = 0, columns = 0;
    EA_TRY(as_matrix(ctx, "ea_init_eye", out, &view, &rows, &columns));
    if (view.ndim != 2)
        return core_fail(ctx, EA_ERR_SHAPE, "ea_init_eye: out has %d dimensions: give two",
                         view.ndim);
    set_zero(&view);
    for (int64_t i = 0; i < rows && i < columns; i++)
        core_store(&view, i * (view.stride[0] + view.stride[1]), 1);
    return EA_OK;
}

ea_status ea_init_dirac(ea_context *ctx, int64_t groups, DLTensor *out)
{
    ea_view view;
    int64_t rows = 0, columns = 0;
    EA_TRY(as_matrix(ctx, "ea_init_dirac", out, &view, &rows, &columns));
    if (view.ndim < 3 || view.ndim > 5 || groups < 1 || rows % groups != 0)
        return core_fail(ctx, EA_ERR_SHAPE,
                         "ea_init_dirac: out has %d dimensions and %lld rows in %lld groups: give "
                         "three to five, and rows that the groups divide",
                         view.ndim, (long long)rows, (long long)groups);
    set_zero(&view);
    int64_t centre = 0, each = rows / groups;
    for (int d = 2; d < view.ndim; d++) {
        if (view.shape[d] == 0)
            return EA_OK;
        centre += view.shape[d] / 2 * view.stride[d];
    }
    for (int64_t g = 0; g < groups; g++)
        for (int64_t d = 0; d < each && d < view.shape[1]; d++)
            core_store(&view, (g * each + d) * view.stride[0] + d * view.stride[1] + centre, 1);
    return EA_OK;
}

ea_status ea_init_sparse(ea_context *ctx, ea_generator *generator, double sparsity,
                         double deviation, DLTensor *out)
{
    ea_view view;
    int64_t rows = 0, columns = 0;
    EA_TRY(as_matrix(ctx, "ea_init_sparse", out, &view, &rows, &columns));
    if (view.ndim != 2 || !(sparsity >= 0 && sparsity <= 1))
        return core_fail(
            ctx, EA_ERR_ARGUMENT,
            "ea_init_sparse: out has %d dimensions, sparsity is %g: give two, and 0 to 1",
            view.ndim, sparsity);
    EA_TRY(ea_normal(ctx, generator, 0, deviation, out));
    core_mark mark = core_arena_mark(ctx->arena);
    int64_t *order = core_arena_alloc(ctx->arena, (size_t)rows * sizeof *order);
    if (!order)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_init_sparse: no memory for %lld rows",
                         (long long)rows);
    DLTensor permutation = {
        .data = order, .device = { kDLCPU, 0 }, .ndim = 1, .dtype = EA_INT64, .shape = &rows
    };
    int64_t zeros = (int64_t)ceil(sparsity * (double)rows);
    ea_status status = EA_OK;
    for (int64_t c = 0; c < columns && status == EA_OK; c++) {
        status = ea_permutation(ctx, generator, &permutation);
        for (int64_t i = 0; i < zeros && status == EA_OK; i++)
            core_store(&view, order[i] * view.stride[0] + c * view.stride[1], 0);
    }
    core_arena_release(ctx->arena, mark);
    return status;
}

/* --- Orthogonal ---------------------------------------------------------------------------------
 */

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum = fma(a[i], b[i], sum);
    return sum;
}

/* Gram and Schmidt's process, each vector cleared of those before it twice ("twice is enough"), in
 * binary64: `count` vectors of length `n`, one after another. */
static void orthonormalise(double *vectors, int64_t count, int64_t n)
{
    for (int64_t j = 0; j < count; j++) {
        double *v = vectors + j * n;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t i = 0; i < j; i++) {
                const double *q = vectors + i * n;
                double along = dot(q, v, n);
                for (int64_t k = 0; k < n; k++)
                    v[k] = fma(-along, q[k], v[k]);
            }
        double length = sqrt(dot(v, v, n));
        for (int64_t k = 0; k < n; k++)
            v[k] /= length;
    }
}

ea_status ea_init_orthogonal(ea_context *ctx, ea_generator *generator, double gain, DLTensor *out)
{
    ea_view view;
    int64_t rows = 0, columns = 0;
    EA_TRY(as_matrix(ctx, "ea_init_orthogonal", out, &view, &rows, &columns));
    core_mark mark = core_arena_mark(ctx->arena);
    double *vectors = core_arena_alloc(ctx->arena, (size_t)(rows * columns) * sizeof *vectors);
    if (!vectors)
        return core_fail(ctx, EA_ERR_MEMORY, "ea_init_orthogonal: no memory for %lld elements",
                         (long long)(rows * columns));
    ea_status status = ea_normal(ctx, generator, 0, 1, out);
    core_fp saved = core_fp_enter();
    bool tall = rows >= columns; /* the vectors are the columns, else the rows */
    for (int64_t i = 0; i < rows * columns && status == EA_OK; i++) {
        int64_t r = i / columns, c = i % columns;
        vectors[tall ? c * rows + r : i] = core_load(&view, core_offset(&view, i));
    }
    if (status == EA_OK)
        orthonormalise(vectors, tall ? columns : rows, tall ? rows : columns);
    for (int64_t i = 0; i < rows * columns && status == EA_OK; i++) {
        int64_t r = i / columns, c = i % columns;
        float q = (float)(gain * vectors[tall ? c * rows + r : i]);
        core_store(&view, core_offset(&view, i), q);
    }
    core_fp_leave(saved);
    core_arena_release(ctx->arena, mark);
    return status;
}
