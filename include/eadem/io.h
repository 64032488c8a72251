/* io.h: tensors in files.
 *
 * Files are little-endian on every machine. Reading trusts nothing in a file; every error names the
 * file and what is wrong with it. Writing goes to a temporary file in the same folder, which is
 * synced and renamed over the target: whatever happens, the target is the old file or the new one.
 */
#ifndef EADEM_IO_H
#define EADEM_IO_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Reading ------------------------------------------------------------------------------------
 */

/* An open file of tensors: mapped into memory, not read before it is used. Do not truncate it
 * meanwhile. Its tensors are read-only. */
typedef struct ea_tensor_file ea_tensor_file;

/* Opens a safetensors file (https://github.com/huggingface/safetensors). Tensors are numbered in
 * the order of their data. Errors: EA_ERR_IO; EA_ERR_FORMAT (header length, JSON, shapes, offsets
 * that overlap, leave holes or disagree with the shape); EA_ERR_UNSUPPORTED (element types that
 * Eadem has not, more than EA_MAX_DIMS dimensions); EA_ERR_MEMORY. */
EA_API ea_status ea_safetensors_open(ea_context *ctx, const char *path, ea_tensor_file **out);

/* Opens a NumPy .npy file (format versions 1 to 3, C and Fortran order, either byte order) as a
 * file of one tensor named "". Errors as above. */
EA_API ea_status ea_npy_open(ea_context *ctx, const char *path, ea_tensor_file **out);

/* Either of the two, by the file's first bytes. */
EA_API ea_status ea_tensor_file_open(ea_context *ctx, const char *path, ea_tensor_file **out);
EA_API void ea_tensor_file_close(ea_tensor_file *file);

EA_API int ea_tensor_file_count(const ea_tensor_file *file);
/* Number `index` of 0 … count−1; both live as long as the file is open. */
EA_API const char *ea_tensor_file_name(const ea_tensor_file *file, int index);
EA_API const DLTensor *ea_tensor_file_tensor(const ea_tensor_file *file, int index);
/* The tensor of that name; NULL when there is none. */
EA_API const DLTensor *ea_tensor_file_find(const ea_tensor_file *file, const char *name);
/* The value of a key of safetensors' __metadata__; NULL when there is none. */
EA_API const char *ea_tensor_file_metadata(const ea_tensor_file *file, const char *key);

/* --- Writing ------------------------------------------------------------------------------------
 */

typedef struct ea_named_tensor {
    const char *name;
    const DLTensor *tensor;
} ea_named_tensor;

typedef struct ea_metadata {
    const char *key;
    const char *value;
} ea_metadata;

/* Writes a safetensors file, tensors in the given order, atomically. The same tensors, names and
 * metadata give the same bytes. Errors: EA_ERR_ARGUMENT (a name that is empty, twice,
 * "__metadata__" or not UTF-8), EA_ERR_IO (the folder cannot be written, the disk is full),
 * EA_ERR_MEMORY, and those of a bad tensor. */
EA_API ea_status ea_safetensors_save(ea_context *ctx, const char *path,
                                     const ea_named_tensor *tensors, int count,
                                     const ea_metadata *metadata, int metadata_count);

#ifdef __cplusplus
}
#endif
#endif
