/* run.h: lines of a run's report (docs/runs.md), for those who write them. */
#ifndef IO_RUN_H
#define IO_RUN_H

#include "eadem/run.h"

enum { IO_HEX_DOUBLE = 32 };

/* The exact text of a double, the same in every locale: "0x1.8p-3", "-0x0p+0", "inf", "nan".
 * Returns `text`. */
char *io_hex_double(double value, char text[IO_HEX_DOUBLE]);

/* Appends one line, `kind` being "metric" or "param" and `value` already in its text form. */
ea_status io_run_report(ea_context *ctx, const char *kind, int64_t step, const char *key,
                        const char *value);

#endif
