/* op.h: every operation, one header a family. Each operation has one definition (src/ref), and
 * every implementation gives its bits; docs/contract.md states them.
 *
 * For all operations: inputs may have any strides, also zero and negative ones; `out` must have the
 * stated shape and may not overlap an input unless the header says so. Float inputs may be float32,
 * float16 or bfloat16, mixed: they are widened exactly, computed in float32 and rounded once when
 * stored. Errors: EA_ERR_ARGUMENT, EA_ERR_SHAPE, EA_ERR_DTYPE, EA_ERR_DEVICE, EA_ERR_MEMORY.
 */
#ifndef EADEM_OP_H
#define EADEM_OP_H

#include "eadem/op/aggregate.h"
#include "eadem/op/arrange.h"
#include "eadem/op/attention.h"
#include "eadem/op/conv.h"
#include "eadem/op/elementwise.h"
#include "eadem/op/function.h"
#include "eadem/op/grid.h"
#include "eadem/op/index.h"
#include "eadem/op/loss.h"
#include "eadem/op/mask.h"
#include "eadem/op/matmul.h"
#include "eadem/op/nll.h"
#include "eadem/op/norm.h"
#include "eadem/op/optim.h"
#include "eadem/op/point.h"
#include "eadem/op/pool.h"
#include "eadem/op/recurrent.h"
#include "eadem/op/reduce.h"
#include "eadem/op/resample.h"
#include "eadem/op/rotary.h"
#include "eadem/op/softmax.h"
#include "eadem/op/sparse.h"
#include "eadem/op/scan.h"
#include "eadem/op/search.h"
#include "eadem/op/softmax.h"
#include "eadem/op/sort.h"

#endif
