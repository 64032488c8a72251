/* A GGUF file from outside: its metadata, and the first block of each tensor. */
#include "llm/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    llm_gguf gguf;
    if (llm_gguf_parse(NULL, "input", data, size, &gguf) != EA_OK)
        return 0;
    for (size_t i = 0; i < gguf.value_count; i++) {
        const llm_gguf_value *value = &gguf.values[i];
        const unsigned char *at = value->data;
        for (uint64_t k = 0; k < value->count; k++)
            if (value->type == LLM_GGUF_STRING)
                llm_gguf_next_string(&at);
            else
                llm_gguf_element_real(value, k);
    }
    for (size_t i = 0; i < gguf.tensor_count; i++)
        if (gguf.tensors[i].numel > 0)
            ref_dequantize(gguf.tensors[i].format, gguf.tensors[i].data, gguf.tensors[i].numel - 1);
    llm_gguf_free(&gguf);
    return 0;
}
