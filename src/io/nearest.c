/* nearest.c: edit distance with swaps of neighbours (Damerau 1964, each letter touched once). */
#include "io/nearest.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 63 };

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int distance(const char *a, int na, const char *b, int nb)
{
    int rows[3][LONGEST + 1]; /* of i−2, i−1, i */
    for (int j = 0; j <= nb; j++)
        rows[1][j] = j;
    for (int i = 1; i <= na; i++) {
        rows[2][0] = i;
        for (int j = 1; j <= nb; j++) {
            int best = min(rows[1][j], rows[2][j - 1]) + 1;
            best = min(best, rows[1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = min(best, rows[0][j - 2] + 1);
            rows[2][j] = best;
        }
        memmove(rows[0], rows[1], 2 * sizeof rows[0]);
    }
    return rows[1][nb];
}

const char *io_nearest(const char *word, const char *const *names)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    int allowed = length < 6 ? 1 : (int)length / 3;
    for (; length <= LONGEST && *names; names++) {
        size_t other = strlen(*names);
        if (other > LONGEST)
            continue;
        int d = distance(word, (int)length, *names, (int)other);
        if (d <= allowed) {
            nearest = *names;
            allowed = d - 1; /* only a nearer one takes its place */
        }
    }
    return nearest;
}

char *io_list_names(const char *const *names, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; names[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
    return text;
}
