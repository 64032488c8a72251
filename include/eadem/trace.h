/* trace.h: a file that holds, step by step, a digest of every tensor that a program computes, so
 * that two runs can be compared without keeping their tensors. `eadem diff` reads it; docs/trace.md
 * is the format.
 *
 * A trace depends on nothing but the values: two identical runs write identical files. Each call
 * writes its record to the file before it returns: a program that crashes loses nothing it traced.
 */
#ifndef EADEM_TRACE_H
#define EADEM_TRACE_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a traced tensor is to the program. The numbers are the file's. */
typedef enum ea_trace_role {
    EA_TRACE_BATCH = 1,      /* what the step was given: samples, labels, their indices */
    EA_TRACE_ACTIVATION = 2, /* a value of the forward pass, the loss among them */
    EA_TRACE_GRADIENT = 3,
    EA_TRACE_PARAMETER = 4, /* a weight or a module's buffer after the step */
    EA_TRACE_OPTIMISER = 5, /* optimiser state after the step */
    EA_TRACE_GENERATOR = 6  /* the state of a random generator */
} ea_trace_role;

enum {
    EA_TRACE_NAME_MAX = 4095,   /* bytes of a tensor's name */
    EA_TRACE_PRODUCER_MAX = 31, /* bytes of a producer's name */
    EA_TRACE_DIGEST_SIZE = 16
};

typedef struct ea_trace ea_trace;

/* Creates `path`, which must not exist or be empty. `producer` names the program and its version
 * ("eadem 0.1.0"); `contract` is NULL when the values follow no bit contract of Eadem.
 * Errors: EA_ERR_ARGUMENT (a name too long), EA_ERR_STATE (the file holds something), EA_ERR_IO,
 * EA_ERR_MEMORY. On failure *out is NULL. */
EA_API ea_status ea_trace_create(ea_context *ctx, const char *path, const char *producer,
                                 const char *contract, ea_trace **out);

/* Traces one tensor of any strides. Steps may not decrease. After a failed call the trace takes no
 * more records and every call gives that failure's status.
 * Errors: EA_ERR_ARGUMENT (name, role, step), EA_ERR_DTYPE, EA_ERR_DEVICE, EA_ERR_IO,
 * EA_ERR_MEMORY, EA_ERR_STATE (an earlier failure). */
EA_API ea_status ea_trace_tensor(ea_trace *trace, uint64_t step, ea_trace_role role,
                                 const char *name, const DLTensor *tensor);

/* Traces bytes that are no tensor, such as a generator's state; they are compared as uint8. */
EA_API ea_status ea_trace_bytes(ea_trace *trace, uint64_t step, ea_trace_role role,
                                const char *name, const void *bytes, size_t size);

/* Writes the closing record, makes the file durable and frees the trace. NULL is fine.
 * Errors: EA_ERR_IO, EA_ERR_STATE. */
EA_API ea_status ea_trace_close(ea_trace *trace);

/* The digest that traces hold: XXH3-128 of the elements as little-endian bytes in logical order,
 * NaNs canonical, in the canonical (big-endian) byte order of xxHash. */
EA_API ea_status ea_trace_digest(ea_context *ctx, const DLTensor *tensor,
                                 unsigned char digest[EA_TRACE_DIGEST_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
