/* show.c: names, sizes, times and progress as text. */
#include "cli/show.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* Length of the UTF-8 character at `text` that may be printed as it is; 0 when there is none. */
static int printable(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x80)
        return byte[0] >= 0x20 && byte[0] != 0x7f && byte[0] != '\\';
    int length = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    json_t *whole = json_stringn(text, strnlen(text, (size_t)length)); /* checks UTF-8 */
    bool control = byte[0] == 0xc2 && byte[1] < 0xa0;                  /* U+0080 to U+009F */
    bool good = whole && json_string_length(whole) == (size_t)length && !control;
    json_decref(whole);
    return good ? length : 0;
}

/* Writes the escaped form of the next character of `text` and returns how many bytes of it were
 * used. */
static int escape_next(const char *text, char out[8])
{
    int length = printable(text);
    if (length) {
        memcpy(out, text, (size_t)length);
        out[length] = 0;
        return length;
    }
    const char *known = strchr("\nn\tt\rr\\\\", *text);
    if (known)
        snprintf(out, 8, "\\%c", known[1]);
    else
        snprintf(out, 8, "\\x%02x", (unsigned char)*text);
    return 1;
}

void cli_print_text(FILE *to, const char *text)
{
    char part[8];
    while (*text) {
        text += escape_next(text, part);
        fputs(part, to);
    }
}

json_t *cli_json_text(const char *text)
{
    json_t *plain = json_string(text);
    if (plain)
        return plain;
    char escaped[16384], part[8];
    size_t used = 0;
    while (*text && used < sizeof escaped - sizeof part) {
        text += escape_next(text, part);
        used += (size_t)sprintf(escaped + used, "%s", part);
    }
    return json_string(escaped);
}

char *cli_size_text(int64_t bytes, char text[CLI_SIZE_TEXT])
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    double value = (double)bytes;
    int unit = 0;
    while (value >= 999.5 && unit < 5) {
        value /= 1000;
        unit++;
    }
    snprintf(text, CLI_SIZE_TEXT, unit && value < 99.5 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

char *cli_time_text(int64_t milliseconds, char text[CLI_TIME_TEXT])
{
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm parts;
    if (!localtime_r(&seconds, &parts) ||
        !strftime(text, CLI_TIME_TEXT, "%Y-%m-%d %H:%M:%S", &parts))
        snprintf(text, CLI_TIME_TEXT, "?");
    return text;
}

char *cli_time_iso(int64_t milliseconds, char text[CLI_TIME_TEXT])
{
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(text, CLI_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &parts))
        snprintf(text, CLI_TIME_TEXT, "?");
    snprintf(text + strlen(text), CLI_TIME_TEXT - strlen(text), ".%03dZ",
             (int)(milliseconds % 1000));
    return text;
}

/* --- Progress --------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

cli_progress cli_progress_begin(const char *doing)
{
    return (cli_progress){ .shown = isatty(STDERR_FILENO), .doing = doing, .start = now() };
}

static void show(const cli_progress *progress, double time)
{
    char done[CLI_SIZE_TEXT], total[CLI_SIZE_TEXT], rate[CLI_SIZE_TEXT];
    double seconds = time - progress->start + 1e-9;
    double speed = (double)progress->bytes / seconds;
    fprintf(stderr, "\r\033[K%s: %s", progress->doing, cli_size_text(progress->bytes, done));
    if (progress->total > 0)
        fprintf(stderr, " of %s", cli_size_text(progress->total, total));
    fprintf(stderr, ", %lld files, %s/s", (long long)progress->files,
            cli_size_text((int64_t)speed, rate));
    if (progress->total > progress->bytes && speed > 0) {
        int64_t left = (int64_t)((double)(progress->total - progress->bytes) / speed);
        fprintf(stderr, ", %lld:%02lld left", (long long)(left / 60), (long long)(left % 60));
    }
    fflush(stderr);
}

void cli_progress_add(void *argument, int64_t bytes, int64_t files)
{
    cli_progress *progress = argument;
    progress->bytes += bytes;
    progress->files += files;
    double time = progress->shown ? now() : 0;
    if (time - progress->last > 0.2 && time - progress->start > 0.5) {
        progress->last = time;
        show(progress, time);
    }
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->last > 0)
        fprintf(stderr, "\r\033[K");
}
