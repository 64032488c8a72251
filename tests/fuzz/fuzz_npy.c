/* .npy files: what opens can be read to the last byte. */
#include "eadem/io.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ea_tensor_file *file;
    char hex[EA_DIGEST_HEX];
    ea_status status = ea_npy_open(fuzz_context(), fuzz_file(data, size), &file);
    fuzz_check(status, file);
    for (int i = 0; file && i < ea_tensor_file_count(file); i++)
        ea_digest(fuzz_context(), ea_tensor_file_tensor(file, i), hex);
    ea_tensor_file_close(file);
    return 0;
}
