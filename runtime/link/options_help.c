#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link/options_inner.h"

enum {
    usage_column = 46,
    width_min = 61, // A narrower terminal breaks the lines as it likes.
    width_max = 100,
};

void od_option_variable(const struct od_option_row *row, char name[OD_OPTION_NAME_BYTES_MAX])
{
    int size = snprintf(name, OD_OPTION_NAME_BYTES_MAX, "OPEN_DO_%s", row->name);
    for (int i = 0; i < size; i++)
        name[i] = (char)(name[i] == '-' ? '_' : toupper((unsigned char)name[i]));
}

static bool has_word(const char *words, const char *name)
{
    char word[OD_OPTION_NAME_BYTES_MAX + 2];
    snprintf(word, sizeof word, " %s ", name);
    return strstr(words, word) != NULL;
}

bool od_option_is_of(const struct od_option_row *row, const struct od_command_row *command)
{
    if (command == NULL)
        return true;
    if (command->options == NULL)
        return !has_word(OD_OPTIONS_OF_ASKING, row->name);
    return has_word(command->options, row->name);
}

// The flag with the name of its value. Returns how wide that is.
static int flag_of(const struct od_option_row *row, char flag[OD_OPTION_NAME_BYTES_MAX])
{
    bool has_value = row->value != NULL;
    return snprintf(flag, OD_OPTION_NAME_BYTES_MAX, "--%s%s%s", row->name, has_value ? " " : "",
                    has_value ? row->value : "");
}

// Of the left column; the same for all commands.
static int width_of_flags(void)
{
    char flag[OD_OPTION_NAME_BYTES_MAX];
    int width = 0;
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++) {
        int one = flag_of(row, flag);
        width = one > width ? one : width;
    }
    return width;
}

// --- Lines ---------------------------------------------------------------------------------------

static int width_of_terminal(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col > width_max)
        return width_max;
    return size.ws_col < width_min ? width_min : size.ws_col;
}

// Words from [column] on, where the line stands already, and below each other from there.
static void print_text(int column, const char *text)
{
    int width = width_of_terminal(), at = column;
    while (*text != '\0') {
        int size = (int)strcspn(text, " ");
        bool is_first = at == column, fits = is_first || at + 1 + size <= width;
        if (!fits)
            printf("\n%*s", column, "");
        else if (!is_first)
            printf(" ");
        at = fits ? at + !is_first + size : column + size;
        printf("%.*s", size, text);
        text += size + (text[size] == ' ');
    }
    printf("\n");
}

static void print_row(const struct od_option_row *row, int width)
{
    char flag[OD_OPTION_NAME_BYTES_MAX], variable[OD_OPTION_NAME_BYTES_MAX], both[256];
    const char *fallback = row->fallback_help != NULL ? row->fallback_help : row->fallback;
    bool has_fallback = fallback != NULL;
    flag_of(row, flag);
    od_option_variable(row, variable);
    snprintf(both, sizeof both, "%s%s%s%s", variable, has_fallback ? " [" : "",
             has_fallback ? fallback : "", has_fallback ? "]" : "");
    printf("  %-*s  ", width, flag);
    print_text(width + 4, row->help);
    printf("  %-*s  ", width, "");
    print_text(width + 4, both);
}

// A group is named before its first option that is shown.
static void print_options(const struct od_command_row *command)
{
    const char *group = NULL, *named = NULL;
    int width = width_of_flags();
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++) {
        group = row->group != NULL ? row->group : group;
        if (!od_option_is_of(row, command))
            continue;
        if (group != named)
            printf("\n%s:\n", group);
        named = group;
        print_row(row, width);
    }
    printf("\nGeneral:\n  %-*s  this text; behind a command: its options\n  %-*s  the version\n",
           width, "-h, --help", width, "--version");
}

static void print_command(const struct od_command_row *command)
{
    print_text(printf("open-do %s: ", command->name), command->help);
    printf("\nUsage:\n  open-do %s %s [options]\n\nExample:\n  open-do %s\n", command->name,
           command->operand, command->example);
    print_options(command);
}

// What it does stands in a column of its own, or below, when its words are long.
static void print_usage(const struct od_command_row *row)
{
    char usage[160];
    int width = snprintf(usage, sizeof usage, "  open-do %s %s [options]", row->name, row->operand);
    bool is_long = width > usage_column - 2;
    printf("%s%s%*s", usage, is_long ? "\n" : "", is_long ? usage_column : usage_column - width,
           "");
    print_text(usage_column, row->help);
}

static void print_commands(void)
{
    printf("open-do %s: durable objects in Lua\n\nUsage:\n", OD_VERSION);
    for (int i = 0; i < OD_COMMAND_COUNT; i++)
        print_usage(&od_command_rows[i]);
    print_options(NULL);
}

void od_options_print_help(const struct od_command_row *command)
{
    if (command == NULL)
        print_commands();
    else
        print_command(command);
    printf("\n");
    print_text(0, "Each option can be set by the variable below it; a flag wins. In brackets: what "
                  "holds without either. Exit codes: 0 stopped cleanly, 1 the script or the "
                  "configuration is wrong, 2 usage, 3 the port or the data directory is in use, "
                  "4 another node has taken over.");
}
