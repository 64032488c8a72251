/* csv.c: RFC 4180. */
#include "ledger/csv.h"
#include "core/memory.h"

#include <errno.h>
#include <string.h>

void ledger_csv_open(ea_context *ctx, FILE *file, const char *name, ledger_csv *out)
{
    *out = (ledger_csv){ .ctx = ctx, .file = file, .name = name, .next_line = 1 };
}

void ledger_csv_close(ledger_csv *csv)
{
    core_free(csv->fields);
    core_free(csv->text);
    core_free(csv->starts);
}

static ea_status bad(const ledger_csv *csv, const char *what)
{
    return core_fail(csv->ctx, EA_ERR_FORMAT, "%.200s, line %lld: %s", csv->name,
                     (long long)csv->line, what);
}

static ea_status add_byte(ledger_csv *csv, char byte)
{
    if (csv->used == csv->capacity) {
        size_t capacity = csv->capacity ? 2 * csv->capacity : 4096;
        if (capacity > LEDGER_CSV_RECORD)
            return bad(csv, "a record of more than 16 MiB: is a closing quote missing?");
        char *grown = core_realloc(csv->text, csv->used, capacity);
        if (!grown)
            return core_fail(csv->ctx, EA_ERR_MEMORY, "no memory for a line of %.200s", csv->name);
        csv->text = grown;
        csv->capacity = capacity;
    }
    csv->text[csv->used++] = byte;
    return EA_OK;
}

static ea_status begin_field(ledger_csv *csv)
{
    if (csv->count == csv->start_capacity) {
        int capacity = csv->count ? 2 * csv->count : 32;
        if (capacity > LEDGER_CSV_FIELDS)
            return bad(csv, "more than 16384 fields");
        size_t *grown = core_realloc(csv->starts, (size_t)csv->count * sizeof *grown,
                                     (size_t)capacity * sizeof *grown);
        if (grown)
            csv->starts = grown;
        core_free(csv->fields);
        csv->fields = core_alloc((size_t)capacity * sizeof *csv->fields);
        csv->start_capacity = csv->fields ? capacity : 0;
        if (!grown || !csv->fields)
            return core_fail(csv->ctx, EA_ERR_MEMORY, "no memory for a line of %.200s", csv->name);
    }
    csv->starts[csv->count++] = csv->used;
    return EA_OK;
}

/* The next byte, with CRLF given as one LF; EOF at the end. */
static int next_byte(ledger_csv *csv)
{
    int c = getc(csv->file);
    if (c != '\r')
        return c;
    int after = getc(csv->file);
    if (after == '\n')
        return '\n';
    if (after != EOF)
        ungetc(after, csv->file);
    return '\r';
}

/* Reads a quoted field, its opening quote being gone, and the byte after its closing quote. Inside,
 * ends of lines are kept as they are. */
static ea_status read_quoted(ledger_csv *csv, int *after)
{
    for (;;) {
        int c = getc(csv->file);
        if (c == EOF)
            return bad(csv, "the file ends inside quotes");
        if (c == '"') {
            *after = next_byte(csv);
            if (*after != '"')
                break;
        }
        csv->next_line += c == '\n';
        EA_TRY(add_byte(csv, (char)c));
    }
    if (*after != ',' && *after != '\n' && *after != EOF)
        return bad(csv, "text after a closing quote");
    return EA_OK;
}

static ea_status read_plain(ledger_csv *csv, int c, int *after)
{
    for (; c != ',' && c != '\n' && c != EOF; c = next_byte(csv)) {
        if (c == '"')
            return bad(csv, "a quote inside a field that does not begin with one");
        if (c == '\r')
            return bad(csv, "a carriage return without a line feed");
        EA_TRY(add_byte(csv, (char)c));
    }
    *after = c;
    return EA_OK;
}

static ea_status skip_mark(ledger_csv *csv)
{
    int c = getc(csv->file);
    if (c == 0xef && (getc(csv->file) != 0xbb || getc(csv->file) != 0xbf))
        return bad(csv, "it begins with half a byte order mark: save it as UTF-8");
    if (c != 0xef && c != EOF)
        ungetc(c, csv->file);
    return EA_OK;
}

static ea_status read_record(ledger_csv *csv, int c)
{
    int after = ',';
    while (after == ',') {
        EA_TRY(begin_field(csv));
        EA_TRY(c == '"' ? read_quoted(csv, &after) : read_plain(csv, c, &after));
        EA_TRY(add_byte(csv, 0));
        if (after == ',')
            c = next_byte(csv);
    }
    csv->next_line++;
    for (int i = 0; i < csv->count; i++) {
        csv->fields[i] = csv->text + csv->starts[i];
        size_t end = i + 1 < csv->count ? csv->starts[i + 1] : csv->used;
        if (strlen(csv->fields[i]) != end - csv->starts[i] - 1)
            return bad(csv, "a NUL byte");
    }
    return EA_OK;
}

ea_status ledger_csv_next(ledger_csv *csv, bool *more)
{
    csv->line = csv->next_line;
    if (csv->line == 1)
        EA_TRY(skip_mark(csv));
    csv->count = 0;
    csv->used = 0;
    int c = next_byte(csv);
    *more = c != EOF;
    ea_status status = *more ? read_record(csv, c) : EA_OK;
    if (ferror(csv->file))
        return core_fail(csv->ctx, EA_ERR_IO, "cannot read %.200s: %s", csv->name, strerror(errno));
    return status;
}

void ledger_csv_write(FILE *to, const char *field)
{
    if (!field[strcspn(field, ",\"\r\n")]) {
        fputs(field, to);
        return;
    }
    putc('"', to);
    for (; *field; field++) {
        if (*field == '"')
            putc('"', to);
        putc(*field, to);
    }
    putc('"', to);
}
