/* report.h: the reports of `eadem verify`: as text, and whether a signature on one is good. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "eadem/core.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

void cli_print_report(FILE *to, const json_t *report);

/* Checks what the public key `key` signed and prints it: the report `path` with its signature
 * `path`.sig, or all reports in a bundle. *good: at least one, and each is about the run whose
 * record is in the bundle, or in the ledger here, if there is one with that run. */
ea_status cli_check_reports(const char *path, const char *key, bool *good);

#endif
