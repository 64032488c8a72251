/* IDX files, plain and gzip. */
#include "eadem/data.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DLTensor *tensor;
    char hex[EA_DIGEST_HEX];
    ea_status status = ea_idx_read(fuzz_context(), fuzz_file(data, size), &tensor);
    fuzz_check(status, tensor);
    if (tensor && ea_tensor_numel(tensor) < 1 << 20)
        ea_digest(fuzz_context(), tensor, hex);
    ea_tensor_free(tensor);
    return 0;
}
