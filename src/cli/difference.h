/* difference.h: the differences of two runs as text, for `eadem diff` and `eadem verify`. */
#ifndef CLI_DIFFERENCE_H
#define CLI_DIFFERENCE_H

#include <jansson.h>
#include <stdio.h>

/* `causes` and `effects` as cause.h and effect.h describe them; `a` and `b` name the sides. */
void cli_print_causes(FILE *to, const json_t *causes, const char *a, const char *b);
void cli_print_effects(FILE *to, const json_t *effects, const char *a, const char *b);
/* One trace comparison (effect.h). */
void cli_print_trace(FILE *to, const json_t *trace, const char *a, const char *b);

#endif
