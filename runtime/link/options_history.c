#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/moment.h"
#include "link/options_values.h"

static const char group_word[] = "group-";

enum {
    history_digits_max = 6,
};

// "7d", "12h", "30m", "45s"
bool od_option_take_history(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");
    bool is_number = digits > 0 && digits <= history_digits_max && strlen(text) == digits + 1;
    for (size_t i = 0; is_number && i < sizeof units / sizeof *units; i++) {
        if (text[digits] == units[i].letter)
            reading->options->history_ms = strtoll(text, NULL, 10) * units[i].ms;
    }
    return reading->options->history_ms > 0 || od_error_set(err, "expected a time like 7d or 12h");
}

bool od_option_take_archive_command(struct od_options_reading *reading, const char *text,
                                    struct od_error *err)
{
    reading->options->archive_command = text;
    return strstr(text, "%p") != NULL ||
           od_error_set(err, "expected a command with %%p, which stands for the file");
}

// "group-17". 0 would be all of it.
static bool take_group(struct od_options_reading *reading, const char *number, struct od_error *err)
{
    bool is_number = strspn(number, "0123456789") == strlen(number);
    errno = 0;
    reading->options->at_group = is_number ? strtoull(number, NULL, 10) : 0;
    return (reading->options->at_group > 0 && errno == 0) ||
           od_error_set(err, "expected a group like group-17");
}

bool od_option_take_at(struct od_options_reading *reading, const char *text, struct od_error *err)
{
    reading->options->at_ms = 0;
    reading->options->at_group = 0;
    if (strncmp(text, group_word, strlen(group_word)) == 0)
        return take_group(reading, text + strlen(group_word), err);
    if (!od_moment_parse(text, &reading->options->at_ms, err))
        return false;
    return reading->options->at_ms > 0 || od_error_set(err, "nothing is so old");
}
