/* state.h: the insides of a running case. */
#ifndef CONFORM_STATE_H
#define CONFORM_STATE_H

#include "conform/conform.h"
#include "core/view.h"

enum { CONFORM_MAX_TENSORS = 1024 };

typedef struct conform_tensor {
    DLTensor dl;
    int64_t shape[EA_MAX_DIMS];
    int64_t stride[EA_MAX_DIMS];
    void *owned; /* NULL when it looks at another tensor's memory */
} conform_tensor;

struct conform {
    ea_context *ctx;
    ea_status status;
    char error[CORE_ERROR_SIZE];
    conform_tensor *made[CONFORM_MAX_TENSORS];
    int made_count;
    const DLTensor *emitted[CONFORM_MAX_TENSORS];
    int emitted_count;
};

#endif
