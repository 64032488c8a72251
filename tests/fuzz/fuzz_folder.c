/* A model's folder from outside. The input is, with NUL bytes between them, config.json,
 * generation_config.json, tokenizer_config.json, chat_template.jinja, the shards' index, and the
 * header of model.safetensors; what is empty is not there, and without a header the weights are
 * fixed ones. */
#include "fuzz_model.h"

/* Data as long as a header asks for, by the largest number in it. */
static size_t data_size(const uint8_t *header, size_t size, size_t limit)
{
    size_t largest = 0, number = 0;
    for (size_t i = 0; i < size; i++) {
        bool digit = header[i] >= '0' && header[i] <= '9';
        number = digit && number < limit ? number * 10 + (size_t)(header[i] - '0') : 0;
        largest = number > largest && number <= limit ? number : largest;
    }
    return largest;
}

static void write_tensors(const uint8_t *header, size_t size)
{
    enum { HEADER = 4096, DATA = 1 << 16 };
    static uint8_t file[8 + HEADER + DATA];
    if (size > HEADER)
        size = HEADER;
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)size >> 8 * i);
    memcpy(file + 8, header, size);
    size_t data = data_size(header, size, DATA);
    for (size_t i = 0; i < data; i++)
        file[8 + size + i] = (uint8_t)(i * 37);
    fuzz_write("model.safetensors", file, 8 + size + data);
}

static void link_fixed_tensors(void)
{
    unlink(fuzz_path("model.safetensors"));
    if (symlink("fixed.safetensors", fuzz_path("model.safetensors")) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PARTS = 6 };
    static const char *const names[PARTS] = {
        "config.json",         "generation_config.json",       "tokenizer_config.json",
        "chat_template.jinja", "model.safetensors.index.json", "model.safetensors"
    };
    const uint8_t *end = data + size;
    fuzz_folder();
    for (int i = 0; i < PARTS; i++) {
        const uint8_t *nul = data < end ? memchr(data, 0, (size_t)(end - data)) : NULL;
        size_t part = (size_t)((nul ? nul : end) - data);
        unlink(fuzz_path(names[i]));
        if (i == PARTS - 1 && part > 0)
            write_tensors(data, part);
        else if (i == PARTS - 1)
            link_fixed_tensors();
        else if (part > 0)
            fuzz_write(names[i], data, part);
        data = nul ? nul + 1 : end;
    }
    fuzz_open(fuzz_folder());
    return 0;
}
