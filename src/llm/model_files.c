/* model_files.c: finding a model's files. */
#include "llm/model_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool llm_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool llm_ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

ea_status llm_join_path(ea_context *ctx, const char *folder, const char *name,
                        char out[LLM_PATH_SIZE])
{
    int size = snprintf(out, LLM_PATH_SIZE, "%s/%s", folder, name);
    return size < LLM_PATH_SIZE
               ? EA_OK
               : core_fail(ctx, EA_ERR_ARGUMENT, "%.100s…: the path is too long", folder);
}

ea_status llm_open_tokenizer(ea_context *ctx, const char *model, llm_tokenizer **out)
{
    char path[LLM_PATH_SIZE];
    *out = NULL;
    if (llm_ends_with(model, ".gguf")) {
        llm_gguf gguf;
        EA_TRY(llm_gguf_open(ctx, model, &gguf));
        ea_status status = llm_tokenizer_from_gguf(ctx, &gguf, out);
        llm_gguf_free(&gguf);
        return status;
    }
    if (!llm_is_folder(model))
        return llm_tokenizer_open(ctx, model, out);
    EA_TRY(llm_join_path(ctx, model, "tokenizer.json", path));
    return llm_tokenizer_open(ctx, path, out);
}
