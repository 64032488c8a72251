/* moment.c: reading points in time exactly, without the C library's time zones. */
#include "ledger/moment.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static const int64_t second = 1000000000;

/* Reads exactly `digits` digits. */
static bool number(const char **at, int digits, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *out = *out * 10 + (*(*at)++ - '0');
    }
    return true;
}

static bool literal(const char **at, char wanted)
{
    return **at == wanted && ++*at;
}

/* ".123" as nanoseconds; nothing there is 0. */
static bool fraction(const char **at, int64_t *out)
{
    *out = 0;
    if (!literal(at, '.'))
        return true;
    int64_t unit = second / 10;
    if (!isdigit((unsigned char)**at))
        return false;
    for (; isdigit((unsigned char)**at); (*at)++, unit /= 10) {
        if (unit == 0)
            return false;
        *out += (**at - '0') * unit;
    }
    return true;
}

/* Days from 1970-01-01 of the proleptic Gregorian calendar: H. Hinnant, "chrono-compatible
 * low-level date algorithms". */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool date(const char **at, int64_t *days)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t year, month, day;
    if (!number(at, 4, &year) || !literal(at, '-') || !number(at, 2, &month) || !literal(at, '-') ||
        !number(at, 2, &day) || month < 1 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > lengths[month - 1] + (leap && month == 2))
        return false;
    *days = days_from_civil(year, month, day);
    return year >= 1678 && year <= 2261;
}

/* "09:13:05.5", "09:13"; then "Z", "+01:00" or nothing. */
static bool time_of_day(const char **at, int64_t *seconds, int64_t *nanoseconds)
{
    int64_t hour, minute, second_of = 0, offset_hour = 0, offset_minute = 0;
    *nanoseconds = 0;
    if (!number(at, 2, &hour) || !literal(at, ':') || !number(at, 2, &minute))
        return false;
    if (literal(at, ':') && (!number(at, 2, &second_of) || !fraction(at, nanoseconds)))
        return false;
    int sign = **at == '-' ? -1 : 1;
    if (literal(at, '+') || literal(at, '-')) {
        if (!number(at, 2, &offset_hour) || !literal(at, ':') || !number(at, 2, &offset_minute))
            return false;
    } else if (!literal(at, 'Z')) {
        literal(at, 'z');
    }
    *seconds =
        (hour * 60 + minute) * 60 + second_of - sign * (offset_hour * 60 + offset_minute) * 60;
    return hour < 24 && minute < 60 && second_of < 60 && offset_hour < 24 && offset_minute < 60;
}

static bool plain_seconds(const char *text, int64_t *out)
{
    int64_t whole = 0, part;
    bool negative = *text == '-';
    text += negative;
    if (!isdigit((unsigned char)*text))
        return false;
    for (; isdigit((unsigned char)*text); text++) {
        whole = whole * 10 + (*text - '0');
        if (whole > 9200000000)
            return false;
    }
    if (!fraction(&text, &part) || *text)
        return false;
    *out = (whole * second + part) * (negative ? -1 : 1);
    return true;
}

bool ledger_moment_parse(const char *text, int64_t *nanoseconds)
{
    const char *at = text;
    int64_t days, seconds = 0, part = 0;
    if (!date(&at, &days))
        return plain_seconds(text, nanoseconds);
    if (*at && (!strchr("Tt ", *at++) || !time_of_day(&at, &seconds, &part)))
        return false;
    *nanoseconds = (days * 86400 + seconds) * second + part;
    return *at == 0;
}
