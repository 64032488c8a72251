/* containers.c: modules made of modules. */
#include "grad/module.h"

static ea_var *sequential_forward(ea_module *module, ea_var *x)
{
    for (size_t i = 0; i < module->child_count; i++)
        x = ea_module_forward(module->children[i], x);
    return x;
}

ea_module *ea_nn_sequential_of(ea_context *ctx, size_t count, ea_module *const *children)
{
    static const grad_module_class class = { "sequential", sequential_forward, NULL };
    return grad_module_adopt(ctx, &class, count, children, NULL);
}

static ea_var *residual_forward(ea_module *module, ea_var *x)
{
    return ea_var_add(ea_module_forward(module->children[0], x),
                      ea_module_forward(module->children[1], x));
}

ea_module *ea_nn_residual(ea_context *ctx, ea_module *body, ea_module *shortcut)
{
    static const grad_module_class class = { "residual", residual_forward, NULL };
    static const char *const names[] = { "body", "shortcut" };
    return grad_module_adopt(ctx, &class, 2, (ea_module *[]){ body, shortcut }, names);
}
