/* contract.c: contractions made of others: addmm, baddbmm, bilinear and einsum; and the views that
 * they need, permute and diagonal. */
#include "grad/tape.h"

#include <ctype.h>

/* --- Views ------------------------------------------------------------------------------------ */

/* What dimensions of x a dimension of the result is: two where it is a diagonal. */
typedef struct view_saved {
    int first[EA_MAX_DIMS], second[EA_MAX_DIMS]; /* −1: none */
} view_saved;

/* `tensor`, contiguous and of x's shape, seen as the result is. */
static DLTensor seen(const DLTensor *tensor, const view_saved *s, int ndim, int64_t *shape,
                     int64_t *stride)
{
    int64_t step[EA_MAX_DIMS], size = 1;
    DLTensor view = *tensor;
    for (int d = tensor->ndim - 1; d >= 0; d--) {
        step[d] = size;
        size *= tensor->shape[d];
    }
    for (int d = 0; d < ndim; d++) {
        shape[d] = tensor->shape[s->first[d]];
        stride[d] = step[s->first[d]] + (s->second[d] < 0 ? 0 : step[s->second[d]]);
    }
    view.ndim = ndim;
    view.shape = shape;
    view.strides = stride;
    return view;
}

static ea_status view_rule(ea_var *out)
{
    grad_place place;
    EA_TRY(grad_open(out->inputs[0], &place));
    if (!place.tensor)
        return EA_OK;
    int64_t shape[EA_MAX_DIMS], stride[EA_MAX_DIMS];
    memset(place.tensor->data, 0, sizeof(float) * (size_t)ea_tensor_numel(place.tensor));
    DLTensor view = seen(place.tensor, out->saved, out->value.ndim, shape, stride);
    EA_TRY(ea_copy(out->tape->ctx, &out->grad, &view));
    return grad_close(&place);
}

/* A value that shares x's memory. */
static ea_var *view_of(ea_var *x, int ndim, const view_saved *from)
{
    if (!x || !(x = grad_contiguous(x)))
        return NULL;
    view_saved *s = grad_alloc(x->tape, sizeof *s);
    if (!s)
        return NULL;
    *s = *from;
    int64_t shape[EA_MAX_DIMS];
    int64_t *stride = grad_alloc(x->tape, sizeof *stride * EA_MAX_DIMS);
    if (!stride)
        return NULL;
    DLTensor view = seen(&x->value, s, ndim, shape, stride);
    ea_var *out = grad_var_view(x->tape, EA_FLOAT32, ndim, shape, view_rule, x, NULL, NULL);
    if (!out)
        return NULL;
    out->saved = s;
    out->value = view;
    out->value.shape = out->shape;
    return out;
}

ea_var *ea_var_permute(ea_var *x, const int *dims, int count)
{
    if (!x)
        return NULL;
    unsigned used = 0;
    view_saved s;
    for (int d = 0; d < count && count == x->value.ndim; d++) {
        s.first[d] = dims[d] < 0 ? dims[d] + count : dims[d];
        s.second[d] = -1;
        if (s.first[d] >= 0 && s.first[d] < count)
            used |= 1u << s.first[d];
    }
    if (count != x->value.ndim || used != (1u << count) - 1)
        return grad_fail(x->tape, core_fail(x->tape->ctx, EA_ERR_ARGUMENT,
                                            "ea_var_permute: the dims are no permutation of x's "
                                            "%d dimensions",
                                            x->value.ndim));
    ea_var *view = view_of(x, count, &s);
    return view ? grad_contiguous(view) : NULL;
}

/* --- addmm, baddbmm, bilinear ----------------------------------------------------------------- */

static ea_var *scaled(ea_var *x, double factor)
{
    return !x || factor == 1 ? x : ea_var_mul(x, grad_number(x->tape, factor));
}

ea_var *ea_var_addmm(ea_var *input, ea_var *a, ea_var *b, double beta, double alpha)
{
    ea_var *product = scaled(ea_var_matmul(a, b), alpha);
    return beta == 0 ? product : ea_var_add(scaled(input, beta), product);
}

ea_var *ea_var_bilinear(ea_var *x1, ea_var *x2, ea_var *weight, ea_var *bias)
{
    if (!x1 || !x2 || !weight || !bias)
        return NULL;
    ea_var *out = ea_var_einsum("...i,oij,...j->...o", (ea_var *[]){ x1, weight, x2 }, 3);
    return bias == ea_no_bias ? out : ea_var_add(out, bias);
}

/* --- einsum ----------------------------------------------------------------------------------- */

/* Labels: 0 … 51 letters, then the dimensions of the ellipsis, counted from the right. */
enum { LETTERS = 52, LABELS = LETTERS + EA_MAX_DIMS };

typedef struct term {
    ea_var *var;
    int ndim;
    int label[EA_MAX_DIMS];
} term;

typedef struct einsum {
    ea_tape *tape;
    const char *equation;
    int times[LABELS];  /* how often the operands have the label */
    int wanted[LABELS]; /* how many of the output and the operands still to come have the label */
} einsum;

static ea_var *refuse(const einsum *e, const char *why)
{
    return grad_fail(e->tape, core_fail(e->tape->ctx, EA_ERR_ARGUMENT, "ea_var_einsum: \"%s\": %s",
                                        e->equation, why));
}

static int letter(char c)
{
    return isupper((unsigned char)c) ? c - 'A' : c - 'a' + 26;
}

/* Reads one operand's (or the output's) labels up to ',' or '-' or the end. `ndim` < 0: as many as
 * are written, an ellipsis having `dots` dimensions. False: malformed. */
static bool read_labels(const char **text, int ndim, int *dots, term *t)
{
    const char *p = *text;
    int letters = 0;
    bool ellipsis = false;
    for (; *p && *p != ',' && *p != '-'; p++)
        letters += isalpha((unsigned char)*p) != 0;
    int hidden = ndim < 0 ? *dots : ndim - letters;
    t->ndim = 0;
    for (p = *text; *p && *p != ',' && *p != '-'; p++) {
        if (*p == ' ')
            continue;
        if (isalpha((unsigned char)*p)) {
            if (t->ndim == EA_MAX_DIMS)
                return false;
            t->label[t->ndim++] = letter(*p);
        } else if (strncmp(p, "...", 3) == 0 && !ellipsis && hidden >= 0) {
            for (int d = hidden - 1; d >= 0 && t->ndim < EA_MAX_DIMS; d--)
                t->label[t->ndim++] = LETTERS + d;
            ellipsis = true;
            p += 2;
        } else {
            return false;
        }
    }
    *text = p;
    if (ellipsis && ndim >= 0 && hidden > *dots)
        *dots = hidden;
    return ndim < 0 || t->ndim == ndim;
}

static int place_of(const term *t, int label)
{
    for (int d = 0; d < t->ndim; d++)
        if (t->label[d] == label)
            return d;
    return -1;
}

/* A label that a term has twice: its diagonal. */
static bool take_diagonals(const einsum *e, term *t)
{
    view_saved s;
    int ndim = 0, label[EA_MAX_DIMS];
    for (int d = 0; d < t->ndim; d++) {
        int first = place_of(t, t->label[d]);
        if (first == d) {
            s.first[ndim] = d;
            s.second[ndim] = -1;
            label[ndim++] = t->label[d];
            continue;
        }
        int at = 0;
        while (label[at] != t->label[d])
            at++;
        if (s.second[at] >= 0 || t->var->shape[first] != t->var->shape[d]) {
            refuse(e, "a label stands three times in an operand, or twice with two sizes");
            return false;
        }
        s.second[at] = d;
    }
    if (ndim == t->ndim)
        return true;
    t->var = view_of(t->var, ndim, &s);
    t->ndim = ndim;
    memcpy(t->label, label, sizeof label);
    return t->var != NULL;
}

/* Sums over labels that nothing else has. */
static bool sum_alone(const einsum *e, term *t, const term *other)
{
    int dims[EA_MAX_DIMS], count = 0, kept = 0;
    for (int d = 0; d < t->ndim; d++)
        if (e->wanted[t->label[d]] == 0 && (!other || place_of(other, t->label[d]) < 0))
            dims[count++] = d;
        else
            t->label[kept++] = t->label[d];
    t->ndim = kept;
    if (count > 0)
        t->var = ea_var_sum(t->var, dims, count, 0);
    return t->var != NULL;
}

/* Drops dimensions of size 1 where the other term has more: it broadcasts. */
static bool drop_ones(const einsum *e, term *t, const term *other)
{
    int64_t shape[EA_MAX_DIMS];
    int kept = 0;
    for (int d = 0; d < t->ndim; d++) {
        int at = place_of(other, t->label[d]);
        int64_t size = t->var->shape[d], others = at < 0 ? size : other->var->shape[at];
        if (size == 1 && others != 1)
            continue;
        if (others != size && others != 1) {
            refuse(e, "a label has two sizes");
            return false;
        }
        shape[kept] = size;
        t->label[kept++] = t->label[d];
    }
    if (kept != t->ndim)
        t->var = ea_var_reshape(t->var, kept, shape);
    t->ndim = kept;
    return t->var != NULL;
}

/* The label's dimensions by kind: in both and wanted; in both and summed; in this term alone. */
enum { BATCH, SUMMED, ALONE, KINDS };

static int kind_of(const einsum *e, int label, const term *other)
{
    if (place_of(other, label) < 0)
        return ALONE;
    return e->wanted[label] ? BATCH : SUMMED;
}

/* t permuted to kinds in the given order, labels of both in a's order, as [batch…, …, …]; each of
 * the last two is one dimension, which is no copy where it is one label. */
static ea_var *arranged(const einsum *e, const term *t, const term *other, const term *a,
                        const int order[KINDS])
{
    view_saved s;
    int64_t shape[EA_MAX_DIMS + 2], sizes[KINDS] = { 1, 1, 1 };
    int count = 0, of_kind[KINDS] = { 0 };
    for (int k = 0; k < KINDS; k++) {
        const term *by = order[k] == ALONE ? t : a;
        for (int d = 0; d < by->ndim; d++) {
            int at = place_of(t, by->label[d]);
            if (at < 0 || kind_of(e, by->label[d], other) != order[k])
                continue;
            s.first[count] = at;
            s.second[count] = -1;
            shape[count++] = t->var->shape[at];
            sizes[order[k]] *= t->var->shape[at];
            of_kind[order[k]]++;
        }
    }
    ea_var *view = view_of(t->var, count, &s);
    if (of_kind[SUMMED] == 1 && of_kind[ALONE] == 1)
        return view;
    int batch = of_kind[BATCH];
    if (batch + 2 > EA_MAX_DIMS)
        return refuse(e, "too many dimensions on the way");
    shape[batch] = sizes[order[1]];
    shape[batch + 1] = sizes[order[2]];
    return ea_var_reshape(view, batch + 2, shape);
}

/* a ← the contraction of a and b. */
static bool contract(const einsum *e, term *a, term *b)
{
    if (!drop_ones(e, a, b) || !drop_ones(e, b, a) || !sum_alone(e, a, b) || !sum_alone(e, b, a))
        return false;
    ea_var *left = arranged(e, a, b, a, (int[]){ BATCH, ALONE, SUMMED });
    ea_var *right = arranged(e, b, a, a, (int[]){ BATCH, SUMMED, ALONE });
    term product = { .ndim = 0 };
    int64_t shape[EA_MAX_DIMS];
    const term *const from[] = { a, a, b }, *const others[] = { b, b, a };
    static const int kinds[] = { BATCH, ALONE, ALONE };
    for (int k = 0; k < 3; k++)
        for (int d = 0; d < from[k]->ndim; d++)
            if (kind_of(e, from[k]->label[d], others[k]) == kinds[k]) {
                if (product.ndim == EA_MAX_DIMS)
                    return refuse(e, "too many dimensions on the way") != NULL;
                shape[product.ndim] = from[k]->var->shape[d];
                product.label[product.ndim++] = from[k]->label[d];
            }
    product.var = ea_var_reshape(ea_var_matmul(left, right), product.ndim, shape);
    *a = product;
    return a->var != NULL;
}

/* Without "->": the ellipsis, then the letters that stand once, in order. */
static void implied_output(const einsum *e, int dots, term *out)
{
    out->ndim = 0;
    for (int d = dots - 1; d >= 0; d--)
        out->label[out->ndim++] = LETTERS + d;
    for (int l = 0; l < LETTERS && out->ndim < EA_MAX_DIMS; l++)
        if (e->times[l] == 1)
            out->label[out->ndim++] = l;
}

static void want(einsum *e, const term *t, int by)
{
    for (int d = 0; d < t->ndim; d++)
        e->wanted[t->label[d]] += by;
}

static ea_var *into_order(const einsum *e, const term *t, const term *out)
{
    int dims[EA_MAX_DIMS];
    for (int d = 0; d < out->ndim; d++)
        if ((dims[d] = place_of(t, out->label[d])) < 0 || place_of(out, out->label[d]) != d)
            return refuse(e, "the output has a label that no operand has, or one twice");
    bool moved = false;
    for (int d = 0; d < out->ndim; d++)
        moved |= dims[d] != d;
    return moved ? ea_var_permute(t->var, dims, out->ndim) : grad_contiguous(t->var);
}

ea_var *ea_var_einsum(const char *equation, ea_var *const *operands, int count)
{
    enum { MOST = 16 };
    for (int i = 0; i < count; i++)
        if (!operands[i])
            return NULL;
    if (count < 1)
        return NULL;
    einsum e = { .tape = operands[0]->tape, .equation = equation };
    term terms[MOST], out;
    const char *p = equation;
    int dots = 0;
    for (int i = 0; i < count && i < MOST; i++) {
        terms[i].var = operands[i];
        if (!read_labels(&p, operands[i]->value.ndim, &dots, &terms[i]) ||
            (i + 1 < count && *p++ != ','))
            return refuse(&e, "an operand's labels do not fit its dimensions");
        for (int d = 0; d < terms[i].ndim; d++)
            e.times[terms[i].label[d]]++;
        if (!take_diagonals(&e, &terms[i]))
            return NULL;
    }
    implied_output(&e, dots, &out);
    if (strncmp(p, "->", 2) == 0 && (p += 2, !read_labels(&p, -1, &dots, &out)))
        return refuse(&e, "the output's labels are malformed");
    if (*p || count > MOST)
        return refuse(&e, "there is more than operands and an output, or over 16 operands");
    want(&e, &out, 1);
    for (int i = 1; i < count; i++)
        want(&e, &terms[i], 1);
    for (int i = 1; i < count; i++) {
        want(&e, &terms[i], -1);
        if (!contract(&e, &terms[0], &terms[i]))
            return NULL;
    }
    return sum_alone(&e, &terms[0], NULL) ? into_order(&e, &terms[0], &out) : NULL;
}
