/* moment.h: points in time as text. */
#ifndef LEDGER_MOMENT_H
#define LEDGER_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. Takes seconds as a decimal number
 * ("1700000000", "-1.25"), a date ("2026-11-21"), or RFC 3339
 * ("2026-11-21T09:13:05.123456789+01:00", a space for the T; without an offset it is UTC). At most
 * nine digits after the point; 1678 to 2261. */
bool ledger_moment_parse(const char *text, int64_t *nanoseconds);

#endif
