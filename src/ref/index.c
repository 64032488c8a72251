/* index.c: definitions of reading and writing where an index says. */
#include "ref/index.h"
#include "ref/ref.h"

static void move(const ea_view *from, int64_t a, const ea_view *to, int64_t b)
{
    size_t size = core_dtype_size(to->dtype);
    memcpy((char *)to->data + b * (int64_t)size, (const char *)from->data + a * (int64_t)size,
           size);
}

static int64_t line_count(const ref_indexed *i)
{
    ea_view lead = i->index;
    lead.ndim = i->lines;
    return core_numel(&lead);
}

ea_status ref_gather(ea_context *ctx, const ref_indexed *i)
{
    (void)ctx;
    for (int64_t line = 0; line < line_count(i); line++) {
        ea_view at = core_row(&i->at, i->lines, line), index = core_row(&i->index, i->lines, line);
        ea_view with = core_row(&i->with, i->lines, line);
        for (int64_t k = 0; k < core_numel(&index); k++) {
            int64_t position = core_load_index(&index, core_offset(&index, k));
            move(&at, core_offset(&at, position), &with, core_offset(&with, k));
        }
    }
    return EA_OK;
}

static void take_in(ea_scatter_kind kind, double alpha, const ea_view *at, int64_t a,
                    const ea_view *with, int64_t b)
{
    if (kind == EA_SCATTER_COPY) {
        move(with, b, at, a);
    } else if (at->dtype == CORE_F32) {
        float x = (float)alpha * core_load(with, b);
        core_store(at, a, ref_take_in(kind, core_load(at, a), x));
    } else {
        int64_t x = (int64_t)((uint64_t)(int64_t)alpha * (uint64_t)core_load_index(with, b));
        core_store_index(at, a, ref_take_in_integer(kind, core_load_index(at, a), x));
    }
}

ea_status ref_scatter(ea_context *ctx, const ref_indexed *i, ea_scatter_kind kind, double alpha)
{
    (void)ctx;
    for (int64_t line = 0; line < line_count(i); line++) {
        ea_view at = core_row(&i->at, i->lines, line), index = core_row(&i->index, i->lines, line);
        ea_view with = core_row(&i->with, i->lines, line);
        for (int64_t k = 0; k < core_numel(&index); k++) {
            int64_t position = core_load_index(&index, core_offset(&index, k));
            take_in(kind, alpha, &at, core_offset(&at, position), &with, core_offset(&with, k));
        }
    }
    return EA_OK;
}

/* --- Bags ------------------------------------------------------------------------------------- */

void ref_bag_range(const ref_bags *bags, int64_t bag, int64_t *first, int64_t *end)
{
    *first = core_load_index(&bags->offsets, core_offset(&bags->offsets, bag));
    *end = bag + 1 < bags->offsets.shape[0]
               ? core_load_index(&bags->offsets, core_offset(&bags->offsets, bag + 1))
               : bags->index.shape[0];
}

/* Column j of a bag: the sum (of weighted entries) from +0, its quotient by the number of entries,
 * or the first of the largest entries. */
static float bag_column(const ref_bags *bags, int64_t bag, int64_t j, int64_t *position)
{
    int64_t first, end, count = 0;
    float total = 0;
    ref_bag_range(bags, bag, &first, &end);
    *position = -1;
    for (int64_t e = first; e < end; e++) {
        int64_t row = core_load_index(&bags->index, core_offset(&bags->index, e));
        if (row == bags->padding)
            continue;
        float x =
            core_load(&bags->weight, core_offset(&bags->weight, row * bags->weight.shape[1] + j));
        if (bags->weighted)
            x = x * core_load(&bags->weights, core_offset(&bags->weights, e));
        bool larger = *position < 0 || x > total || (x != x && total == total);
        if (bags->mode != EA_BAG_MAX)
            total = total + x;
        else if (larger)
            total = x;
        if (larger)
            *position = row;
        count++;
    }
    return bags->mode == EA_BAG_MEAN && count > 0 ? total / (float)count : total;
}

ea_status ref_embedding_bag(ea_context *ctx, const ref_bags *bags)
{
    (void)ctx;
    for (int64_t i = 0; i < core_numel(&bags->out); i++) {
        int64_t width = bags->out.shape[1], position;
        float x = bag_column(bags, i / width, i % width, &position);
        core_store(&bags->out, core_offset(&bags->out, i), x);
        if (bags->wants_indices)
            core_store_index(&bags->max_indices, core_offset(&bags->max_indices, i), position);
    }
    return EA_OK;
}
