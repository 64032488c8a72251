/* run.h: what a program tells the run that it is part of (`eadem run -- program`): metrics, step by
 * step, and parameters. Outside a run the calls do nothing and succeed, so a program need not ask.
 *
 * A report is one line appended to the file `report` in the folder that EADEM_RUN_DIR names
 * (docs/ledger.md). It is with the operating system when the call returns: a program that crashes
 * loses nothing that it reported. Any thread and any child process may report at any time.
 */
#ifndef EADEM_RUN_H
#define EADEM_RUN_H

#include "eadem/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EA_RUN_NO_STEP INT64_MIN

enum { EA_RUN_KEY_MAX = 1023, EA_RUN_TEXT_MAX = 65535 }; /* bytes */

/* 1 inside a run, else 0. */
EA_API int ea_run_active(void);

/* One value of a metric, kept exactly (a NaN keeps no payload).
 * Errors: EA_ERR_ARGUMENT (an empty key or one that is too long), EA_ERR_IO, EA_ERR_MEMORY. */
EA_API ea_status ea_run_log(ea_context *ctx, int64_t step, const char *key, double value);
EA_API ea_status ea_run_log_integer(ea_context *ctx, int64_t step, const char *key, int64_t value);

/* A parameter of the run, or a later value of one. Same errors; the text is EA_RUN_TEXT_MAX long at
 * most. */
EA_API ea_status ea_run_param(ea_context *ctx, const char *key, const char *text);

#ifdef __cplusplus
}
#endif
#endif
