/* stream.c: views as streams of floats. */
#include "cpu/stream.h"

void cpu_merge(ea_view *view)
{
    ea_view merged = { .data = view->data, .dtype = view->dtype };
    for (int d = 0; d < view->ndim; d++) {
        int last = merged.ndim - 1;
        if (view->shape[d] == 1)
            continue;
        if (last >= 0 && merged.stride[last] == view->shape[d] * view->stride[d]) {
            merged.shape[last] *= view->shape[d];
            merged.stride[last] = view->stride[d];
        } else {
            merged.shape[merged.ndim] = view->shape[d];
            merged.stride[merged.ndim++] = view->stride[d];
        }
    }
    if (merged.ndim == 0) {
        merged.shape[0] = merged.stride[0] = 1;
        merged.ndim = 1;
    }
    *view = merged;
}

/* A position in a view that moves along its innermost dimension, a run at a time. */
typedef struct cursor {
    const ea_view *view;
    int64_t index[EA_MAX_DIMS];
    int64_t offset;
} cursor;

static cursor cursor_at(const ea_view *view, int64_t linear)
{
    cursor c = { .view = view };
    for (int d = view->ndim - 1; d >= 0; d--) {
        c.index[d] = linear % view->shape[d];
        c.offset += c.index[d] * view->stride[d];
        linear /= view->shape[d];
    }
    return c;
}

/* Elements until the innermost dimension ends. */
static int64_t run_left(const cursor *c)
{
    int last = c->view->ndim - 1;
    return c->view->shape[last] - c->index[last];
}

static void advance(cursor *c, int64_t n)
{
    int d = c->view->ndim - 1;
    c->index[d] += n;
    c->offset += n * c->view->stride[d];
    for (; d > 0 && c->index[d] == c->view->shape[d]; d--) {
        c->index[d] = 0;
        c->offset += c->view->stride[d - 1] - c->view->shape[d] * c->view->stride[d];
        c->index[d - 1]++;
    }
}

static float *in_place(const ea_view *view, int64_t begin, int64_t n)
{
    int last = view->ndim - 1;
    if (view->dtype != CORE_F32 || view->stride[last] != 1 ||
        begin % view->shape[last] + n > view->shape[last])
        return NULL;
    return (float *)view->data + core_offset(view, begin);
}

static void fill(float *to, float value, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = value;
}

static void read_run(const ea_view *view, int64_t offset, int64_t n, float *to)
{
    int64_t stride = view->stride[view->ndim - 1];
    const uint16_t *half = (const uint16_t *)view->data + offset;
    const float *from = (const float *)view->data + offset;
    const uint8_t *byte = (const uint8_t *)view->data + offset;
    switch (view->dtype) {
    case CORE_U8:
    case CORE_BOOL:
        for (int64_t i = 0; i < n; i++)
            to[i] = byte[i * stride];
        return;
    case CORE_F16:
        for (int64_t i = 0; i < n; i++)
            to[i] = core_from_f16(half[i * stride]);
        return;
    case CORE_BF16:
        for (int64_t i = 0; i < n; i++)
            to[i] = core_from_bf16(half[i * stride]);
        return;
    default:
        if (stride == 1)
            memcpy(to, from, (size_t)n * sizeof *to);
        else if (stride == 0)
            fill(to, *from, n);
        else
            for (int64_t i = 0; i < n; i++)
                to[i] = from[i * stride];
    }
}

static void write_run(const ea_view *view, int64_t offset, int64_t n, const float *from)
{
    int64_t stride = view->stride[view->ndim - 1];
    uint16_t *half = (uint16_t *)view->data + offset;
    uint8_t *byte = (uint8_t *)view->data + offset;
    float *to = (float *)view->data + offset;
    switch (view->dtype) {
    case CORE_U8:
    case CORE_BOOL:
        for (int64_t i = 0; i < n; i++)
            byte[i * stride] = from[i] != 0;
        return;
    case CORE_F16:
        for (int64_t i = 0; i < n; i++)
            half[i * stride] = core_to_f16(from[i]);
        return;
    case CORE_BF16:
        for (int64_t i = 0; i < n; i++)
            half[i * stride] = core_to_bf16(from[i]);
        return;
    default:
        for (int64_t i = 0; i < n; i++)
            to[i * stride] = from[i];
    }
}

/* Whole rows of floats that lie across memory, an element of one row beside that of the next: they
 * are walked along memory. */
static bool lies_across(const ea_view *view, int64_t begin, int64_t n)
{
    int last = view->ndim - 1;
    return last > 0 && view->dtype == CORE_F32 && view->stride[last - 1] == 1 &&
           n > view->shape[last] && begin % view->shape[last] == 0 && n % view->shape[last] == 0;
}

static int64_t neighbours(const ea_view *view, int64_t row, int64_t end)
{
    int64_t width = view->shape[view->ndim - 2], left = width - row % width;
    return left < end - row ? left : end - row;
}

static void read_across(const ea_view *view, int64_t row, int64_t end, float *to)
{
    int64_t length = view->shape[view->ndim - 1], stride = view->stride[view->ndim - 1];
    for (int64_t rows; row < end; row += rows, to += rows * length) {
        const float *from = (const float *)view->data + core_offset(view, row * length);
        rows = neighbours(view, row, end);
        for (int64_t k = 0; k < length; k++)
            for (int64_t r = 0; r < rows; r++)
                to[r * length + k] = from[k * stride + r];
    }
}

static void write_across(const ea_view *view, int64_t row, int64_t end, const float *from)
{
    int64_t length = view->shape[view->ndim - 1], stride = view->stride[view->ndim - 1];
    for (int64_t rows; row < end; row += rows, from += rows * length) {
        float *to = (float *)view->data + core_offset(view, row * length);
        rows = neighbours(view, row, end);
        for (int64_t k = 0; k < length; k++)
            for (int64_t r = 0; r < rows; r++)
                to[k * stride + r] = from[r * length + k];
    }
}

const float *cpu_read(const ea_view *view, int64_t begin, int64_t n, float *buffer)
{
    if (n == 0)
        return buffer;
    float *place = in_place(view, begin, n);
    if (place)
        return place;
    if (lies_across(view, begin, n)) {
        int64_t length = view->shape[view->ndim - 1];
        read_across(view, begin / length, (begin + n) / length, buffer);
        return buffer;
    }
    cursor c = cursor_at(view, begin);
    for (int64_t done = 0; done < n;) {
        int64_t run = run_left(&c) < n - done ? run_left(&c) : n - done;
        read_run(view, c.offset, run, buffer + done);
        done += run;
        advance(&c, run);
    }
    return buffer;
}

float *cpu_target(const ea_view *view, int64_t begin, int64_t n, float *buffer)
{
    float *place = n > 0 ? in_place(view, begin, n) : NULL;
    return place ? place : buffer;
}

void cpu_put(const ea_view *view, int64_t begin, int64_t n, const float *from)
{
    if (n == 0 || from == in_place(view, begin, n))
        return;
    if (lies_across(view, begin, n)) {
        int64_t length = view->shape[view->ndim - 1];
        write_across(view, begin / length, (begin + n) / length, from);
        return;
    }
    cursor c = cursor_at(view, begin);
    for (int64_t done = 0; done < n;) {
        int64_t run = run_left(&c) < n - done ? run_left(&c) : n - done;
        write_run(view, c.offset, run, from + done);
        done += run;
        advance(&c, run);
    }
}

/* --- Rows ------------------------------------------------------------------------------------- */

cpu_rows cpu_rows_of(const ea_view *view, int kept)
{
    cpu_rows rows = { .kept = *view, .row = *view };
    rows.kept.ndim = kept;
    cpu_merge(&rows.kept);
    rows.row.ndim = view->ndim - kept;
    memcpy(rows.row.shape, view->shape + kept, sizeof *view->shape * (size_t)rows.row.ndim);
    memcpy(rows.row.stride, view->stride + kept, sizeof *view->stride * (size_t)rows.row.ndim);
    cpu_merge(&rows.row);
    return rows;
}

static int64_t row_offset(const cpu_rows *rows, int64_t row)
{
    return rows->kept.ndim == 1 ? row * rows->kept.stride[0] : core_offset(&rows->kept, row);
}

static float *row_in_place(const cpu_rows *rows, int64_t row, int64_t begin)
{
    if (rows->row.dtype != CORE_F32 || rows->row.ndim != 1 || rows->row.stride[0] != 1)
        return NULL;
    return (float *)rows->row.data + row_offset(rows, row) + begin;
}

static ea_view row_at(const cpu_rows *rows, int64_t row)
{
    ea_view view = rows->row;
    view.data = (char *)view.data + row_offset(rows, row) * (int64_t)core_dtype_size(view.dtype);
    return view;
}

const float *cpu_read_row(const cpu_rows *rows, int64_t row, int64_t begin, int64_t n,
                          float *buffer)
{
    const float *place = row_in_place(rows, row, begin);
    if (place)
        return place;
    ea_view view = row_at(rows, row);
    return cpu_read(&view, begin, n, buffer);
}

float *cpu_target_row(const cpu_rows *rows, int64_t row, int64_t begin, int64_t n, float *buffer)
{
    float *place = row_in_place(rows, row, begin);
    if (place)
        return place;
    ea_view view = row_at(rows, row);
    return cpu_target(&view, begin, n, buffer);
}

void cpu_put_row(const cpu_rows *rows, int64_t row, int64_t begin, int64_t n, const float *from)
{
    if (from == row_in_place(rows, row, begin))
        return;
    ea_view view = row_at(rows, row);
    cpu_put(&view, begin, n, from);
}
