/* module.c: what all modules share: life, names, parameters. */
#include "grad/module.h"

#include <stdio.h>

ea_module *grad_module_new(ea_context *ctx, const grad_module_class *class)
{
    ea_module *module = core_alloc_zero(sizeof *module);
    if (!module) {
        core_fail(ctx, EA_ERR_MEMORY, "no memory for a %s", class->name);
        return NULL;
    }
    module->class = class;
    module->ctx = ctx;
    module->training = 1;
    return module;
}

/* Room for one more parameter; nobody has the address of another yet. */
static ea_parameter *add_own(ea_module *module)
{
    size_t size = (size_t)module->own_count * sizeof *module->own;
    ea_parameter *more = core_realloc(module->own, size, size + sizeof *more);
    if (!more) {
        core_fail(module->ctx, EA_ERR_MEMORY, "no memory for a %s", module->class->name);
        return NULL;
    }
    module->own = more;
    module->own[module->own_count] = (ea_parameter){ .has_grad = 0 };
    return &module->own[module->own_count++];
}

ea_module *grad_module_own(ea_module *module, const char *name, DLDataType dtype, int ndim,
                           const int64_t *shape, bool trainable)
{
    if (!module)
        return NULL;
    ea_parameter *parameter = add_own(module);
    if (!parameter) {
        ea_module_destroy(module);
        return NULL;
    }
    snprintf(parameter->name, sizeof parameter->name, "%s", name);
    ea_status status = ea_tensor_new(module->ctx, dtype, ndim, shape, &parameter->value);
    if (status == EA_OK && trainable)
        status = ea_tensor_new(module->ctx, dtype, ndim, shape, &parameter->grad);
    if (status == EA_OK)
        return module;
    ea_module_destroy(module);
    return NULL;
}

void ea_module_destroy(ea_module *module)
{
    if (!module)
        return;
    for (int i = 0; i < module->own_count; i++) {
        ea_tensor_free(module->own[i].value);
        ea_tensor_free(module->own[i].grad);
    }
    for (size_t i = 0; i < module->child_count; i++)
        ea_module_destroy(module->children[i]);
    core_free(module->own);
    core_free(module->children);
    core_free(module);
}

/* --- Names ----------------------------------------------------------------------------------- */

static ea_status put_before(ea_context *ctx, char name[EA_NAME_SIZE], const char *prefix)
{
    char longer[EA_NAME_SIZE];
    int length = snprintf(longer, sizeof longer, "%s%s%s", prefix, *name ? "." : "", name);
    if (length >= EA_NAME_SIZE)
        return core_fail(ctx, EA_ERR_ARGUMENT, "the name %.40s….%.40s is longer than %d bytes",
                         prefix, name, EA_NAME_SIZE - 1);
    memcpy(name, longer, sizeof longer);
    return EA_OK;
}

ea_status ea_module_prefix(ea_module *module, const char *prefix)
{
    EA_TRY(put_before(module->ctx, module->name, prefix));
    for (int i = 0; i < module->own_count; i++)
        EA_TRY(put_before(module->ctx, module->own[i].name, prefix));
    for (size_t i = 0; i < module->child_count; i++)
        EA_TRY(ea_module_prefix(module->children[i], prefix));
    return EA_OK;
}

ea_parameter *grad_module_find(ea_module *module, const char *name)
{
    for (int i = 0; i < module->own_count; i++) {
        const char *dot = strrchr(module->own[i].name, '.');
        if (strcmp(dot ? dot + 1 : module->own[i].name, name) == 0)
            return &module->own[i];
    }
    return NULL;
}

ea_var *grad_module_value(ea_module *module, const char *name, ea_tape *tape)
{
    ea_parameter *parameter = grad_module_find(module, name);
    return parameter ? grad_parameter(tape, parameter) : ea_no_bias;
}

/* --- Children -------------------------------------------------------------------------------- */

static ea_status attach(ea_module *parent, size_t count, ea_module *const *children,
                        const char *const *names)
{
    parent->children = core_alloc(count * sizeof *children);
    if (!parent->children)
        return core_fail(parent->ctx, EA_ERR_MEMORY, "no memory for %zu modules", count);
    for (size_t i = 0; i < count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        EA_TRY(ea_module_prefix(children[i], names ? names[i] : number));
    }
    memcpy(parent->children, children, count * sizeof *children);
    parent->child_count = count;
    return EA_OK;
}

ea_module *grad_module_adopt(ea_context *ctx, const grad_module_class *class, size_t count,
                             ea_module *const *children, const char *const *names)
{
    bool complete = true;
    for (size_t i = 0; i < count; i++)
        complete &= children[i] != NULL;
    ea_module *parent = complete ? grad_module_new(ctx, class) : NULL;
    if (parent && attach(parent, count, children, names) == EA_OK)
        return parent;
    ea_module_destroy(parent);
    for (size_t i = 0; i < count; i++)
        ea_module_destroy(children[i]);
    return NULL;
}

/* --- Use ------------------------------------------------------------------------------------- */

/* The innermost module that fails puts its name and class before the sentence. */
ea_var *ea_module_forward(ea_module *module, ea_var *x)
{
    if (!module || !x)
        return NULL;
    ea_tape *tape = x->tape;
    ea_var *out = module->class->forward(module, x);
    if (out && tape->watch && module->child_count == 0)
        tape->watch(tape->watch_argument, module->name, &out->value);
    if (!out && !tape->named) {
        tape->named = true;
        char sentence[CORE_ERROR_SIZE], name[EA_NAME_SIZE];
        memcpy(sentence, tape->ctx->error, sizeof sentence);
        snprintf(name, sizeof name, "%s", module->name);
        core_fail(tape->ctx, tape->status, "layer %s%s%s: %s", name, *name ? ", " : "",
                  module->class->name, sentence);
    }
    return out;
}

void ea_module_set_training(ea_module *module, int training)
{
    module->training = training;
    for (size_t i = 0; i < module->child_count; i++)
        ea_module_set_training(module->children[i], training);
}

/* Counts *index down over own parameters, then children. */
static ea_parameter *find_by_index(ea_module *module, int *index)
{
    if (*index < module->own_count)
        return &module->own[*index];
    *index -= module->own_count;
    for (size_t i = 0; i < module->child_count; i++) {
        ea_parameter *found = find_by_index(module->children[i], index);
        if (found)
            return found;
    }
    return NULL;
}

ea_parameter *ea_module_parameter(ea_module *module, int index)
{
    return index < 0 ? NULL : find_by_index(module, &index);
}

ea_status ea_module_digest(ea_module *module, char hex[EA_DIGEST_HEX])
{
    hex[0] = 0;
    int all = 0, count = 0;
    while (ea_module_parameter(module, all))
        all++;
    const DLTensor **tensors = core_alloc((size_t)all * sizeof *tensors);
    if (!tensors)
        return core_fail(module->ctx, EA_ERR_MEMORY, "no memory for a list of %d parameters", all);
    for (int i = 0; i < all; i++) {
        ea_parameter *parameter = ea_module_parameter(module, i);
        if (parameter->grad)
            tensors[count++] = parameter->value;
    }
    ea_status status = ea_digest_many(module->ctx, tensors, count, hex);
    core_free(tensors);
    return status;
}

ea_status ea_module_init(ea_module *module, ea_generator *generator)
{
    if (module->class->init)
        EA_TRY(module->class->init(module, generator));
    for (size_t i = 0; i < module->child_count; i++)
        EA_TRY(ea_module_init(module->children[i], generator));
    return EA_OK;
}
