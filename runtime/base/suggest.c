#include "base/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static int letter(const char *text, size_t index)
{
    return tolower((unsigned char)text[index]);
}

// Have the last two letters before [i] and [j] changed places?
static bool is_swap(const char *a, size_t i, const char *b, size_t j)
{
    return i > 1 && j > 1 && letter(a, i - 1) == letter(b, j - 2) &&
           letter(a, i - 2) == letter(b, j - 1);
}

// The optimal string alignment distance, row by row; a row needs the two before it.
static unsigned mistakes_between(const char *a, size_t a_size, const char *b, size_t b_size)
{
    OD_ASSERT(a_size <= OD_SUGGEST_BYTES_MAX);
    OD_ASSERT(b_size <= OD_SUGGEST_BYTES_MAX);
    unsigned rows[3][OD_SUGGEST_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned changed = letter(a, i - 1) == letter(b, j - 1) ? 0 : 1;
            row[j] = least(above[j - 1] + changed, least(above[j], row[j - 1]) + 1);
            if (is_swap(a, i, b, j))
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

void od_suggest_try(struct od_suggest *suggest, const char *name)
{
    size_t word_size = strlen(suggest->word), name_size = strlen(name);
    if (word_size == 0 || word_size > OD_SUGGEST_BYTES_MAX || name_size > OD_SUGGEST_BYTES_MAX)
        return;
    unsigned mistakes = mistakes_between(suggest->word, word_size, name, name_size);
    if (mistakes > (word_size - 1) / 3 || (suggest->name != NULL && mistakes >= suggest->mistakes))
        return;
    suggest->name = name;
    suggest->mistakes = mistakes;
}

const char *od_suggest_of(const char *word, const char *const *names)
{
    struct od_suggest suggest = {.word = word};
    for (; *names != NULL; names++)
        od_suggest_try(&suggest, *names);
    return suggest.name;
}
