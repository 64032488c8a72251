/* module.h: a module's insides: its class, its own parameters and its children. */
#ifndef GRAD_MODULE_H
#define GRAD_MODULE_H

#include "grad/tape.h"

typedef struct grad_module_class {
    const char *name; /* as in torch.nn and in recipes */
    ea_var *(*forward)(ea_module *module, ea_var *x);
    ea_status (*init)(ea_module *module, ea_generator *generator); /* NULL: nothing is drawn */
} grad_module_class;

struct ea_module {
    const grad_module_class *class;
    ea_context *ctx;
    char name[EA_NAME_SIZE]; /* "net.3"; "" for one that stands alone */
    int training;
    int own_count;
    ea_parameter *own;
    size_t child_count;
    ea_module **children;
    union {
        ea_conv_options conv;
        ea_pool_options pool;
        ea_batch_norm_options batch_norm;
        ea_nn_recurrent_options recurrent;
        struct {
            double p;
            ea_generator *generator;
        } dropout;
        struct {
            int64_t groups;
            double eps;
        } row_norm;
    } options;
};

/* A module without parameters or children; NULL on failure. */
ea_module *grad_module_new(ea_context *ctx, const grad_module_class *class);

/* Gives `module` a zeroed parameter (or buffer, when not `trainable`). On failure destroys the
 * module and returns NULL; takes NULL: so calls can be chained and the last one checked. */
ea_module *grad_module_own(ea_module *module, const char *name, DLDataType dtype, int ndim,
                           const int64_t *shape, bool trainable);

/* The module's own parameter of that name as a value on x's tape; ea_no_bias when it has none. */
ea_var *grad_module_value(ea_module *module, const char *name, ea_tape *tape);
ea_parameter *grad_module_find(ea_module *module, const char *name);

/* Takes the children over; on failure destroys them and returns NULL. */
ea_module *grad_module_adopt(ea_context *ctx, const grad_module_class *class, size_t count,
                             ea_module *const *children, const char *const *names);

#endif
