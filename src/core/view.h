/* view.h: a checked, normalised tensor: what definitions and kernels work on. */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include "core/context.h"

#include <string.h>

typedef enum core_dtype {
    CORE_F32,
    CORE_F16,
    CORE_BF16,
    CORE_F64,
    CORE_I32,
    CORE_I64,
    CORE_U8,
    CORE_BOOL,
    CORE_DTYPE_COUNT
} core_dtype;

/* Sets of element types, as bits. */
#define CORE_BIT(dtype) (1u << (dtype))
#define CORE_FLOATS (CORE_BIT(CORE_F32) | CORE_BIT(CORE_F16) | CORE_BIT(CORE_BF16))
#define CORE_INDICES (CORE_BIT(CORE_I32) | CORE_BIT(CORE_I64))
#define CORE_MASKS (CORE_BIT(CORE_BOOL) | CORE_BIT(CORE_U8))
#define CORE_INTEGERS (CORE_INDICES | CORE_MASKS)
#define CORE_ANY (CORE_BIT(CORE_DTYPE_COUNT) - 1)

/* Strides are in elements and always present. `data` already includes DLTensor's byte offset. */
typedef struct ea_view {
    void *data;
    core_dtype dtype;
    int ndim;
    int64_t shape[EA_MAX_DIMS];
    int64_t stride[EA_MAX_DIMS];
} ea_view;

/* Checks a tensor from outside and makes its view. `function` and `name` are for the error text;
 * `dtypes` is a set of CORE_BITs. */
ea_status core_view_of(ea_context *ctx, const char *function, const char *name,
                       const DLTensor *tensor, unsigned dtypes, ea_view *out);

/* A contiguous view over memory that the caller owns. */
ea_view core_view_make(void *data, core_dtype dtype, int ndim, const int64_t *shape);

int64_t core_numel(const ea_view *view);
bool core_is_contiguous(const ea_view *view);
bool core_same_shape(const ea_view *a, const ea_view *b);
/* True when the two may share a byte (compares the address ranges that they span). */
bool core_overlaps(const ea_view *a, const ea_view *b);
/* The part of a view at index `index` (row-major) of its first `kept` dimensions. */
ea_view core_row(const ea_view *view, int kept, int64_t index);
/* The same view with dimension `from` moved to place `to`, the others keeping their order. */
ea_view core_move_dim(const ea_view *view, int from, int to);
/* Copies the elements, of one type or both CORE_FLOATS (rounded once). Shapes agree; ctx may be
 * NULL: then without threads. */
void core_copy(ea_context *ctx, const ea_view *from, const ea_view *to);
/* Writes "[2, 3]" for error texts and returns `text`. */
char *core_shape_text(const ea_view *view, char text[128]);

size_t core_dtype_size(core_dtype dtype);
const char *core_dtype_name(core_dtype dtype);
DLDataType core_dtype_dl(core_dtype dtype);
/* False when the type is none of ours. */
bool core_dtype_of(DLDataType dl, core_dtype *out);

/* Position in memory, in elements, of the logical index `linear` (row-major order). */
static inline int64_t core_offset(const ea_view *view, int64_t linear)
{
    int64_t offset = 0;
    for (int d = view->ndim - 1; d >= 0; d--) {
        offset += linear % view->shape[d] * view->stride[d];
        linear /= view->shape[d];
    }
    return offset;
}

/* --- Storage types: widened exactly, rounded once to nearest even -------------------------------
 */

static inline uint32_t core_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float core_bits_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float core_from_bf16(uint16_t h)
{
    return core_bits_float((uint32_t)h << 16);
}

static inline uint16_t core_to_bf16(float x)
{
    uint32_t bits = core_float_bits(x);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float core_from_f16(uint16_t h);
uint16_t core_to_f16(float x);

/* The element at `offset` (in elements) as float; only for CORE_FLOATS. */
static inline float core_load(const ea_view *view, int64_t offset)
{
    switch (view->dtype) {
    case CORE_F16:
        return core_from_f16(((const uint16_t *)view->data)[offset]);
    case CORE_BF16:
        return core_from_bf16(((const uint16_t *)view->data)[offset]);
    default:
        return ((const float *)view->data)[offset];
    }
}

static inline void core_store(const ea_view *view, int64_t offset, float x)
{
    switch (view->dtype) {
    case CORE_F16:
        ((uint16_t *)view->data)[offset] = core_to_f16(x);
        return;
    case CORE_BF16:
        ((uint16_t *)view->data)[offset] = core_to_bf16(x);
        return;
    default:
        ((float *)view->data)[offset] = x;
    }
}

/* The integer at `offset`; only for CORE_INDICES, CORE_U8 and CORE_BOOL. */
static inline int64_t core_load_index(const ea_view *view, int64_t offset)
{
    switch (view->dtype) {
    case CORE_I32:
        return ((const int32_t *)view->data)[offset];
    case CORE_U8:
    case CORE_BOOL:
        return ((const uint8_t *)view->data)[offset];
    default:
        return ((const int64_t *)view->data)[offset];
    }
}

static inline void core_store_index(const ea_view *view, int64_t offset, int64_t x)
{
    switch (view->dtype) {
    case CORE_I32:
        ((int32_t *)view->data)[offset] = (int32_t)x;
        return;
    case CORE_U8:
        ((uint8_t *)view->data)[offset] = (uint8_t)x;
        return;
    case CORE_BOOL:
        ((uint8_t *)view->data)[offset] = x != 0;
        return;
    default:
        ((int64_t *)view->data)[offset] = x;
    }
}

#endif
