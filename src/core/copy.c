/* copy.c: moving elements between views, a run of the target's innermost dimension at a time. */
#include "core/fp.h"
#include "core/pool.h"
#include "core/view.h"

#include <stdlib.h>

enum { GRAIN = 16384 }; /* elements in a piece of work */

typedef struct copy_job {
    ea_view from, to; /* of one shape, dimensions in the order of the target's memory */
    int64_t run, runs;
} copy_job;

/* Sorts dimensions by the target's strides and joins those that both memories allow to. */
static void arrange(const ea_view *from, const ea_view *to, copy_job *job)
{
    ea_view a = { .data = from->data, .dtype = from->dtype };
    ea_view b = { .data = to->data, .dtype = to->dtype };
    for (int d = 0; d < to->ndim; d++) {
        if (to->shape[d] == 1)
            continue;
        int at = b.ndim;
        for (; at > 0 && llabs(b.stride[at - 1]) < llabs(to->stride[d]); at--) {
            b.shape[at] = b.shape[at - 1];
            b.stride[at] = b.stride[at - 1];
            a.stride[at] = a.stride[at - 1];
        }
        b.shape[at] = to->shape[d];
        b.stride[at] = to->stride[d];
        a.stride[at] = from->stride[d];
        b.ndim++;
    }
    job->from = (ea_view){ .data = a.data, .dtype = a.dtype };
    job->to = (ea_view){ .data = b.data, .dtype = b.dtype };
    for (int d = 0; d < b.ndim; d++) {
        int last = job->to.ndim - 1;
        bool joins = last >= 0 && job->to.stride[last] == b.shape[d] * b.stride[d] &&
                     job->from.stride[last] == b.shape[d] * a.stride[d];
        if (!joins)
            last = job->to.ndim++;
        job->to.shape[last] = joins ? job->to.shape[last] * b.shape[d] : b.shape[d];
        job->to.stride[last] = b.stride[d];
        job->from.stride[last] = a.stride[d];
    }
    if (job->to.ndim == 0) {
        job->to.ndim = 1;
        job->to.shape[0] = job->to.stride[0] = job->from.stride[0] = 1;
    }
    job->from.ndim = job->to.ndim;
    memcpy(job->from.shape, job->to.shape, sizeof job->to.shape);
}

/* n times the one element, from what is there already. */
static void repeat(const char *from, char *to, int64_t n, size_t size)
{
    enum { MOST = 512 }; /* elements copied at a time, in the first-level cache */
    memcpy(to, from, size);
    for (int64_t done = 1, part; done < n; done += part) {
        part = done < MOST ? done : MOST;
        part = part < n - done ? part : n - done;
        memcpy(to + (size_t)done * size, to, (size_t)part * size);
    }
}

static void copy_run(const char *from, int64_t a, char *to, int64_t b, int64_t n, size_t size)
{
    if (a == 0 && b == 1) {
        repeat(from, to, n, size);
        return;
    }
    if (a == 1 && b == 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    if (a == -1 && b == 1 && size == 4) { /* turned round: a loop that becomes vectors */
        for (int64_t i = 0; i < n; i++)
            ((uint32_t *)to)[i] = ((const uint32_t *)from)[-i];
        return;
    }
    switch (size) {
    case 1:
        for (int64_t i = 0; i < n; i++)
            to[i * b] = from[i * a];
        return;
    case 2:
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)to)[i * b] = ((const uint16_t *)from)[i * a];
        return;
    case 4:
        for (int64_t i = 0; i < n; i++)
            ((uint32_t *)to)[i * b] = ((const uint32_t *)from)[i * a];
        return;
    default:
        for (int64_t i = 0; i < n; i++)
            ((uint64_t *)to)[i * b] = ((const uint64_t *)from)[i * a];
    }
}

/* Items are pieces of runs: `run` elements of the innermost dimension, the last may be shorter. */
static void copy_runs(void *argument, int64_t first, int64_t last, int worker)
{
    (void)worker;
    const copy_job *j = argument;
    int inner = j->to.ndim - 1;
    int64_t pieces = (j->to.shape[inner] + j->run - 1) / j->run;
    int64_t size_from = (int64_t)core_dtype_size(j->from.dtype);
    int64_t size_to = (int64_t)core_dtype_size(j->to.dtype);
    for (int64_t item = first; item < last; item++) {
        int64_t begin = item % pieces * j->run;
        int64_t n = j->to.shape[inner] - begin < j->run ? j->to.shape[inner] - begin : j->run;
        int64_t linear = item / pieces * j->to.shape[inner] + begin;
        int64_t a = core_offset(&j->from, linear), b = core_offset(&j->to, linear);
        if (j->from.dtype == j->to.dtype)
            copy_run((const char *)j->from.data + a * size_from, j->from.stride[inner],
                     (char *)j->to.data + b * size_to, j->to.stride[inner], n, (size_t)size_to);
        else
            for (int64_t i = 0; i < n; i++)
                core_store(&j->to, b + i * j->to.stride[inner],
                           core_load(&j->from, a + i * j->from.stride[inner]));
    }
}

void core_copy(ea_context *ctx, const ea_view *from, const ea_view *to)
{
    if (core_numel(to) == 0)
        return;
    copy_job job;
    arrange(from, to, &job);
    int inner = job.to.ndim - 1;
    job.run = job.to.shape[inner] < GRAIN ? job.to.shape[inner] : GRAIN;
    job.runs =
        core_numel(to) / job.to.shape[inner] * ((job.to.shape[inner] + job.run - 1) / job.run);
    if (ctx)
        core_parallel(ctx, job.runs, (GRAIN + job.run - 1) / job.run, copy_runs, &job);
    else
        copy_runs(&job, 0, job.runs, 0);
}
