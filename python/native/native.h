/* native.h: one call from Python to one operation. */
#ifndef NATIVE_NATIVE_H
#define NATIVE_NATIVE_H

#include "eadem/eadem.h"

enum { CALL_TENSORS = 16, CALL_INTEGERS = 64, CALL_FLOATS = 16 };

/* Tensors in the order of the C function's arguments (NULL for None), then its integers and floats
 * in theirs. What Python does not give is zero. */
typedef struct native_call {
    ea_context *ctx;
    DLTensor *tensors[CALL_TENSORS];
    int64_t integers[CALL_INTEGERS];
    double floats[CALL_FLOATS];
    int integer_count;
} native_call;

typedef struct native_op {
    const char *name;
    int tensors; /* how many it takes, NULLs included */
    ea_status (*run)(const native_call *call);
} native_op;

extern const native_op native_ops[];
extern const int native_op_count;

#endif
