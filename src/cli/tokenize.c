/* tokenize.c: `eadem tokenize`: text to token ids and back. */
#include "cli/cli.h"
#include "core/memory.h"
#include "llm/json.h"
#include "llm/model_files.h"
#include "llm/tokenizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: eadem tokenize MODEL FILE [--lines] [--special]\n"
    "       eadem tokenize MODEL FILE --decode [--skip-special]\n\n"
    "Prints the token ids of a text file. MODEL is a folder with a tokenizer.json, that file\n"
    "itself, or a .gguf file.\n\n"
    "  --lines         each line of FILE is a JSON string; one line of ids for each\n"
    "  --special       with the tokens that the model puts around a text\n"
    "  --decode        each line of FILE holds ids; prints their text as a JSON string\n"
    "  --skip-special  leave special tokens out of decoded text\n";

typedef struct options {
    const char *model, *file;
    bool lines, special, decode, skip_special;
} options;

static ea_status print_ids(const llm_tokenizer *tokenizer, const char *text, size_t size,
                           bool special)
{
    llm_ids ids = { 0 };
    ea_status status = llm_tokenizer_encode(NULL, tokenizer, text, size, special, &ids);
    for (size_t i = 0; status == EA_OK && i < ids.count; i++)
        printf("%s%d", i ? " " : "", (int)ids.data[i]);
    if (status == EA_OK)
        printf("\n");
    llm_ids_free(&ids);
    return status;
}

static ea_status encode_line(const llm_tokenizer *tokenizer, const char *line, size_t size,
                             const options *o)
{
    json_error_t error;
    json_t *text = json_loadb(line, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json_is_string(text)) {
        json_decref(text);
        return core_fail(NULL, EA_ERR_FORMAT, "%s: each line must be a JSON string", o->file);
    }
    ea_status status =
        print_ids(tokenizer, json_string_value(text), json_string_length(text), o->special);
    json_decref(text);
    return status;
}

static ea_status decode_line(const llm_tokenizer *tokenizer, const char *line, const options *o)
{
    llm_decoder decoder;
    llm_decoder_begin(&decoder, tokenizer, o->skip_special);
    llm_text text = { 0 };
    ea_status status = EA_OK;
    char *next;
    for (long id = strtol(line, &next, 10); status == EA_OK && next != line;
         line = next, id = strtol(line, &next, 10))
        status = id >= 0 && id <= INT32_MAX
                     ? llm_decoder_push(NULL, &decoder, (int32_t)id, &text)
                     : core_fail(NULL, EA_ERR_ARGUMENT, "%s: %ld is no token id", o->file, id);
    if (status == EA_OK && line[strspn(line, " \t\r")])
        status = core_fail(NULL, EA_ERR_FORMAT, "%s: not only token ids: '%.20s'", o->file, line);
    if (status == EA_OK)
        status = llm_decoder_end(NULL, &decoder, &text);
    llm_decoder_free(&decoder);
    json_t *json = status == EA_OK ? json_stringn(text.data ? text.data : "", text.size) : NULL;
    char *written = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
    if (written)
        printf("%s\n", written);
    else if (status == EA_OK)
        status = core_fail(NULL, EA_ERR_MEMORY, "no memory to write a line");
    free(written);
    json_decref(json);
    llm_text_free(&text);
    return status;
}

/* `bytes` ends with a NUL; line ends are replaced by NULs. */
static ea_status each_line(const llm_tokenizer *tokenizer, char *bytes, size_t size,
                           const options *o)
{
    for (char *line = bytes, *end; line < bytes + size; line = end + 1) {
        end = memchr(line, '\n', size - (size_t)(line - bytes));
        end = end ? end : bytes + size;
        *end = 0;
        EA_TRY(o->decode ? decode_line(tokenizer, line, o)
                         : encode_line(tokenizer, line, (size_t)(end - line), o));
    }
    return EA_OK;
}

static ea_status run(const options *o)
{
    llm_tokenizer *tokenizer;
    char *bytes = NULL;
    size_t size;
    EA_TRY(llm_open_tokenizer(NULL, o->model, &tokenizer));
    ea_status status = llm_read_file(NULL, o->file, SIZE_MAX / 2, &bytes, &size);
    if (status == EA_OK)
        status = o->lines || o->decode ? each_line(tokenizer, bytes, size, o)
                                       : print_ids(tokenizer, bytes, size, o->special);
    core_free(bytes);
    llm_tokenizer_free(tokenizer);
    return status;
}

static bool read_options(int argc, char **argv, options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--lines") == 0)
            o->lines = true;
        else if (strcmp(argv[i], "--special") == 0)
            o->special = true;
        else if (strcmp(argv[i], "--decode") == 0)
            o->decode = true;
        else if (strcmp(argv[i], "--skip-special") == 0)
            o->skip_special = true;
        else if (argv[i][0] == '-' || o->file)
            return false;
        else
            *(o->model ? &o->file : &o->model) = argv[i];
    }
    return o->file != NULL;
}

int cli_tokenize(int argc, char **argv)
{
    options o = { 0 };
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return CLI_OK;
        }
    if (!read_options(argc, argv, &o)) {
        fputs(help, stderr);
        return CLI_USAGE;
    }
    if (run(&o) == EA_OK)
        return CLI_OK;
    fprintf(stderr, "eadem tokenize: %s\n", ea_error_text(NULL));
    return CLI_FAILED;
}
