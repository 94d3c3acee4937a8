#include <ctype.h>
#include <stdio.h>

#include "link/options_inner.h"

void od_option_variable(const struct od_option_row *row, char name[OD_OPTION_NAME_BYTES_MAX])
{
    int size = snprintf(name, OD_OPTION_NAME_BYTES_MAX, "OPEN_DO_%s", row->name);
    for (int i = 0; i < size; i++)
        name[i] = (char)(name[i] == '-' ? '_' : toupper((unsigned char)name[i]));
}

static void print_row(const struct od_option_row *row)
{
    char left[OD_OPTION_NAME_BYTES_MAX], variable[OD_OPTION_NAME_BYTES_MAX];
    const char *fallback = row->fallback_help != NULL ? row->fallback_help : row->fallback;
    od_option_variable(row, variable);
    snprintf(left, sizeof left, "--%s %s", row->name, row->value == NULL ? "" : row->value);
    if (row->group != NULL)
        printf("\n%s:\n", row->group);
    printf("  %-22s %s", left, row->help);
    if (fallback != NULL)
        printf("\n  %-22s [%s] %s\n", "", fallback, variable);
    else
        printf("\n  %-22s %s\n", "", variable);
}

void od_options_print_help(void)
{
    printf("open-do %s: durable objects in Lua\n\nUsage:\n", OD_VERSION);
    for (int i = 0; i < OD_COMMAND_COUNT; i++)
        printf("  open-do %-6s %-8s [options]   %s\n", od_command_rows[i].name,
               od_command_rows[i].operand, od_command_rows[i].help);
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++)
        print_row(row);
    printf("\nGeneral:\n  %-22s this text\n  %-22s the version\n", "-h, --help", "--version");
    printf(
        "\nEach option can be set by the variable beside it; a flag wins. Exit codes: 0 stopped\n"
        "cleanly, 1 the script or the configuration is wrong, 2 usage, 3 the port or the data\n"
        "directory is in use.\n");
}
