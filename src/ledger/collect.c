/* collect.c: what a run leaves behind. */
#include "ledger/collect.h"
#include "core/memory.h"
#include "ledger/child.h"
#include "ledger/json.h"
#include "ledger/path.h"
#include "ledger/report.h"
#include "ledger/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPORT_MAX = 1 << 30 };

static ea_status no_memory(ledger_store *store)
{
    return core_fail(ledger_context(store), EA_ERR_MEMORY, "no memory for a run's record");
}

static void set_digest(json_t *entry, const ledger_digest *digest, int64_t size)
{
    char hex[LEDGER_HEX_SIZE];
    json_object_set_new(entry, "digest", json_string(ledger_hex(digest, hex)));
    json_object_set_new(entry, "size", json_integer(size));
}

/* --- Inputs and outputs -------------------------------------------------------------------------
 */

static const char *type_name(ledger_type type)
{
    return type == LEDGER_FOLDER_ENTRY ? "folder"
           : type == LEDGER_EXECUTABLE ? "executable"
                                       : "file";
}

ea_status ledger_collect_file(ledger_store *store, json_t *list, const char *root, const char *path,
                              bool may_miss)
{
    struct stat info;
    json_t *entry = json_object();
    if (!entry || json_array_append_new(list, entry) != 0 ||
        json_object_set_new(entry, "path", ledger_json_text(ledger_path_relative(root, path))) != 0)
        return no_memory(store);
    if (may_miss && stat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        json_object_set_new(entry, "missing", json_true());
        return EA_OK;
    }
    ledger_snapshot snapshot;
    EA_TRY(ledger_snapshot_take(store, path, &(ledger_snapshot_options){ 0 }, &snapshot));
    json_object_set_new(entry, "type", json_string(type_name(snapshot.type)));
    set_digest(entry, &snapshot.digest, snapshot.size);
    return EA_OK;
}

/* --- The run folder -----------------------------------------------------------------------------
 */

static void path_in(char path[PATH_MAX], const char *folder, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

static int64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_size : -1;
}

/* Appends `size` bytes of the file `from`, beginning at `at`. */
static bool append_part(int to, int from, int64_t at, int64_t size)
{
    char data[1 << 16];
    while (size > 0) {
        ssize_t got =
            pread(from, data, size < (int64_t)sizeof data ? (size_t)size : sizeof data, (off_t)at);
        if (got <= 0 || write(to, data, (size_t)got) != got)
            return false;
        at += got;
        size -= got;
    }
    return true;
}

/* Joins the first and last bytes of a long output (child.c) with a line that says what is missing.
 */
static bool join_tail(const char *head_path, const char *tail_path, int64_t bytes)
{
    char note[96];
    int head = open(head_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int tail = open(tail_path, O_RDONLY | O_CLOEXEC);
    int64_t after = bytes - LEDGER_OUTPUT_LIMIT, at = bytes % LEDGER_OUTPUT_LIMIT;
    bool good = head >= 0 && tail >= 0;
    if (good && after <= LEDGER_OUTPUT_LIMIT) {
        good = append_part(head, tail, 0, after);
    } else if (good) {
        int size = snprintf(note, sizeof note, "\n[eadem: %lld bytes left out]\n",
                            (long long)(after - LEDGER_OUTPUT_LIMIT));
        good = write(head, note, (size_t)size) == size &&
               append_part(head, tail, at, LEDGER_OUTPUT_LIMIT - at) &&
               append_part(head, tail, 0, at);
    }
    if (head >= 0)
        close(head);
    if (tail >= 0)
        close(tail);
    return good;
}

static ea_status put_member(ledger_store *store, json_t *record, const char *key, const char *path,
                            int64_t written)
{
    ledger_object object;
    EA_TRY(ledger_put_file(store, path, &object));
    json_t *entry = json_object();
    if (!entry)
        return no_memory(store);
    set_digest(entry, &object.digest, object.size);
    if (written > object.size || written > 2 * (int64_t)LEDGER_OUTPUT_LIMIT)
        json_object_set_new(entry, "written", json_integer(written));
    return json_object_set_new(record, key, entry) == 0 ? EA_OK : no_memory(store);
}

static ea_status collect_output(ledger_store *store, json_t *record, const char *folder,
                                const char *name, const int64_t *written)
{
    char head[PATH_MAX], tail[PATH_MAX];
    path_in(head, folder, name);
    snprintf(tail, sizeof tail, "%.*s.tail", (int)sizeof tail - 6, head);
    int64_t bytes = size_of(head);
    if (bytes <= 0)
        return EA_OK;
    if (written && *written > LEDGER_OUTPUT_LIMIT)
        join_tail(head, tail, *written); /* what fails here only shortens what is kept */
    return put_member(store, record, name, head, written ? *written : bytes);
}

static ea_status read_report(ledger_store *store, json_t *record, const char *digest_hex)
{
    ea_context *ctx = ledger_context(store);
    ledger_digest digest;
    ledger_report report;
    char *text;
    size_t size;
    ledger_from_hex(digest_hex, &digest);
    EA_TRY(ledger_get_bytes(store, &digest, REPORT_MAX, &text, &size));
    ea_status status = ledger_report_read(ctx, text, size, &report);
    core_free(text);
    EA_TRY(status);
    json_t *metrics = ledger_report_summary(&report);
    if (json_object_size(report.params)) {
        json_object_set_new(record, "declared_params",
                            json_copy(json_object_get(record, "params")));
        json_object_update(json_object_get(record, "params"), report.params);
    }
    if (report.damaged)
        json_object_set_new(record, "damaged_reports", json_integer(report.damaged));
    ledger_report_free(&report);
    return metrics && json_object_set_new(record, "metrics", metrics) == 0 ? EA_OK
                                                                           : no_memory(store);
}

ea_status ledger_collect_folder(ledger_store *store, json_t *record, const char *folder,
                                const int64_t streams[2])
{
    char path[PATH_MAX];
    EA_TRY(collect_output(store, record, folder, "stdout", streams ? &streams[0] : NULL));
    EA_TRY(collect_output(store, record, folder, "stderr", streams ? &streams[1] : NULL));
    path_in(path, folder, "trace");
    if (size_of(path) > 0)
        EA_TRY(put_member(store, record, "trace", path, 0));
    path_in(path, folder, "report");
    if (size_of(path) <= 0)
        return EA_OK;
    EA_TRY(put_member(store, record, "report", path, 0));
    return read_report(store, record,
                       ledger_json_string(json_object_get(record, "report"), "digest"));
}
