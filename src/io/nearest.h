/* nearest.h: "did you mean …?" */
#ifndef IO_NEAREST_H
#define IO_NEAREST_H

#include <stddef.h>

/* The name (of a NULL-ended list) that `word` is most likely a misspelling of; NULL when none is
 * near: at most a third of its letters, and at least one, may be inserted, left out, changed or
 * swapped with their neighbour. */
const char *io_nearest(const char *word, const char *const *names);

/* Writes "a, b, c" and returns `text`. */
char *io_list_names(const char *const *names, char *text, size_t size);

#endif
