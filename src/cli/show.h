/* show.h: how the subcommands show names, sizes, times and progress. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Prints the text with control characters, backslashes and bytes that are not UTF-8 as \n, \t,
 * \\ and \xNN, so that a file's name cannot move the cursor or end a line. */
void cli_print_text(FILE *to, const char *text);

/* The text as a JSON string; text that is not UTF-8 is escaped as above. */
json_t *cli_json_text(const char *text);

enum { CLI_SIZE_TEXT = 16, CLI_TIME_TEXT = 32 };
char *cli_size_text(int64_t bytes, char text[CLI_SIZE_TEXT]); /* "1.4 GB" */
char *cli_time_text(int64_t milliseconds,
                    char text[CLI_TIME_TEXT]); /* "2026-11-21 09:13:05", local */
char *cli_time_iso(int64_t milliseconds, char text[CLI_TIME_TEXT]); /* "2026-11-21T09:13:05.123Z" */

/* One line on standard error, when that is a terminal: what is done, the rate, the time left. */
typedef struct cli_progress {
    bool shown;
    const char *doing;
    int64_t total; /* bytes; 0: not known */
    int64_t bytes, files;
    double start, last;
} cli_progress;

cli_progress cli_progress_begin(const char *doing); /* total is the caller's to set */
/* A ledger_progress. */
void cli_progress_add(void *progress, int64_t bytes, int64_t files);
void cli_progress_end(cli_progress *progress);

#endif
