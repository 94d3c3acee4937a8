// The variables of --var, --var-file and --env-file: what a script finds in `env` beside its
// namespaces.
//
// Names match [A-Za-z_][A-Za-z0-9_]*, values are any bytes but zero. The last value of a name wins.
//
// A file has one NAME=VALUE a line. Blank lines and lines that begin with # are skipped, `export `
// in front is allowed, and " #" after an unquoted value begins a comment. In '...' every byte
// stands for itself; in "..." the escapes are \n \r \t \" \\ \$.
//
// Owner: embedded in the options; od_variables_deinit.

#ifndef OD_LINK_VARIABLES_H
#define OD_LINK_VARIABLES_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/slice.h"

#define OD_ENV_FILE_BYTES_MAX (1u << 20)
#define OD_VARIABLES_WRITER_MS_MAX 2000 // For somebody to write to a pipe that is given as a file.

struct od_variable {
    char *name;
    char *value;
};

struct od_variables {
    struct od_variable *at; // In the order in which their names first appeared.
    size_t size;
    size_t capacity;
};

void od_variables_deinit(struct od_variables *variables);

void od_variables_set(struct od_variables *variables, const char *name, const char *value);

// NAME=VALUE as it stands on a command line: the value is not unquoted. NAME alone takes the value
// of the environment: a command line is seen by everybody on the machine (ps), so no secret belongs
// there.
OD_MUST_CHECK bool od_variables_set_pair(struct od_variables *variables, od_slice pair,
                                         struct od_error *err);

// NAME=FILE: the value is what the file holds, without the end of its last line.
OD_MUST_CHECK bool od_variables_set_from_file(struct od_variables *variables, od_slice pair,
                                              struct od_error *err);

// The text of a file. On failure [line] is where, counted from 1, and some may have been set.
OD_MUST_CHECK bool od_variables_read_text(struct od_variables *variables, od_slice text,
                                          unsigned *line, struct od_error *err);

// The file at [path]; the error names it and the line.
OD_MUST_CHECK bool od_variables_read_file(struct od_variables *variables, const char *path,
                                          struct od_error *err);

// All of them as bytes, (str name, str value)*, and back. False: that is something else.
void od_variables_put(const struct od_variables *variables, struct od_bytes *bytes);
OD_MUST_CHECK bool od_variables_read(struct od_variables *variables, od_slice bytes);

// NULL when there is none.
const char *od_variables_find(const struct od_variables *variables, const char *name);

#endif
