/* tensordiff.c: where two files of tensors part. */
#include "ledger/tensordiff.h"
#include "core/view.h"
#include "eadem/io.h"
#include "ledger/json.h"
#include "ledger/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ALL_TYPES = CORE_BIT(CORE_DTYPE_COUNT) - 1, VALUE_TEXT = LEDGER_NUMBER_TEXT + 32 };

/* --- Elements -----------------------------------------------------------------------------------
 */

/* The element's bits, zero-extended. */
static uint64_t element_bits(const ea_view *view, int64_t offset)
{
    const unsigned char *at = view->data;
    uint16_t half;
    uint32_t word;
    uint64_t bits;
    switch (core_dtype_size(view->dtype)) {
    case 1:
        return at[offset];
    case 2:
        memcpy(&half, at + 2 * offset, sizeof half);
        return half;
    case 4:
        memcpy(&word, at + 4 * offset, sizeof word);
        return word;
    default:
        memcpy(&bits, at + 8 * offset, sizeof bits);
        return bits;
    }
}

static void show_float(float x, char text[LEDGER_NUMBER_TEXT])
{
    ledger_float_show(core_float_bits(x), text);
}

/* "0.1 (0x1.99999ap-4)". Two NaNs look the same: their bits are told too. */
static char *show_element(core_dtype dtype, uint64_t bits, char text[VALUE_TEXT])
{
    double real = 0;
    switch (dtype) {
    case CORE_F16:
        show_float(core_from_f16((uint16_t)bits), text);
        break;
    case CORE_BF16:
        show_float(core_from_bf16((uint16_t)bits), text);
        break;
    case CORE_F32:
        ledger_float_show((uint32_t)bits, text);
        break;
    case CORE_F64:
        memcpy(&real, &bits, sizeof real);
        ledger_number_show(&(ledger_number){ .real = real }, text);
        break;
    case CORE_I32:
        snprintf(text, VALUE_TEXT, "%d", (int)(int32_t)(uint32_t)bits);
        break;
    default:
        snprintf(text, VALUE_TEXT, "%lld", (long long)bits);
    }
    if (strstr(text, "nan"))
        snprintf(text, VALUE_TEXT, "nan (bits 0x%llx)", (unsigned long long)bits);
    return text;
}

static void set_distance(json_t *out, core_dtype dtype, uint64_t a, uint64_t b)
{
    double x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    uint64_t ulps = dtype == CORE_F32   ? ledger_ulps_float((uint32_t)a, (uint32_t)b)
                    : dtype == CORE_F64 ? ledger_ulps(x, y)
                                        : UINT64_MAX;
    if (ulps != UINT64_MAX && ulps != 0) /* 0: two NaNs */
        json_object_set_new(out, dtype == CORE_F32 ? "float_ulps" : "ulps",
                            json_integer((json_int_t)ulps));
}

static json_t *index_json(const ea_view *view, int64_t linear)
{
    json_t *index = json_array();
    for (int d = view->ndim - 1; d >= 0; d--) {
        json_array_insert_new(index, 0, json_integer(linear % view->shape[d]));
        linear /= view->shape[d];
    }
    return index;
}

/* --- Tensors ------------------------------------------------------------------------------------
 */

/* How many elements differ; *first is the first of them, in row-major order. */
static int64_t count_differing(const ea_view *a, const ea_view *b, int64_t *first)
{
    int64_t count = core_numel(a), differing = 0;
    bool plain = core_is_contiguous(a) && core_is_contiguous(b);
    *first = -1;
    if (plain && memcmp(a->data, b->data, (size_t)count * core_dtype_size(a->dtype)) == 0)
        return 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at_a = plain ? i : core_offset(a, i), at_b = plain ? i : core_offset(b, i);
        if (element_bits(a, at_a) == element_bits(b, at_b))
            continue;
        if (differing++ == 0)
            *first = i;
    }
    return differing;
}

static json_t *form_json(const ea_view *view)
{
    char shape[128];
    return view ? json_sprintf("%s %s", core_dtype_name(view->dtype), core_shape_text(view, shape))
                : json_null();
}

/* Describes how the tensor differs; NULL when it does not. a or b is NULL where it is missing. */
static json_t *tensor_json(const char *name, const ea_view *a, const ea_view *b)
{
    char shape[128], text_a[VALUE_TEXT], text_b[VALUE_TEXT];
    int64_t first;
    if (!a || !b || a->dtype != b->dtype || !core_same_shape(a, b))
        return json_pack("{s:o, s:o, s:o}", "name", ledger_json_text(name), "a", form_json(a), "b",
                         form_json(b));
    int64_t differing = count_differing(a, b, &first);
    if (!differing)
        return NULL;
    uint64_t bits_a = element_bits(a, core_offset(a, first)),
             bits_b = element_bits(b, core_offset(b, first));
    json_t *out =
        json_pack("{s:o, s:s, s:s, s:o, s:s, s:s, s:[I, I]}", "name", ledger_json_text(name),
                  "type", core_dtype_name(a->dtype), "shape", core_shape_text(a, shape), "index",
                  index_json(a, first), "a", show_element(a->dtype, bits_a, text_a), "b",
                  show_element(b->dtype, bits_b, text_b), "elements", (json_int_t)differing,
                  (json_int_t)core_numel(a));
    set_distance(out, a->dtype, bits_a, bits_b);
    return out;
}

/* --- Files --------------------------------------------------------------------------------------
 */

/* The view of a tensor that may be missing (NULL). */
static const ea_view *view_of(const DLTensor *tensor, ea_view *view)
{
    bool good = tensor && core_view_of(NULL, "diff", "tensor", tensor, ALL_TYPES, view) == EA_OK;
    return good ? view : NULL;
}

/* Counts the tensor and, when it is the first that differs, describes it in `entry`. */
static bool add_tensor(const char *name, const DLTensor *a, const DLTensor *b, json_t *entry)
{
    ea_view view_a, view_b;
    json_t *tensor = tensor_json(name, view_of(a, &view_a), view_of(b, &view_b));
    if (tensor && !json_object_get(entry, "tensor"))
        json_object_set(entry, "tensor", tensor);
    json_decref(tensor);
    return tensor != NULL;
}

static void compare_files(const ea_tensor_file *a, const ea_tensor_file *b, json_t *entry)
{
    int total = ea_tensor_file_count(a), differing = 0;
    for (int i = 0; i < ea_tensor_file_count(a); i++) {
        const char *name = ea_tensor_file_name(a, i);
        differing +=
            add_tensor(name, ea_tensor_file_tensor(a, i), ea_tensor_file_find(b, name), entry);
    }
    for (int i = 0; i < ea_tensor_file_count(b); i++) {
        const char *name = ea_tensor_file_name(b, i);
        if (ea_tensor_file_find(a, name))
            continue;
        total++;
        differing += add_tensor(name, NULL, ea_tensor_file_tensor(b, i), entry);
    }
    json_object_set_new(entry, "tensors", json_pack("[i, i]", differing, total));
}

bool ledger_tensor_files_differ(const char *path_a, const char *path_b, json_t *entry)
{
    ea_tensor_file *a, *b;
    if (ea_tensor_file_open(NULL, path_a, &a) != EA_OK)
        return false;
    bool readable = ea_tensor_file_open(NULL, path_b, &b) == EA_OK;
    if (readable) {
        compare_files(a, b, entry);
        ea_tensor_file_close(b);
    }
    ea_tensor_file_close(a);
    return readable;
}
