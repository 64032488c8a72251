/* core.h: status, context, tensors, digests. Every other header of Eadem builds on this one.
 *
 * Operations take DLPack tensors (`DLTensor` of dlpack.h) in host memory; strides are in elements
 * and may be anything, NULL means contiguous in row-major order.
 *
 * Errors: a function returns EA_OK or an EA_ERR_ code and leaves a sentence that names the
 * argument, the value and what was expected; ea_error_text() gives it. Nothing aborts and nothing
 * prints.
 *
 * Threads: one context is used by one thread at a time; different contexts are independent. Results
 * never depend on how many threads a context has.
 */
#ifndef EADEM_CORE_H
#define EADEM_CORE_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EA_API __attribute__((visibility("default")))

#define EA_MAX_DIMS 8

typedef enum ea_status {
    EA_OK = 0,
    EA_ERR_ARGUMENT,    /* a value outside its range, or two arguments that contradict */
    EA_ERR_SHAPE,       /* a tensor's shape does not fit */
    EA_ERR_DTYPE,       /* a tensor's element type is not taken here */
    EA_ERR_DEVICE,      /* a tensor is not in host memory */
    EA_ERR_MEMORY,      /* an allocation failed */
    EA_ERR_IO,          /* the operating system refused a read or a write */
    EA_ERR_FORMAT,      /* outside bytes that break their format */
    EA_ERR_UNSUPPORTED, /* well-formed, but not offered */
    EA_ERR_NUMERIC,     /* a NaN or an infinity where training cannot go on */
    EA_ERR_STATE        /* a call out of order */
} ea_status;

/* The bit contracts of docs/contract.md. */
typedef enum ea_contract { EA_CONTRACT_CHAIN = 0, EA_CONTRACT_REPDL = 1 } ea_contract;

typedef struct ea_context ea_context;

/* Calls body(argument, w) for every w of 0 … workers−1, on threads of the program's own and one or
 * more on each, and returns when all calls have. `host` is the option's. */
typedef void ea_run_workers(void *host, int workers, void (*body)(void *argument, int worker),
                            void *argument);

/* Zero or NULL means: take the environment (EADEM_THREADS, EADEM_ISA), else what the machine has.
 */
typedef struct ea_context_options {
    int threads;          /* 1 to 1024 */
    const char *isa;      /* "ref", "generic", "avx2", "avx512", "neon" */
    ea_contract contract; /* default: EA_CONTRACT_CHAIN */
    /* NULL: the context has threads of its own. Else it works on the program's, as one that has a
     * pool already would want. */
    ea_run_workers *run_workers;
    void *host;
} ea_context_options;

/* Makes a context. `options` may be NULL. On failure *out is NULL and ea_error_text(NULL) says why.
 * Errors: EA_ERR_ARGUMENT (thread count, unknown or unsupported instruction set), EA_ERR_MEMORY. */
EA_API ea_status ea_context_create(const ea_context_options *options, ea_context **out);
EA_API void ea_context_destroy(ea_context *ctx);

EA_API int ea_context_threads(const ea_context *ctx);
EA_API const char *ea_context_isa(const ea_context *ctx);
EA_API ea_contract ea_context_contract(const ea_context *ctx);
EA_API ea_status ea_context_set_contract(ea_context *ctx, ea_contract contract);

/* The sentence of the last failure on `ctx` ("" if none); for NULL, of the calling thread's last
 * failure that had no context. Valid until the next failure. */
EA_API const char *ea_error_text(const ea_context *ctx);
/* The code of that failure, EA_OK if none: for functions that return NULL when they fail. */
EA_API ea_status ea_error_status(const ea_context *ctx);
EA_API const char *ea_status_name(ea_status status);

/* "chain", "repdl"; NULL for a value that is none. */
EA_API const char *ea_contract_name(ea_contract contract);
EA_API ea_status ea_contract_from_name(const char *name, ea_contract *out);

/* Instruction sets that this build and this machine can run, best last; NULL past the end. */
EA_API const char *ea_isa_available(int index);

EA_API const char *ea_version(void);

/* --- Element types ------------------------------------------------------------------------- */

/* dlpack.h names bool (code 6) from version 0.8 on only; older headers are accepted too. */
#define EA_DL_BOOL 6
#define EA_FLOAT32 ((DLDataType){ kDLFloat, 32, 1 })
#define EA_FLOAT16 ((DLDataType){ kDLFloat, 16, 1 })
#define EA_BFLOAT16 ((DLDataType){ kDLBfloat, 16, 1 })
#define EA_FLOAT64 ((DLDataType){ kDLFloat, 64, 1 })
#define EA_INT32 ((DLDataType){ kDLInt, 32, 1 })
#define EA_INT64 ((DLDataType){ kDLInt, 64, 1 })
#define EA_UINT8 ((DLDataType){ kDLUInt, 8, 1 })
#define EA_BOOL ((DLDataType){ EA_DL_BOOL, 8, 1 })

/* --- Tensors that own their memory ------------------------------------------------------------ */

/* A contiguous tensor, 64-byte aligned, zeroed. ea_tensor_free() takes NULL.
 * Errors: EA_ERR_ARGUMENT (more than EA_MAX_DIMS dimensions, a negative size, more than 2^62
 * bytes), EA_ERR_DTYPE, EA_ERR_MEMORY. */
EA_API ea_status ea_tensor_new(ea_context *ctx, DLDataType dtype, int ndim, const int64_t *shape,
                               DLTensor **out);
EA_API void ea_tensor_free(DLTensor *tensor);
EA_API int64_t ea_tensor_numel(const DLTensor *tensor);

/* Copies element values, any strides, between float types with one rounding; other types must
 * agree. Shapes must be equal. */
EA_API ea_status ea_copy(ea_context *ctx, const DLTensor *from, DLTensor *to);

/* --- Digests ------------------------------------------------------------------------------------
 */

#define EA_DIGEST_HEX 65 /* 64 hexadecimal digits and the NUL */

/* SHA-256 of the elements as little-endian bytes in logical order; what RepDL's get_hash prints for
 * one tensor. NaNs are written as the type's canonical quiet NaN, positive, payload 0. */
EA_API ea_status ea_digest(ea_context *ctx, const DLTensor *tensor, char hex[EA_DIGEST_HEX]);

/* SHA-256 over several tensors one after another; get_hash of a module is this over its parameters.
 */
EA_API ea_status ea_digest_many(ea_context *ctx, const DLTensor *const *tensors, int count,
                                char hex[EA_DIGEST_HEX]);

#ifdef __cplusplus
}
#endif
#endif
