/* number.c: exact numbers as text. */
#include "ledger/number.h"
#include "io/run.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ledger_number_read(const char *text, ledger_number *out)
{
    char *end;
    if (!*text || isspace((unsigned char)*text))
        return false;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (!*end && errno == 0) {
        *out = (ledger_number){ true, integer, (double)integer };
        return true;
    }
    double real = strtod(text, &end);
    if (*end || end == text)
        return false;
    *out = (ledger_number){ .real = real };
    return true;
}

static uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

bool ledger_number_same(const ledger_number *a, const ledger_number *b)
{
    if (a->whole && b->whole)
        return a->integer == b->integer;
    if (isnan(a->real) || isnan(b->real))
        return isnan(a->real) && isnan(b->real);
    return double_bits(a->real) == double_bits(b->real);
}

char *ledger_number_show(const ledger_number *number, char text[LEDGER_NUMBER_TEXT])
{
    char hex[IO_HEX_DOUBLE];
    if (number->whole) {
        snprintf(text, LEDGER_NUMBER_TEXT, "%lld", (long long)number->integer);
        return text;
    }
    int used = 0;
    for (int digits = 1; digits <= 17; digits++) {
        used = snprintf(text, LEDGER_NUMBER_TEXT, "%.*g", digits, number->real);
        if (double_bits(strtod(text, NULL)) == double_bits(number->real))
            break;
    }
    if (isfinite(number->real))
        snprintf(text + used, LEDGER_NUMBER_TEXT - (size_t)used, " (%s)",
                 io_hex_double(number->real, hex));
    return text;
}

char *ledger_float_show(uint32_t bits, char text[LEDGER_NUMBER_TEXT])
{
    float x;
    memcpy(&x, &bits, sizeof x);
    char hex[IO_HEX_DOUBLE];
    int used = 0;
    for (int digits = 1; digits <= 9; digits++) {
        used = snprintf(text, LEDGER_NUMBER_TEXT, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            break;
    }
    if (isfinite(x))
        snprintf(text + used, LEDGER_NUMBER_TEXT - (size_t)used, " (%s)", io_hex_double(x, hex));
    return text;
}

/* Maps bits so that the order of the integers is the order of the numbers, −0 next to +0. */
static int64_t ordered(uint64_t bits, int width)
{
    uint64_t sign = (uint64_t)1 << (width - 1);
    return bits & sign ? -(int64_t)(bits & (sign - 1)) - 1 : (int64_t)bits;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

uint64_t ledger_ulps(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : UINT64_MAX;
    return distance(ordered(double_bits(a), 64), ordered(double_bits(b), 64));
}

uint64_t ledger_ulps_float(uint32_t a, uint32_t b)
{
    bool nan_a = (a & 0x7fffffff) > 0x7f800000, nan_b = (b & 0x7fffffff) > 0x7f800000;
    if (nan_a || nan_b)
        return nan_a && nan_b ? 0 : UINT64_MAX;
    return distance(ordered(a, 32), ordered(b, 32));
}
