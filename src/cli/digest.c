/* digest.c: `eadem digest FILE…`: SHA-256 of each tensor and of the whole. */
#include "cli/cli.h"
#include "core/context.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: eadem digest [--json] FILE ...\n"
        "\n"
        "Prints the SHA-256 of each tensor in .safetensors and .npy files, and of the whole "
        "file's\n"
        "tensors. A tensor's digest is of its elements as little-endian bytes in row-major order,\n"
        "NaNs made canonical; the whole's is of all tensors so, one after another in the order of\n"
        "the file. Names, types and shapes are not part of a digest.\n"
        "Exit code 0: done. 1: a file could not be read; the others are still printed.\n"
        "\n"
        "  --json  print one JSON array: per file its name, digest and tensors\n"
        "  --help  print this help\n");
}

static void shape_text(const DLTensor *tensor, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int d = 0; d < tensor->ndim; d++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", d ? ", " : "",
                                 (long long)tensor->shape[d]);
    snprintf(out + used, size - used, "]");
}

static const char *type_text(DLDataType type)
{
    switch (type.code) {
    case kDLBfloat:
        return "bfloat16";
    case EA_DL_BOOL:
        return "bool";
    case kDLUInt:
        return "uint8";
    case kDLInt:
        return type.bits == 32 ? "int32" : "int64";
    default:
        return type.bits == 16 ? "float16" : type.bits == 32 ? "float32" : "float64";
    }
}

/* A name as a terminal may show it: control bytes as \xNN. */
static void print_name(const char *name)
{
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            printf("\\x%02x", *c);
        else
            putchar(*c);
}

static void print_tensor(const char *hex, const char *name, const DLTensor *tensor)
{
    char shape[256];
    shape_text(tensor, shape, sizeof shape);
    printf("%s  ", hex);
    print_name(name);
    printf("  %s %s\n", type_text(tensor->dtype), shape);
}

static json_t *tensor_json(const char *hex, const char *name, const DLTensor *tensor)
{
    json_t *shape = json_array();
    for (int d = 0; d < tensor->ndim; d++)
        json_array_append_new(shape, json_integer(tensor->shape[d]));
    return json_pack("{s:s, s:s, s:o, s:s}", "name", name, "dtype", type_text(tensor->dtype),
                     "shape", shape, "sha256", hex);
}

/* Prints the file's digests, or appends them to `array` if that is not NULL. */
static ea_status digest_tensors(ea_context *ctx, const char *path, const ea_tensor_file *file,
                                const DLTensor **tensors, json_t *array)
{
    char hex[EA_DIGEST_HEX];
    int count = ea_tensor_file_count(file);
    json_t *list = array ? json_array() : NULL;
    ea_status status = EA_OK;
    for (int i = 0; i < count && status == EA_OK; i++) {
        tensors[i] = ea_tensor_file_tensor(file, i);
        status = ea_digest(ctx, tensors[i], hex);
        if (status == EA_OK && list)
            json_array_append_new(list, tensor_json(hex, ea_tensor_file_name(file, i), tensors[i]));
        else if (status == EA_OK)
            print_tensor(hex, ea_tensor_file_name(file, i), tensors[i]);
    }
    if (status == EA_OK)
        status = ea_digest_many(ctx, tensors, count, hex);
    if (status == EA_OK && list) {
        json_t *entry = json_pack("{s:s, s:s, s:O}", "file", path, "sha256", hex, "tensors", list);
        if (!entry || json_array_append_new(array, entry) != 0)
            status = core_fail(ctx, EA_ERR_FORMAT, "%s: JSON needs a name in UTF-8", path);
    } else if (status == EA_OK)
        printf("%s  %s\n", hex, path);
    json_decref(list);
    return status;
}

static ea_status digest_file(ea_context *ctx, const char *path, json_t *array)
{
    ea_tensor_file *file;
    ea_status status = ea_tensor_file_open(ctx, path, &file);
    if (status != EA_OK)
        return status;
    const DLTensor **tensors = calloc((size_t)ea_tensor_file_count(file) + 1, sizeof *tensors);
    if (tensors)
        status = digest_tensors(ctx, path, file, tensors, array);
    else
        status = core_fail(ctx, EA_ERR_MEMORY, "%s: no memory", path);
    free(tensors);
    ea_tensor_file_close(file);
    return status;
}

static int digest_files(int count, char **paths, bool json)
{
    ea_context *ctx;
    if (ea_context_create(NULL, &ctx) != EA_OK) {
        fprintf(stderr, "eadem digest: %s\n", ea_error_text(NULL));
        return CLI_FAILED;
    }
    json_t *array = json ? json_array() : NULL;
    int code = CLI_OK;
    for (int i = 0; i < count; i++)
        if (digest_file(ctx, paths[i], array) != EA_OK) {
            fflush(stdout);
            fprintf(stderr, "eadem digest: %s\n", ea_error_text(ctx));
            code = CLI_FAILED;
        }
    if (array) {
        json_dumpf(array, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(array);
    }
    ea_context_destroy(ctx);
    return code;
}

int cli_digest(int argc, char **argv)
{
    bool json = false, all_files = false;
    int files = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (all_files || word[0] != '-' || !word[1]) {
            argv[++files] = argv[i];
        } else if (strcmp(word, "--") == 0) {
            all_files = true;
        } else if (strcmp(word, "--help") == 0) {
            print_help(stdout);
            return CLI_OK;
        } else if (strcmp(word, "--json") == 0) {
            json = true;
        } else {
            fprintf(stderr, "eadem digest: unknown option '%s': see eadem digest --help\n", word);
            return CLI_USAGE;
        }
    }
    if (files == 0) {
        fprintf(stderr, "eadem digest: give a file: see eadem digest --help\n");
        return CLI_USAGE;
    }
    return digest_files(files, argv + 1, json);
}
