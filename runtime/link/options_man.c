// The table of options and commands as a manual page, troff with the macros of man(7).

#include <stdio.h>
#include <string.h>

#include "link/options_inner.h"

// A hyphen that is a minus, a backslash, and a dot or quote where a line begins.
static void put_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\')
            fputs(*text == '-' ? "\\-" : "\\e", out);
        else
            fputc(*text, out);
    }
}

static void put_bold(FILE *out, const char *text)
{
    fputs("\\fB", out);
    put_text(out, text);
    fputs("\\fR", out);
}

static void put_line(FILE *out, const char *text)
{
    put_text(out, text);
    fputc('\n', out);
}

static void put_option(FILE *out, const struct od_option_row *row)
{
    char variable[OD_OPTION_NAME_BYTES_MAX];
    const char *fallback = row->fallback_help != NULL ? row->fallback_help : row->fallback;
    od_option_variable(row, variable);
    fputs(".TP\n\\fB\\-\\-", out);
    put_text(out, row->name);
    fputs("\\fR", out);
    if (row->value != NULL) {
        fputs(" \\fI", out);
        put_text(out, row->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put_text(out, row->help);
    fputs(".\nVariable ", out);
    put_bold(out, variable);
    if (fallback != NULL) {
        fputs("; without either: ", out);
        put_text(out, fallback);
    }
    fputs(".\n", out);
}

static void put_options(FILE *out)
{
    fputs(".SH OPTIONS\n", out);
    put_line(out, "Each option can be set by its variable; a flag wins.");
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++) {
        if (row->group != NULL)
            fprintf(out, ".SS %s\n", row->group);
        put_option(out, row);
    }
}

static void put_commands(FILE *out)
{
    fputs(".SH COMMANDS\n", out);
    for (int i = 0; i < OD_COMMAND_COUNT; i++) {
        const struct od_command_row *row = &od_command_rows[i];
        fputs(".TP\n", out);
        put_bold(out, row->name);
        fputs(" \\fI", out);
        put_text(out, row->operand);
        fputs("\\fR\n", out);
        put_text(out, row->help);
        fputs(".\nExample: ", out);
        put_bold(out, "open-do ");
        put_bold(out, row->example);
        fputc('\n', out);
    }
}

static void put_head(FILE *out)
{
    fputs(".\\\" Made from the table of options when open-do was built.\n", out);
    fprintf(out, ".TH OPEN-DO 1 \"\" \"open-do %s\"\n", OD_VERSION);
    fputs(".SH NAME\nopen\\-do \\- durable objects in Lua\n.SH SYNOPSIS\n", out);
    fputs(".B open\\-do\n.I COMMAND\n[\\fIOPERAND\\fR ...] [\\fIOPTION\\fR ...]\n", out);
    fputs(".SH DESCRIPTION\n", out);
    put_line(out, "Serves objects whose classes are written in Lua: named, durable, "
                  "single-threaded, with WebSockets and SQL.");
    put_line(out, "A running program is asked by its data directory: the commands that look "
                  "inside take it as --data.");
}

static void put_rest(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    fputs("0: stopped cleanly. 1: the script or the configuration is wrong, or there is no such "
          "object or key.\n2: usage. 3: the port or the data directory is in use.\n",
          out);
    fputs(".SH FILES\n.TP\n.I .open\\-do\nThe data directory beside the script, unless another one "
          "is "
          "named.\n.TP\n.I control.sock\nIn it: where a running program is asked; for its user "
          "only.\n",
          out);
    fputs(".SH SIGNALS\nSIGHUP loads the script anew. SIGTERM and SIGINT end what runs, and then "
          "the program; a second one\nends it at once.\n",
          out);
}

void od_options_put_man(FILE *out)
{
    put_head(out);
    put_commands(out);
    put_options(out);
    put_rest(out);
}
