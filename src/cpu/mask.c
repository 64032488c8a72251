/* mask.c: choosing by a mask, a run of the innermost dimension at a time; threads share the runs.
 */
#include "cpu/mask.h"
#include "core/pool.h"

enum { GRAIN = 16384, VIEWS = 4 };

typedef struct job {
    ea_view view[VIEWS]; /* mask, a, b, out, with joined dimensions */
    int64_t run;         /* elements of an item; the last of a row may have fewer */
} job;

/* Drops dimensions of size 1 and joins neighbours that all four memories allow to. */
static void join(job *j)
{
    int ndim = 0;
    for (int d = 0; d < j->view[0].ndim; d++) {
        int64_t size = j->view[0].shape[d];
        bool joins = ndim > 0;
        for (int v = 0; v < VIEWS; v++)
            joins &= ndim > 0 && j->view[v].stride[ndim - 1] == size * j->view[v].stride[d];
        if (size == 1)
            continue;
        int at = joins ? ndim - 1 : ndim++;
        for (int v = 0; v < VIEWS; v++) {
            j->view[v].shape[at] = joins ? j->view[v].shape[at] * size : size;
            j->view[v].stride[at] = j->view[v].stride[d];
        }
    }
    for (int v = 0; v < VIEWS; v++) {
        j->view[v].ndim = ndim ? ndim : 1;
        if (ndim == 0)
            j->view[v].shape[0] = j->view[v].stride[0] = 1;
    }
}

/* y[i] = mask[i] ? a[i] : b[i] with strides of mask, a, b, y, for elements of one size. Strides
 * that the compiler knows to be 0 or 1 become vectors: both are read, and a mask of bits chooses.
 */
#define CHOOSE(type)                                                                           \
    static inline __attribute__((always_inline)) void choose_##type(                           \
        const uint8_t *mask, int64_t sm, const type *a, int64_t sa, const type *b, int64_t sb, \
        type *y, int64_t sy, int64_t n)                                                        \
    {                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                      \
            type bits = (type) - (type)(mask[i * sm] != 0);                                    \
            y[i * sy] = (type)((a[i * sa] & bits) | (b[i * sb] & (type)~bits));                \
        }                                                                                      \
    }

CHOOSE(uint8_t)
CHOOSE(uint16_t)
CHOOSE(uint32_t)
CHOOSE(uint64_t)

static void choose(const uint8_t *mask, const void *a, const void *b, void *y, const int64_t s[],
                   int64_t n, size_t size)
{
    bool runs = s[0] == 1 && s[3] == 1;
    switch (size) {
    case 1:
        choose_uint8_t(mask, s[0], a, s[1], b, s[2], y, s[3], n);
        return;
    case 2:
        choose_uint16_t(mask, s[0], a, s[1], b, s[2], y, s[3], n);
        return;
    case 4:
        if (runs && s[1] == 1 && s[2] == 1)
            choose_uint32_t(mask, 1, a, 1, b, 1, y, 1, n);
        else if (runs && s[1] == 1 && s[2] == 0)
            choose_uint32_t(mask, 1, a, 1, b, 0, y, 1, n);
        else if (runs && s[1] == 0 && s[2] == 1)
            choose_uint32_t(mask, 1, a, 0, b, 1, y, 1, n);
        else
            choose_uint32_t(mask, s[0], a, s[1], b, s[2], y, s[3], n);
        return;
    default:
        choose_uint64_t(mask, s[0], a, s[1], b, s[2], y, s[3], n);
    }
}

static void choose_runs(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const job *j = argument;
    int inner = j->view[0].ndim - 1;
    int64_t length = j->view[0].shape[inner], pieces = (length + j->run - 1) / j->run;
    for (int64_t item = first; item < last; item++) {
        int64_t begin = item % pieces * j->run;
        int64_t n = length - begin < j->run ? length - begin : j->run;
        char *data[VIEWS];
        int64_t stride[VIEWS];
        for (int v = 0; v < VIEWS; v++) {
            const ea_view *view = &j->view[v];
            int64_t offset = core_offset(view, item / pieces * length + begin);
            data[v] = (char *)view->data + offset * (int64_t)core_dtype_size(view->dtype);
            stride[v] = view->stride[inner];
        }
        choose((const uint8_t *)data[0], data[1], data[2], data[3], stride, n,
               core_dtype_size(j->view[3].dtype));
    }
}

ea_status cpu_where(ea_context *ctx, const ea_view *mask, const ea_view *a, const ea_view *b,
                    const ea_view *out)
{
    if (core_numel(out) == 0)
        return EA_OK;
    job j = { .view = { *mask, *a, *b, *out } };
    join(&j);
    int inner = j.view[0].ndim - 1;
    int64_t length = j.view[0].shape[inner];
    j.run = length < GRAIN ? length : GRAIN;
    int64_t items = core_numel(&j.view[3]) / length * ((length + j.run - 1) / j.run);
    core_parallel(ctx, items, (GRAIN + j.run - 1) / j.run, choose_runs, &j);
    return EA_OK;
}
