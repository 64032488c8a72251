/* native.h: one call from Python to one operation. */
#ifndef NATIVE_NATIVE_H
#define NATIVE_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "eadem/eadem.h"

enum { CALL_TENSORS = 64, CALL_INTEGERS = 64, CALL_FLOATS = 16 };

/* Tensors in the order of the C function's arguments (NULL for None), then its integers and floats
 * in theirs. What Python does not give is zero. */
typedef struct native_call {
    ea_context *ctx;
    DLTensor *tensors[CALL_TENSORS];
    int64_t integers[CALL_INTEGERS];
    double floats[CALL_FLOATS];
    int tensor_count, integer_count, float_count;
} native_call;

/* For the files of families: what the function called with `call` was given. */
#define T(i) (call->tensors[i])
#define I(i) (call->integers[i])
#define F(i) (call->floats[i])

/* Where a call that gives a number writes it: tensor i, one int64 that Python made for it. NULL,
 * which the operation refuses, when it is none. */
int64_t *native_count(const native_call *call, int i);

/* Tensor i as PyTorch's generator: its state (uint8), read, and written back. */
ea_status native_generator_load(const native_call *call, int i, ea_generator *generator);
void native_generator_save(const native_call *call, int i, const ea_generator *generator);

typedef struct native_op {
    const char *name;
    int tensors; /* how many it takes, NULLs included; ANY_TENSORS: as many as there are */
    ea_status (*run)(const native_call *call);
} native_op;

enum { ANY_TENSORS = -1 };

typedef struct native_family {
    const native_op *ops;
    int count;
} native_family;

extern const native_family native_contraction, native_pointwise, native_reduction, native_pool,
    native_resample, native_index, native_order, native_attention, native_recurrent, native_optim,
    native_random;

extern const native_family *const native_families[];
extern const int native_family_count;

/* eadem._native.Context */
typedef struct context_object {
    PyObject_HEAD ea_context *ctx;
} context_object;

extern PyObject *native_error;   /* eadem.Error */
extern PyObject *native_context; /* the class Context */

/* Runs work on the process's OpenMP threads (openmp.c); NULL: it has none. Call with the GIL. */
ea_run_workers *native_openmp(void);

/* Raises MemoryError or eadem.Error with the context's sentence; returns NULL. */
PyObject *native_raise(const ea_context *ctx, ea_status status);

/* Makes the class Trace; a new reference, or NULL with an exception set. */
PyObject *native_trace_type(void);

#endif
