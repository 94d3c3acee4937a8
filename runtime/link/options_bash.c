// The table of options and commands as a completion for bash.
//
// It is a table there too: which words a command begins with, which options it has, which of them
// take a directory, a file or one of some words. One function reads it.

#include <stdio.h>
#include <string.h>

#include "link/options_inner.h"

static const char function[] =
    "_open_do()\n"
    "{\n"
    "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "  local command=${COMP_WORDS[1]}\n"
    "  COMPREPLY=()\n"
    "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"${!_open_do_options[*]} --help --version\" -- "
    "\"$word\")\n"
    "  elif [ -n \"${_open_do_values[$before]+x}\" ]; then\n"
    "    case ${_open_do_values[$before]} in\n"
    "      DIR) mapfile -t COMPREPLY < <(compgen -d -- \"$word\") ;;\n"
    "      FILE) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
    "      *) mapfile -t COMPREPLY < <(compgen -W \"${_open_do_values[$before]}\" -- \"$word\") "
    ";;\n"
    "    esac\n"
    "  elif [ \"${word:0:1}\" = - ]; then\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"${_open_do_options[$command]-} --help\" -- "
    "\"$word\")\n"
    "  elif [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"${_open_do_words[$command]-}\" ]; then\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"${_open_do_words[$command]-}\" -- \"$word\")\n"
    "  else\n"
    "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
    "  fi\n"
    "}\n"
    "complete -o filenames -F _open_do open-do\n";

static void put_options_of(FILE *out, const struct od_command_row *command)
{
    fprintf(out, "  [%s]=\"", command->name);
    const char *blank = "";
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++) {
        if (!od_option_is_of(row, command))
            continue;
        fprintf(out, "%s--%s", blank, row->name);
        blank = " ";
    }
    fputs("\"\n", out);
}

// "[list|send|close] NAMESPACE/NAME": list send close.
static void put_words_of(FILE *out, const struct od_command_row *command)
{
    const char *operand = command->operand + (command->operand[0] == '[');
    size_t size = strcspn(operand, "] ");
    if (memchr(operand, '|', size) == NULL)
        return;
    fprintf(out, "  [%s]=\"", command->name);
    for (size_t i = 0; i < size; i++)
        fputc(operand[i] == '|' ? ' ' : operand[i], out);
    fputs("\"\n", out);
}

// What is known of a value by what the help calls it.
static void put_values_of(FILE *out, const struct od_option_row *row)
{
    if (row->value == NULL)
        return;
    bool is_file = strstr(row->value, "FILE") != NULL,
         is_directory = strcmp(row->value, "DIR") == 0;
    fprintf(out, "  [--%s]=\"", row->name);
    if (is_file || is_directory)
        fputs(is_file ? "FILE" : "DIR", out);
    else if (strchr(row->value, '|') != NULL)
        for (const char *at = row->value; *at != '\0'; at++)
            fputc(*at == '|' ? ' ' : *at, out);
    fputs("\"\n", out);
}

void od_options_put_bash(FILE *out)
{
    fputs("# Completion for bash, made from the table of options when open-do was built.\n"
          "declare -A _open_do_options=(\n",
          out);
    for (int i = 0; i < OD_COMMAND_COUNT; i++)
        put_options_of(out, &od_command_rows[i]);
    fputs(")\ndeclare -A _open_do_words=(\n", out);
    for (int i = 0; i < OD_COMMAND_COUNT; i++)
        put_words_of(out, &od_command_rows[i]);
    fputs(")\ndeclare -A _open_do_values=(\n", out);
    for (const struct od_option_row *row = od_option_rows; row->name != NULL; row++)
        put_values_of(out, row);
    fputs(")\n", out);
    fputs(function, out);
}
