/* function.h: correctly rounded functions of one variable, by name (contract: Elementary
 * functions). */
#ifndef EADEM_OP_FUNCTION_H
#define EADEM_OP_FUNCTION_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `name` is one of the contract's two tables of functions: "gelu", "silu", "erf", "rsqrt", "sin",
 * "gelu_derivative" … Out may be the same tensor (same memory, shape and strides) as an input.
 * Errors beside op.h's: EA_ERR_ARGUMENT (no such function). */

/* out = f(x); x and out have the same shape. */
EA_API ea_status ea_function(ea_context *ctx, const char *name, const DLTensor *x, DLTensor *out);

/* out = fl(a · f(x)), all of one shape: the gradient where f is a derivative. */
EA_API ea_status ea_function_scaled(ea_context *ctx, const char *name, const DLTensor *a,
                                    const DLTensor *x, DLTensor *out);

#ifdef __cplusplus
}
#endif
#endif
