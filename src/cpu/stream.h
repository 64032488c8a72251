/* stream.h: any view as a stream of floats in logical order, a block at a time. */
#ifndef CPU_STREAM_H
#define CPU_STREAM_H

#include "core/view.h"

/* Elements that operations take at a time: three such blocks fit the first-level cache. */
enum { CPU_BLOCK = 1024 };

/* Drops dimensions of size 1 and joins neighbours that memory allows to. */
void cpu_merge(ea_view *view);

/* Elements begin … begin + n − 1 as consecutive floats: in place where they are, else in `buffer`,
 * widened from 16 bits, or from truth values and bytes. */
const float *cpu_read(const ea_view *view, int64_t begin, int64_t n, float *buffer);

/* Where to compute elements begin … begin + n − 1: their own place or `buffer`. cpu_put() then
 * stores them, rounded to the view's type (as truth values to bool and uint8), unless they are in
 * place already. */
float *cpu_target(const ea_view *view, int64_t begin, int64_t n, float *buffer);
void cpu_put(const ea_view *view, int64_t begin, int64_t n, const float *from);

/* The rows of a view: for each index of its first `kept` dimensions, what the others span. The same
 * three calls for a row by its number, cheap enough for short rows. */
typedef struct cpu_rows {
    ea_view kept; /* merged; its strides lead from row to row */
    ea_view row;  /* merged; its data is row 0's */
} cpu_rows;

cpu_rows cpu_rows_of(const ea_view *view, int kept);
const float *cpu_read_row(const cpu_rows *rows, int64_t row, int64_t begin, int64_t n,
                          float *buffer);
float *cpu_target_row(const cpu_rows *rows, int64_t row, int64_t begin, int64_t n, float *buffer);
void cpu_put_row(const cpu_rows *rows, int64_t row, int64_t begin, int64_t n, const float *from);

#endif
