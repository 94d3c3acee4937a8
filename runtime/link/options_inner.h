// How the options are read, for the files options*.c only.
//
//   options_table  the options and commands there are
//   options_values what a value of each may be; options_history the same for times of the history
//   options        from words and environment to struct od_options
//   options_tls    those of TLS: files, and names that are certified; options_cluster of a cluster
//   options_misspelt variables that may have been meant for one
//   options_help   the same table as a text, _man as a manual page, _bash as a completion

#ifndef OD_LINK_OPTIONS_INNER_H
#define OD_LINK_OPTIONS_INNER_H

#include <stdio.h>

#include "base/error.h"
#include "link/options.h"

#define OD_OPTION_NAME_BYTES_MAX 64
#define OD_ENV_FILES_MAX 64

// Values that are only looked at when all words are known.
struct od_options_reading {
    struct od_options *options;
    char **words; // A copy of argv: getopt moves the flags to the front.
    const char *env_files[OD_ENV_FILES_MAX];
    size_t env_file_count;
    const char *data_dir;
    bool is_told_admin;
};

struct od_option_row {
    const char *group; // Of this row and those after it.
    const char *name;
    const char *value; // How the help calls it; NULL: it is there or not, as variable 1 or 0.
    const char *help;
    const char *fallback; // Taken when nothing is given; NULL: none.
    const char *fallback_help;
    bool repeats;
    bool (*take)(struct od_options_reading *reading, const char *text, struct od_error *err);
};

struct od_command_row {
    const char *name;
    const char *help;
    const char *operand; // In brackets: it can do without.
    bool is_path;        // It is no script.
    bool is_words;       // It is any number of words.
    const char *options; // Those it looks at, with a blank before and behind each; NULL: those of
                         // whoever serves, which are all without OD_OPTIONS_OF_ASKING.
    const char *example; // What stands behind "open-do ".
};

#define OD_SCRIPT_MEMORY_MB_MIN 8
#define OD_SCRIPT_MEMORY_MB 512 // Without the option, where the cgroup allows as much.

// Of those who ask, or write files; whoever serves has all others.
#define OD_OPTIONS_OF_ASKING                                                                       \
    " awake order limit cursor events read-only follow json template at check "
#define OD_OPTIONS_OF_NEW " template "
#define OD_OPTIONS_OF_LOOKS " data json "

extern const struct od_option_row od_option_rows[]; // Ends with a row without a name.
extern const struct od_command_row od_command_rows[OD_COMMAND_COUNT];

#define OD_ADMIN_ADDRESS "127.0.0.1:8788" // Of dev.

#define OD_OPTION_COUNT_MAX 64 // Rows that there may be.

// "OPEN_DO_LOG_LEVEL", which says in the environment what the flag says.
void od_option_variable(const struct od_option_row *row, char name[OD_OPTION_NAME_BYTES_MAX]);

// Whether [command] looks at the option; NULL: of any.
bool od_option_is_of(const struct od_option_row *row, const struct od_command_row *command);

// Once all are read: whether they go together, and where the files of certified names are.
bool od_options_conclude_tls(struct od_options *options, struct od_error *err);
bool od_options_conclude_cluster(const struct od_options *options, struct od_error *err);
void od_options_free_tls(struct od_options *options);

// What is made of the table when the program is built (pages.c): a manual page, and a completion.
void od_options_put_man(FILE *out);
void od_options_put_bash(FILE *out);

// Of [command], or, when that is NULL, of all commands and options.
void od_options_print_help(const struct od_command_row *command);

#endif
