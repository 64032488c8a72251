/* Safetensors files: what opens can be read to the last byte. */
#include "eadem/io.h"
#include "fuzz.h"

#include <string.h>

static void open_and_digest(const uint8_t *data, size_t size)
{
    ea_tensor_file *file;
    char hex[EA_DIGEST_HEX];
    ea_status status = ea_safetensors_open(fuzz_context(), fuzz_file(data, size), &file);
    fuzz_check(status, file);
    for (int i = 0; file && i < ea_tensor_file_count(file); i++)
        ea_digest(fuzz_context(), ea_tensor_file_tensor(file, i), hex);
    ea_tensor_file_close(file);
}

/* Once as it is and once with the header's length set right, so that changed headers are read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_and_digest(data, size);
    const uint8_t *end = size > 8 ? memrchr(data + 8, '}', size - 8) : NULL;
    uint8_t *repaired = end ? malloc(size) : NULL;
    if (!repaired)
        return 0;
    memcpy(repaired, data, size);
    for (int i = 0; i < 8; i++)
        repaired[i] = (uint8_t)((uint64_t)(end - data - 7) >> 8 * i);
    open_and_digest(repaired, size);
    free(repaired);
    return 0;
}
