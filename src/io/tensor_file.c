/* tensor_file.c: what safetensors and .npy files have in common once they are open. */
#include "io/tensor_file.h"
#include "core/memory.h"

void io_swap_bytes(void *data, int64_t count, size_t size)
{
    unsigned char *b = data;
    for (int64_t i = 0; i < count && size > 1; i++, b += size)
        for (size_t k = 0; k < size / 2; k++) {
            unsigned char swap = b[k];
            b[k] = b[size - 1 - k];
            b[size - 1 - k] = swap;
        }
}

ea_status io_entry_bind(ea_context *ctx, const char *path, io_entry *entry,
                        const unsigned char *data, bool big)
{
    static unsigned char nothing[8];
    size_t size = core_dtype_size(entry->dtype), bytes = (size_t)(entry->end - entry->begin);
    bool swap = size > 1 && big != io_machine_is_big();
    void *values = bytes ? (void *)(uintptr_t)data : nothing;
    if (bytes && (swap || (uintptr_t)data % size != 0)) {
        entry->copy = core_alloc(bytes);
        if (!entry->copy)
            return core_fail(ctx, EA_ERR_MEMORY, "%s: no memory for %zu bytes", path, bytes);
        values = memcpy(entry->copy, data, bytes);
        if (swap)
            io_swap_bytes(values, (int64_t)(bytes / size), size);
    }
    entry->tensor = (DLTensor){ .data = values,
                                .device = { kDLCPU, 0 },
                                .ndim = entry->ndim,
                                .dtype = core_dtype_dl(entry->dtype),
                                .shape = entry->shape };
    return EA_OK;
}

void ea_tensor_file_close(ea_tensor_file *file)
{
    if (!file)
        return;
    for (int i = 0; i < file->count; i++)
        core_free(file->entries[i].copy);
    core_free(file->entries);
    json_decref(file->header);
    io_unmap(&file->map);
    core_free(file);
}

int ea_tensor_file_count(const ea_tensor_file *file)
{
    return file->count;
}

const char *ea_tensor_file_name(const ea_tensor_file *file, int index)
{
    return file->entries[index].name;
}

const DLTensor *ea_tensor_file_tensor(const ea_tensor_file *file, int index)
{
    return &file->entries[index].tensor;
}

const DLTensor *ea_tensor_file_find(const ea_tensor_file *file, const char *name)
{
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].name, name) == 0)
            return &file->entries[i].tensor;
    return NULL;
}

const char *ea_tensor_file_metadata(const ea_tensor_file *file, const char *key)
{
    json_t *metadata = json_object_get(file->header, "__metadata__");
    return json_string_value(json_object_get(metadata, key));
}

ea_status ea_tensor_file_open(ea_context *ctx, const char *path, ea_tensor_file **out)
{
    io_map map;
    *out = NULL;
    EA_TRY(io_map_file(ctx, path, &map));
    bool npy = map.size >= 6 && memcmp(map.data, "\x93NUMPY", 6) == 0;
    io_unmap(&map);
    return npy ? ea_npy_open(ctx, path, out) : ea_safetensors_open(ctx, path, out);
}
