/* A GGUF file from outside as a model: opened, and a few tokens computed. */
#include "fuzz_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_folder();
    fuzz_write("input.gguf", data, size);
    fuzz_open(fuzz_path("input.gguf"));
    return 0;
}
