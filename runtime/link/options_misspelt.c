#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/suggest.h"
#include "link/options_inner.h"

static const char prefix[] = "OPEN_DO_";

struct variables { // Those of all options.
    char names[OD_OPTION_COUNT_MAX][OD_OPTION_NAME_BYTES_MAX];
    size_t count;
};

static void fill(struct variables *known)
{
    known->count = 0;
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++) {
        OD_ASSERT(known->count < OD_OPTION_COUNT_MAX);
        od_option_variable(row, known->names[known->count++]);
    }
}

// Without the prefix, which all have: it would make any two of them near.
static const char *nearest(const struct variables *known, const char *word)
{
    struct od_suggest suggest = {.word = word};
    for (size_t i = 0; i < known->count; i++)
        od_suggest_try(&suggest, known->names[i] + sizeof prefix - 1);
    return suggest.name;
}

// Of "OPEN_DO_LISTN=..." the "LISTN". False: it is not one of ours, or of nobody's length.
static bool read_word(const char *variable, char word[OD_OPTION_NAME_BYTES_MAX])
{
    if (strncmp(variable, prefix, sizeof prefix - 1) != 0)
        return false;
    variable += sizeof prefix - 1;
    size_t size = strcspn(variable, "=");
    if (size >= OD_OPTION_NAME_BYTES_MAX)
        return false;
    memcpy(word, variable, size);
    word[size] = '\0';
    return true;
}

void od_options_tell_misspelt(void)
{
    struct variables known;
    char word[OD_OPTION_NAME_BYTES_MAX];
    fill(&known);
    for (char **variable = environ; *variable != NULL; variable++) {
        const char *meant = read_word(*variable, word) ? nearest(&known, word) : NULL;
        if (meant != NULL && strcmp(meant, word) != 0)
            od_log(OD_LOG_WARN, NULL, "%s%s is not an option of open-do; did you mean %s%s?",
                   prefix, word, prefix, meant);
    }
}
