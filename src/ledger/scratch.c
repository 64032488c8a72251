/* scratch.c: temporary folders. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "ledger/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FOLDERS = 16 };

ea_status ledger_scratch_make(ea_context *ctx, ledger_scratch *out)
{
    const char *parent = getenv("TMPDIR");
    char form[PATH_MAX];
    out->path[0] = 0;
    if (!parent || !*parent)
        parent = "/tmp";
    if (snprintf(form, sizeof form, "%s/eadem-XXXXXX", parent) >= (int)sizeof form ||
        !mkdtemp(form) || !realpath(form, out->path))
        return core_fail(ctx, EA_ERR_IO, "cannot make a folder in %s: %s", parent, strerror(errno));
    return EA_OK;
}

static int open_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)place;
    if (type == FTW_D || type == FTW_DNR)
        chmod(path, (info->st_mode & 07777) | 0700);
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    remove(path);
    return 0;
}

void ledger_remove_folder(const char *path)
{
    nftw(path, open_entry, OPEN_FOLDERS, FTW_PHYS);
    nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

void ledger_scratch_remove(ledger_scratch *scratch)
{
    if (scratch->path[0])
        ledger_remove_folder(scratch->path);
    scratch->path[0] = 0;
}
