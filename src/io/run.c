/* run.c: reporting from inside a run. Each report opens the file, appends one line with one write()
 * and closes it: no state, so threads and forked children need no care, for about 2 µs a report. */
#include "io/run.h"
#include "core/context.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *run_folder(void)
{
    const char *folder = getenv("EADEM_RUN_DIR");
    return folder && *folder ? folder : NULL;
}

int ea_run_active(void)
{
    return run_folder() != NULL;
}

/* Not printf's %a: that writes the locale's decimal point. */
char *io_hex_double(double value, char text[IO_HEX_DOUBLE])
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const char *sign = bits >> 63 ? "-" : "";
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & 0xfffffffffffff;
    if (isnan(value)) {
        strcpy(text, "nan");
    } else if (isinf(value)) {
        snprintf(text, IO_HEX_DOUBLE, "%sinf", sign);
    } else {
        int digits = 13;
        for (; digits > 0 && (fraction & 15) == 0; digits--)
            fraction >>= 4;
        int lead = exponent != 0, power = bits << 1 == 0 ? 0 : lead ? exponent - 1023 : -1022;
        int used = snprintf(text, IO_HEX_DOUBLE, "%s0x%d", sign, lead);
        if (digits)
            used += snprintf(text + used, IO_HEX_DOUBLE - (size_t)used, ".%0*llx", digits,
                             (unsigned long long)fraction);
        snprintf(text + used, IO_HEX_DOUBLE - (size_t)used, "p%+d", power);
    }
    return text;
}

/* Copies text with tab, newline, carriage return and backslash escaped, so that a line stays one.
 */
static char *put_escaped(char *to, const char *text)
{
    for (; *text; text++) {
        char letter = *text == '\t'   ? 't'
                      : *text == '\n' ? 'n'
                      : *text == '\r' ? 'r'
                      : *text == '\\' ? '\\'
                                      : 0;
        if (letter)
            *to++ = '\\';
        *to++ = letter ? letter : *text;
    }
    return to;
}

static ea_status append_line(ea_context *ctx, const char *folder, const char *line, size_t size)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/report", folder) >= (int)sizeof path)
        return core_fail(ctx, EA_ERR_ARGUMENT, "EADEM_RUN_DIR is too long: %.60s…", folder);
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return core_fail(ctx, EA_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    ssize_t written = write(file, line, size);
    int error = written < 0 ? errno : ENOSPC;
    close(file);
    if (written != (ssize_t)size)
        return core_fail(ctx, EA_ERR_IO, "cannot write %s: %s", path, strerror(error));
    return EA_OK;
}

static ea_status check_report(ea_context *ctx, const char *key, const char *value)
{
    size_t length = strlen(key);
    if (length == 0 || length > EA_RUN_KEY_MAX)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "the key '%.40s' has %zu bytes: give a key of 1 to %d bytes", key, length,
                         EA_RUN_KEY_MAX);
    if (strlen(value) > EA_RUN_TEXT_MAX)
        return core_fail(ctx, EA_ERR_ARGUMENT,
                         "the value of '%.40s' has %zu bytes: give at most %d", key, strlen(value),
                         EA_RUN_TEXT_MAX);
    return EA_OK;
}

ea_status io_run_report(ea_context *ctx, const char *kind, int64_t step, const char *key,
                        const char *value)
{
    const char *folder = run_folder();
    if (!folder)
        return EA_OK;
    EA_TRY(check_report(ctx, key, value));
    char *line = core_alloc(128 + 2 * (strlen(key) + strlen(value)));
    if (!line)
        return core_fail(ctx, EA_ERR_MEMORY, "no memory to report '%.40s'", key);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char *at = line + sprintf(line, "%s\t", kind);
    if (step != EA_RUN_NO_STEP)
        at += sprintf(at, "%lld", (long long)step);
    at += sprintf(at, "\t%lld%09ld\t", (long long)now.tv_sec, now.tv_nsec);
    at = put_escaped(at, key);
    *at++ = '\t';
    at = put_escaped(at, value);
    *at++ = '\n';
    ea_status status = append_line(ctx, folder, line, (size_t)(at - line));
    core_free(line);
    return status;
}

ea_status ea_run_log(ea_context *ctx, int64_t step, const char *key, double value)
{
    char text[IO_HEX_DOUBLE];
    return io_run_report(ctx, "metric", step, key, io_hex_double(value, text));
}

ea_status ea_run_log_integer(ea_context *ctx, int64_t step, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return io_run_report(ctx, "metric", step, key, text);
}

ea_status ea_run_param(ea_context *ctx, const char *key, const char *text)
{
    return io_run_report(ctx, "param", EA_RUN_NO_STEP, key, text);
}
