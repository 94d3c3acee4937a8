#include "link/variables.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cursor.h"

void od_variables_deinit(struct od_variables *variables)
{
    for (size_t i = 0; i < variables->size; i++) {
        free(variables->at[i].name);
        free(variables->at[i].value);
    }
    free(variables->at);
    *variables = (struct od_variables){NULL, 0, 0};
}

static struct od_variable *find(const struct od_variables *variables, od_slice name)
{
    for (size_t i = 0; i < variables->size; i++) {
        if (od_slice_equal(od_slice_of(variables->at[i].name), name))
            return &variables->at[i];
    }
    return NULL;
}

static struct od_variable *add(struct od_variables *variables, od_slice name)
{
    if (variables->size == variables->capacity)
        variables->at = od_grow(variables->at, &variables->capacity, sizeof *variables->at);
    struct od_variable *variable = &variables->at[variables->size++];
    OD_ASSERT(variables->size <= variables->capacity);
    *variable = (struct od_variable){od_text_copy(name), NULL};
    return variable;
}

static void set(struct od_variables *variables, od_slice name, od_slice value)
{
    struct od_variable *variable = find(variables, name);
    if (variable == NULL)
        variable = add(variables, name);
    free(variable->value);
    variable->value = od_text_copy(value);
}

void od_variables_set(struct od_variables *variables, const char *name, const char *value)
{
    set(variables, od_slice_of(name), od_slice_of(value));
}

void od_variables_put(const struct od_variables *variables, struct od_bytes *bytes)
{
    OD_ASSERT(variables->size <= variables->capacity);
    for (size_t i = 0; i < variables->size; i++) {
        od_bytes_put_string(bytes, od_slice_of(variables->at[i].name));
        od_bytes_put_string(bytes, od_slice_of(variables->at[i].value));
    }
}

bool od_variables_read(struct od_variables *variables, od_slice bytes)
{
    struct od_cursor cursor = od_cursor_of(bytes);
    while (!od_cursor_at_end(&cursor)) {
        od_slice name = od_cursor_string(&cursor), value = od_cursor_string(&cursor);
        if (!cursor.failed)
            set(variables, name, value);
    }
    return !cursor.failed;
}

const char *od_variables_find(const struct od_variables *variables, const char *name)
{
    const struct od_variable *variable = find(variables, od_slice_of(name));
    return variable == NULL ? NULL : variable->value;
}

// --- Reading -------------------------------------------------------------------------------------

static bool is_name(od_slice text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    for (size_t i = 0; i < text.size; i++) {
        size_t allowed = i == 0 ? sizeof letters - 11 : sizeof letters - 1;
        if (memchr(letters, text.at[i], allowed) == NULL)
            return false;
    }
    return text.size > 0;
}

static od_slice trimmed(od_slice text)
{
    return od_slice_trim(text, " \t\r");
}

static bool check_name(od_slice name, struct od_error *err)
{
    return is_name(name) ||
           od_error_set(err,
                        "'%.*s' cannot be the name of a variable: letters, digits and _ are "
                        "allowed, and a digit cannot be the first",
                        (int)name.size, name.at);
}

static bool split(od_slice pair, const char *second, od_slice *name, od_slice *value,
                  struct od_error *err)
{
    const char *equals = pair.size == 0 ? NULL : memchr(pair.at, '=', pair.size);
    if (equals == NULL)
        return od_error_set(err, "expected NAME=%s, got '%.*s'", second, (int)pair.size, pair.at);
    *name = trimmed((od_slice){pair.at, (size_t)(equals - pair.at)});
    *value = od_slice_from(pair, (size_t)(equals - pair.at) + 1);
    return check_name(*name, err);
}

static bool set_from_environment(struct od_variables *variables, od_slice name,
                                 struct od_error *err)
{
    if (!check_name(name, err))
        return false;
    char *copy = od_text_copy(name);
    const char *value = getenv(copy);
    free(copy);
    if (value == NULL)
        return od_error_set(err,
                            "expected NAME=VALUE, or the name of a variable of the environment, "
                            "which '%.*s' is not",
                            (int)name.size, name.at);
    set(variables, name, od_slice_of(value));
    return true;
}

bool od_variables_set_pair(struct od_variables *variables, od_slice pair, struct od_error *err)
{
    od_slice name = {NULL, 0}, value = {NULL, 0};
    if (pair.size > 0 && memchr(pair.at, '=', pair.size) == NULL)
        return set_from_environment(variables, pair, err);
    if (!split(pair, "VALUE", &name, &value, err))
        return false;
    set(variables, name, value);
    return true;
}

// What stands behind a backslash → the byte it means, or 0.
static char unescaped(char byte)
{
    static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
    for (size_t i = 0; i < sizeof from - 1; i++) {
        if (from[i] == byte)
            return to[i];
    }
    return 0;
}

// What stands between quotes; [text] begins with the quote. [rest] gets what follows the second
// one.
static bool unquote(od_slice text, struct od_bytes *value, od_slice *rest, struct od_error *err)
{
    OD_ASSERT(text.size > 0);
    char quote = text.at[0];
    for (size_t i = 1; i < text.size; i++) {
        char byte = text.at[i];
        if (byte == quote) {
            *rest = trimmed(od_slice_from(text, i + 1));
            return true;
        }
        if (quote == '"' && byte == '\\' && i + 1 < text.size && unescaped(text.at[i + 1]) != 0)
            byte = unescaped(text.at[++i]);
        od_bytes_put(value, &byte, 1);
    }
    return od_error_set(err, "the value begins with %c, which is not closed on this line", quote);
}

static bool read_value(od_slice text, struct od_bytes *value, struct od_error *err)
{
    text = trimmed(text);
    if (text.size == 0 || (text.at[0] != '"' && text.at[0] != '\'')) {
        const char *comment = text.size == 0 ? NULL : memmem(text.at, text.size, " #", 2);
        if (comment != NULL)
            text.size = (size_t)(comment - text.at);
        od_bytes_put_slice(value,
                           text.size > 0 && text.at[0] == '#' ? OD_SLICE("") : trimmed(text));
        return true;
    }
    od_slice rest = {NULL, 0};
    if (!unquote(text, value, &rest, err))
        return false;
    if (rest.size > 0 && rest.at[0] != '#')
        return od_error_set(err, "'%.*s' follows the closing quote", (int)rest.size, rest.at);
    return true;
}

static bool read_line(struct od_variables *variables, od_slice line, struct od_error *err)
{
    od_slice name = {NULL, 0}, text = {NULL, 0};
    line = trimmed(line);
    if (line.size == 0 || line.at[0] == '#')
        return true;
    if (od_slice_starts_with(line, OD_SLICE("export ")))
        line = od_slice_from(line, 7);
    if (memchr(line.at, '\0', line.size) != NULL)
        return od_error_set(err, "the line holds a zero byte");
    if (!split(line, "VALUE", &name, &text, err))
        return false;
    struct od_bytes value = {0};
    bool ok = read_value(text, &value, err);
    if (ok)
        set(variables, name, od_bytes_slice(&value));
    od_bytes_deinit(&value);
    return ok;
}

bool od_variables_read_text(struct od_variables *variables, od_slice text, unsigned *line,
                            struct od_error *err)
{
    for (*line = 1; text.size > 0; ++*line) {
        const char *end = memchr(text.at, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.at);
        if (!read_line(variables, (od_slice){text.at, size}, err))
            return false;
        text = od_slice_from(text, size + 1);
    }
    return true;
}

// A pipe may have something later (`--var-file KEY=<(pass show key)`), one that nobody has open for
// writing may wait for ever: [is_open] says that somebody has. False: nothing will come.
static bool wait_for_bytes(int fd, bool is_open, struct od_error *err)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int count = poll(&poll_fd, 1, is_open ? -1 : OD_VARIABLES_WRITER_MS_MAX);
    return count != 0 || od_error_set(err, "it is a pipe, and nobody writes to it");
}

// The end of a pipe may also mean that nobody writes yet.
static bool read_all(int fd, bool is_pipe, struct od_bytes *text, struct od_error *err)
{
    for (bool has_waited = !is_pipe;;) {
        char *place = od_bytes_reserve(text, 64 << 10);
        ssize_t count = read(fd, place, 64 << 10);
        if (count < 0 && errno != EAGAIN)
            return od_error_set(err, "%s", strerror(errno));
        if (count == 0 && (has_waited || text->size > 0))
            return true;
        if (count <= 0 && !wait_for_bytes(fd, count < 0, err))
            return false;
        has_waited = has_waited || count <= 0;
        text->size += count > 0 ? (size_t)count : 0;
        if (text->size > OD_ENV_FILE_BYTES_MAX)
            return od_error_set(err, "it is larger than %u bytes", OD_ENV_FILE_BYTES_MAX);
    }
}

static bool load(const char *path, struct od_bytes *text, struct od_error *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // Of a pipe: open waits for no writer.
    bool ok = fd >= 0 && fstat(fd, &status) == 0 ? read_all(fd, S_ISFIFO(status.st_mode), text, err)
                                                 : od_error_set(err, "%s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok || od_error_prefix(err, "cannot read the file of variables %s", path);
}

bool od_variables_read_file(struct od_variables *variables, const char *path, struct od_error *err)
{
    struct od_bytes text = {0};
    unsigned line = 0;
    bool ok = load(path, &text, err);
    if (ok && !od_variables_read_text(variables, od_bytes_slice(&text), &line, err))
        ok = od_error_prefix(err, "%s:%u", path, line);
    od_bytes_deinit(&text);
    return ok;
}

// An editor and `echo` put an end of line behind a secret that has none.
static od_slice without_line_end(od_slice text)
{
    if (text.size > 0 && text.at[text.size - 1] == '\n')
        text.size--;
    if (text.size > 0 && text.at[text.size - 1] == '\r')
        text.size--;
    return text;
}

bool od_variables_set_from_file(struct od_variables *variables, od_slice pair, struct od_error *err)
{
    od_slice name = {NULL, 0}, path = {NULL, 0};
    struct od_bytes text = {0};
    if (!split(pair, "FILE", &name, &path, err))
        return false;
    char *copy = od_text_copy(path);
    bool ok = load(copy, &text, err);
    if (ok && text.size > 0 && memchr(text.at, '\0', text.size) != NULL)
        ok = od_error_set(err, "the file %s holds a zero byte", copy);
    if (ok)
        set(variables, name, without_line_end(od_bytes_slice(&text)));
    free(copy);
    od_bytes_deinit(&text);
    return ok;
}
