/* leftover.c: what interrupted writers left. */
#include "ledger/leftover.h"
#include "ledger/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static DIR *open_listing(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder && fd >= 0)
        close(fd);
    return folder;
}

/* The pack's name from its folder and file name; false for a file that is none. */
static bool parse_name(const char *folder, const char *file, unsigned char name[LEDGER_PACK_NAME])
{
    char hex[LEDGER_HEX_SIZE], path[LEDGER_PACK_PATH], whole[300];
    ledger_digest digest;
    snprintf(whole, sizeof whole, "%.20s/%.250s", folder, file);
    /* a digest's parser, given the 32 digits twice */
    snprintf(hex, sizeof hex, "%.2s%.30s%.2s%.30s", folder, file, folder, file);
    if (!ledger_from_hex(hex, &digest))
        return false;
    memcpy(name, digest.bytes, LEDGER_PACK_NAME);
    return strcmp(ledger_pack_path(name, path), whole) == 0;
}

static ea_status is_known(ledger_store *store, const char *folder, const char *file, bool *known)
{
    unsigned char name[LEDGER_PACK_NAME];
    int64_t count = 0;
    *known = false;
    if (!parse_name(folder, file, name))
        return EA_OK;
    EA_TRY(ledger_value(store, &count, "SELECT count(*) FROM pack WHERE name = ?", "b", name,
                        sizeof name));
    *known = count > 0;
    return EA_OK;
}

/* `label` is the folder's name under objects/, or NULL for tmp/, where nothing is known. */
static ea_status sweep(ledger_store *store, DIR *folder, const char *label, bool remove,
                       int64_t *count)
{
    for (;;) {
        errno = 0;
        const struct dirent *item = readdir(folder);
        if (!item)
            return errno ? ledger_io_error(store, "list a folder of", store->path) : EA_OK;
        bool known = item->d_name[0] == '.';
        if (!known && label)
            EA_TRY(is_known(store, label, item->d_name, &known));
        if (known)
            continue;
        ++*count;
        if (remove && unlinkat(dirfd(folder), item->d_name, 0) != 0)
            return ledger_io_error(store, "remove", item->d_name);
    }
}

ea_status ledger_leftovers(ledger_store *store, bool remove, int64_t *count)
{
    DIR *temporary = open_listing(store->folder, "tmp");
    if (!temporary)
        return ledger_io_error(store, "list a folder of", store->path);
    *count = 0;
    ea_status status = sweep(store, temporary, NULL, remove, count);
    closedir(temporary);
    for (int i = 0; i < 256 && status == EA_OK; i++) {
        char label[3];
        snprintf(label, sizeof label, "%02x", i);
        DIR *folder = open_listing(store->objects, label);
        if (!folder && errno == ENOENT)
            continue;
        if (!folder)
            return ledger_io_error(store, "list a folder of", store->path);
        status = sweep(store, folder, label, remove, count);
        closedir(folder);
    }
    return status;
}
