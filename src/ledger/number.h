/* number.h: exact numbers as text: reading them, showing them, and how far two are apart. */
#ifndef LEDGER_NUMBER_H
#define LEDGER_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number (exact in 64 bits) or a double. */
typedef struct ledger_number {
    bool whole;
    int64_t integer;
    double real; /* also for a whole number, rounded */
} ledger_number;

/* Reads all of `text`: decimal, hexadecimal ("0x1.8p-3"), inf, nan. False: it is no number. */
bool ledger_number_read(const char *text, ledger_number *out);

/* The same number: by value for whole ones, by bits for doubles (any NaN is every NaN, −0 is not
 * +0). */
bool ledger_number_same(const ledger_number *a, const ledger_number *b);

enum { LEDGER_NUMBER_TEXT = 96 };

/* "0.1 (0x1.999999999999ap-4)"; a whole number in decimal alone. A double shows the fewest decimal
 * digits that give it back. Returns `text`. */
char *ledger_number_show(const ledger_number *number, char text[LEDGER_NUMBER_TEXT]);

/* The same for the bits of a float32. */
char *ledger_float_show(uint32_t bits, char text[LEDGER_NUMBER_TEXT]);

/* How many representable numbers lie from one to the other (1: neighbours); UINT64_MAX when one is
 * a NaN and the other is not. */
uint64_t ledger_ulps(double a, double b);
uint64_t ledger_ulps_float(uint32_t a, uint32_t b);

#endif
