/* tensordiff.h: where two files of tensors (safetensors, .npy) part. */
#ifndef LEDGER_TENSORDIFF_H
#define LEDGER_TENSORDIFF_H

#include "core/context.h"

#include <jansson.h>

/* Walks the tensors of file a in the order of their data, then those that only b has, and adds to
 * `entry`
 *
 *   "tensors": [differing, of how many in both files together],
 *   "tensor": {"name", "a", "b"}    the first that differs. When type and shape are the same:
 *             "type", "shape", "index" of the first element that differs, "a" and "b" its values,
 *             "ulps" or "float_ulps", "elements": [differing, of how many];
 *             else "a" and "b" are type and shape, null where the tensor is missing.
 *
 * Elements are compared by their bits. False: one of the files holds no tensors that can be read,
 * and nothing was added. */
bool ledger_tensor_files_differ(const char *path_a, const char *path_b, json_t *entry);

#endif
