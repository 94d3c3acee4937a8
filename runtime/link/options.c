#include "link/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "link/origin.h"

enum {
    name_bytes_max = 64,
    help_value = 'h',
    version_value = 'V',
    first_value = 256, // getopt_long gives this plus the row.
    idle_ms_max = 24 * 60 * 60 * 1000,
    ping_ms_max = 24 * 60 * 60 * 1000,
    event_limit_ms_min = 10,
    event_limit_ms_max = 60 * 60 * 1000,
    script_memory_mb_min = 8,
    script_memory_mb_max = 1024 * 1024,
    connections_per_address_max = 1000 * 1000,
};

// Values that are only looked at when all words are known.
struct reading {
    struct od_options *options;
    char **words; // A copy of argv: getopt moves the flags to the front.
    const char *env_files[64];
    size_t env_file_count;
    const char *data_dir;
};

typedef bool take_value(struct reading *reading, const char *text, struct od_error *err);

static take_value take_json, take_listen, take_data, take_workers, take_idle_ms, take_ping_ms,
    take_event_limit_ms, take_script_memory, take_var, take_env_file, take_log_format,
    take_log_level, take_log_requests, take_watch, take_connections, take_allow_origin,
    take_trusted_proxies, take_confine;

static const struct row {
    const char *group; // Of this row and those after it.
    const char *name;
    const char *value; // How the help calls it; NULL: it is there or not, as variable 1 or 0.
    const char *help;
    const char *fallback; // Taken when nothing is given; NULL: none.
    const char *fallback_help;
    bool repeats;
    take_value *take;
} rows[] = {
    {"Serving", "listen", "HOST:PORT", "where clients connect; :8787 is every address, port 0 any",
     "127.0.0.1:8787", NULL, false, take_listen},
    {NULL, "data", "DIR", "where objects are stored", NULL, ".open-do beside the script", false,
     take_data},
    {NULL, "workers", "N", "processes that run objects, 1 to 64", NULL, "the cores of this machine",
     false, take_workers},
    {"Script", "var", "NAME=VALUE", "a variable for env; may be repeated", NULL, NULL, true,
     take_var},
    {NULL, "env-file", "FILE", "variables from a file, one a line; may be repeated", NULL, NULL,
     true, take_env_file},
    {NULL, "watch", NULL, "load the script anew when it or a module of it changes", NULL, NULL,
     false, take_watch},
    {"Objects", "idle-ms", "MS", "an object sleeps after so long without an event", "10000", NULL,
     false, take_idle_ms},
    {NULL, "ping-ms", "MS",
     "a WebSocket quiet for so long is asked, and closed after as long; 0: never", "30000", NULL,
     false, take_ping_ms},
    {NULL, "event-limit-ms", "MS", "an event that runs longer costs its worker, not its sockets",
     "30000", NULL, false, take_event_limit_ms},
    {NULL, "script-memory-mb", "MB", "what the Lua code of one worker may use", "512", NULL, false,
     take_script_memory},
    {"Strangers", "allow-origin", "ORIGINS",
     "pages that may open WebSockets, besides those of the same host; *: all", NULL, NULL, false,
     take_allow_origin},
    {NULL, "connections-per-address", "N", "so many at once from one address; 0: any", "0", NULL,
     false, take_connections},
    {NULL, "trusted-proxies", "NETWORKS", "who may say for whom it asks, like 10.0.0.0/8,::1", NULL,
     NULL, false, take_trusted_proxies},
    {NULL, "confine", "on|off", "workers may not write files or start programs", "on", NULL, false,
     take_confine},
    {"Asking", "json", NULL, "status: the answer is for machines", NULL, NULL, false, take_json},
    {"Log", "log-format", "FORMAT", "text for people or json for machines", "text", NULL, false,
     take_log_format},
    {NULL, "log-level", "LEVEL", "debug, info, warn or error", "info", NULL, false, take_log_level},
    {NULL, "log-requests", NULL, "a line for each request and WebSocket", NULL, NULL, false,
     take_log_requests},
};

enum {
    row_count = sizeof rows / sizeof *rows
};

static const struct {
    const char *name;
    const char *help;
    bool needs_script; // Else it only says where the data is.
} commands[OD_COMMAND_COUNT] = {
    [OD_COMMAND_RUN] = {"run", "serve the script", true},
    [OD_COMMAND_DEV] = {"dev", "serve it, reload it on save, with a log for people", true},
    [OD_COMMAND_CHECK] = {"check", "load the script and stop: exit code 0 or 1", true},
    [OD_COMMAND_STATUS] = {"status", "what the running program does, and what keeps objects awake",
                           false},
    [OD_COMMAND_RELOAD] = {"reload", "tell the running program to load its script anew", false},
};

// Values

static bool take_listen(struct reading *reading, const char *text, struct od_error *err)
{
    return od_address_parse(text, &reading->options->listen, err);
}

static bool take_data(struct reading *reading, const char *text, struct od_error *err)
{
    if (*text == '\0')
        return od_error_set(err, "expected a directory");
    reading->data_dir = text;
    return true;
}

static bool take_number(const char *text, uint32_t min, uint32_t max, uint32_t *number,
                        struct od_error *err)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = strtoul(text, NULL, 10);
    if (digits == 0 || digits > 10 || text[digits] != '\0' || value < min || value > max)
        return od_error_set(err, "expected a number from %u to %u", min, max);
    *number = (uint32_t)value;
    return true;
}

// [text] is NULL for the flag itself.
static bool take_flag(const char *text, bool *is_set, struct od_error *err)
{
    *is_set = text == NULL || strcmp(text, "1") == 0;
    return *is_set || strcmp(text, "0") == 0 || od_error_set(err, "expected 1 or 0");
}

static bool take_workers(struct reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 1, OD_WORKERS_MAX, &reading->options->workers, err);
}

static bool take_idle_ms(struct reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 0, idle_ms_max, &reading->options->idle_ms, err);
}

static bool take_ping_ms(struct reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 0, ping_ms_max, &reading->options->ping_ms, err);
}

static bool take_json(struct reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->json, err);
}

static bool take_watch(struct reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->watch, err);
}

static bool take_log_requests(struct reading *reading, const char *text, struct od_error *err)
{
    return take_flag(text, &reading->options->log_requests, err);
}

static bool take_event_limit_ms(struct reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, event_limit_ms_min, event_limit_ms_max,
                       &reading->options->event_limit_ms, err);
}

static bool take_script_memory(struct reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, script_memory_mb_min, script_memory_mb_max,
                       &reading->options->script_memory_mb, err);
}

static bool take_var(struct reading *reading, const char *text, struct od_error *err)
{
    return od_variables_set_pair(&reading->options->variables, od_slice_of(text), err);
}

static bool take_env_file(struct reading *reading, const char *text, struct od_error *err)
{
    size_t room = sizeof reading->env_files / sizeof *reading->env_files;
    if (reading->env_file_count == room)
        return od_error_set(err, "there are more than %zu of them", room);
    reading->env_files[reading->env_file_count++] = text;
    return true;
}

static bool take_log_format(struct reading *reading, const char *text, struct od_error *err)
{
    bool json = strcmp(text, "json") == 0;
    if (!json && strcmp(text, "text") != 0)
        return od_error_set(err, "expected text or json");
    reading->options->log_format = json ? OD_LOG_JSON : OD_LOG_TEXT;
    return true;
}

static bool take_log_level(struct reading *reading, const char *text, struct od_error *err)
{
    return od_log_level_parse(text, &reading->options->log_level) ||
           od_error_set(err, "expected debug, info, warn or error");
}

static bool take_connections(struct reading *reading, const char *text, struct od_error *err)
{
    return take_number(text, 0, connections_per_address_max,
                       &reading->options->connections_per_address, err);
}

static bool take_allow_origin(struct reading *reading, const char *text, struct od_error *err)
{
    reading->options->allow_origin = text;
    return od_origin_check_list(text, err);
}

static bool take_trusted_proxies(struct reading *reading, const char *text, struct od_error *err)
{
    reading->options->trusted_proxies.count = 0;
    return od_networks_parse(text, &reading->options->trusted_proxies, err);
}

static bool take_confine(struct reading *reading, const char *text, struct od_error *err)
{
    reading->options->confine = strcmp(text, "on") == 0;
    return reading->options->confine || strcmp(text, "off") == 0 ||
           od_error_set(err, "expected on or off");
}

// Help

static void variable_name(const struct row *row, char name[name_bytes_max])
{
    int size = snprintf(name, name_bytes_max, "OPEN_DO_%s", row->name);
    for (int i = 0; i < size; i++)
        name[i] = (char)(name[i] == '-' ? '_' : toupper((unsigned char)name[i]));
}

static void print_row(const struct row *row)
{
    char left[name_bytes_max], variable[name_bytes_max];
    const char *fallback = row->fallback_help != NULL ? row->fallback_help : row->fallback;
    variable_name(row, variable);
    snprintf(left, sizeof left, "--%s %s", row->name, row->value == NULL ? "" : row->value);
    if (row->group != NULL)
        printf("\n%s:\n", row->group);
    printf("  %-22s %s", left, row->help);
    if (fallback != NULL)
        printf("\n  %-22s [%s] %s\n", "", fallback, variable);
    else
        printf("\n  %-22s %s\n", "", variable);
}

static void print_help(void)
{
    printf("open-do %s: durable objects in Lua\n\nUsage:\n", OD_VERSION);
    for (int i = 0; i < OD_COMMAND_COUNT; i++)
        printf("  open-do %-6s %-8s [options]   %s\n", commands[i].name,
               commands[i].needs_script ? "SCRIPT" : "[SCRIPT]", commands[i].help);
    for (int i = 0; i < row_count; i++)
        print_row(&rows[i]);
    printf("\nGeneral:\n  %-22s this text\n  %-22s the version\n", "-h, --help", "--version");
    printf(
        "\nEach option can be set by the variable beside it; a flag wins. Exit codes: 0 stopped\n"
        "cleanly, 1 the script or the configuration is wrong, 2 usage, 3 the port or the data\n"
        "directory is in use.\n");
}

// Words

static bool take(struct reading *reading, const struct row *row, const char *text,
                 struct od_error *err)
{
    return row->take(reading, text, err) ||
           od_error_prefix(err, "--%s %s", row->name, text == NULL ? "" : text);
}

// One pair a line, so that a variable can hold what a flag says several times.
static bool take_lines(struct reading *reading, const struct row *row, char *lines,
                       struct od_error *err)
{
    char *next = NULL;
    for (char *line = strtok_r(lines, "\n", &next); line != NULL;
         line = strtok_r(NULL, "\n", &next)) {
        if (!row->take(reading, line, err))
            return false;
    }
    return true;
}

// What the environment says about one option, unless a flag of it is there. Flags that may be
// repeated come on top, so for these this is called first.
static bool take_variable(struct reading *reading, const struct row *row, struct od_error *err)
{
    char name[name_bytes_max];
    variable_name(row, name);
    char *text = getenv(name);
    if (text == NULL && row->fallback == NULL)
        return true;
    if (text == NULL)
        return take(reading, row, row->fallback, err);
    bool ok = row->repeats ? take_lines(reading, row, text, err) : row->take(reading, text, err);
    return ok || od_error_prefix(err, "%s=%s", name, text);
}

static bool take_environment(struct reading *reading, const bool given[row_count],
                             struct od_error *err)
{
    for (int i = 0; i < row_count; i++) {
        if ((rows[i].repeats || !given[i]) && !take_variable(reading, &rows[i], err))
            return false;
    }
    return true;
}

static void fill_long_options(struct option options[row_count + 3])
{
    for (int i = 0; i < row_count; i++)
        options[i] =
            (struct option){rows[i].name, rows[i].value == NULL ? no_argument : required_argument,
                            NULL, first_value + i};
    options[row_count] = (struct option){"help", no_argument, NULL, help_value};
    options[row_count + 1] = (struct option){"version", no_argument, NULL, version_value};
    options[row_count + 2] = (struct option){NULL, 0, NULL, 0};
}

static int count_of(char **argv)
{
    int count = 0;
    while (argv[count] != NULL)
        count++;
    return count;
}

static bool refuse_word(char **argv, int value, struct od_error *err)
{
    const char *word = argv[optind - 1];
    if (value == ':')
        return od_error_set(err, "%s needs a value", word);
    if (optopt != 0 && optopt != help_value && optopt != version_value) // One of several letters.
        return od_error_set(err, "-%c is not an option of open-do", optopt);
    return od_error_set(err, "%s is not an option of open-do", word);
}

// Walks the flags: called once to see which are given, once to take those.
static bool walk_flags(struct reading *reading, bool given[row_count], bool take_values,
                       int *special, struct od_error *err)
{
    struct option options[row_count + 3];
    fill_long_options(options);
    opterr = 0;
    optind = 0; // 0, not 1: glibc then also forgets where it was.
    for (int value; (value = getopt_long(count_of(reading->words), reading->words, ":h", options,
                                         NULL)) != -1;) {
        if (value == '?' || value == ':')
            return refuse_word(reading->words, value, err);
        if (value < first_value)
            *special = value;
        else if (!take_values)
            given[value - first_value] = true;
        else if (!take(reading, &rows[value - first_value], optarg, err))
            return false;
    }
    return true;
}

static bool take_command(struct od_options *options, const char *word, struct od_error *err)
{
    for (int i = 0; i < OD_COMMAND_COUNT; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            options->command = (enum od_command)i;
            return true;
        }
    }
    return od_error_set(err, "'%s' is not a command: say open-do run SCRIPT to serve a script",
                        word);
}

static bool take_words(struct od_options *options, char **words, struct od_error *err)
{
    if (words[0] == NULL)
        return od_error_set(err, "a command is missing: say open-do run SCRIPT to serve a script");
    if (!take_command(options, words[0], err))
        return false;
    if (words[1] == NULL && commands[options->command].needs_script)
        return od_error_set(err, "the script is missing: say open-do %s SCRIPT", words[0]);
    if (words[1] != NULL && words[2] != NULL)
        return od_error_set(err, "'%s' is one word too many: only one script can be given",
                            words[2]);
    options->script = words[1];
    return true;
}

// Conclusions

static uint32_t core_count(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count < 1 ? 1 : count > OD_WORKERS_MAX ? OD_WORKERS_MAX : (uint32_t)count;
}

static char *data_dir_beside(const char *script)
{
    const char *slash = script == NULL ? NULL : strrchr(script, '/');
    int size = slash == NULL ? 0 : (int)(slash - script) + 1;
    char *path = NULL;
    int status = asprintf(&path, "%.*s.open-do", size, script == NULL ? "" : script);
    OD_ASSERT(status >= 0);
    return path;
}

static char *copy_of(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(od_allocate(size), text, size);
}

static bool read_env_files(const struct reading *reading, struct od_error *err)
{
    struct od_variables flags = reading->options->variables, *all = &reading->options->variables;
    bool ok = true;
    *all = (struct od_variables){NULL, 0, 0};
    for (size_t i = 0; ok && i < reading->env_file_count; i++)
        ok = od_variables_read_file(all, reading->env_files[i], err);
    for (size_t i = 0; i < flags.size; i++)
        od_variables_set(all, flags.at[i].name, flags.at[i].value);
    od_variables_deinit(&flags);
    return ok;
}

static bool conclude(struct reading *reading, struct od_error *err)
{
    struct od_options *options = reading->options;
    if (options->workers == 0)
        options->workers = core_count();
    options->data_dir =
        reading->data_dir != NULL ? copy_of(reading->data_dir) : data_dir_beside(options->script);
    if (options->command == OD_COMMAND_DEV)
        options->watch = options->log_requests = true;
    if (commands[options->command].needs_script && getenv(OD_WORKER_LINK_VARIABLE) == NULL &&
        access(options->script, R_OK) != 0)
        return od_error_errno(err, "cannot read the script %s", options->script);
    return read_env_files(reading, err);
}

static char **copy_of_words(char **argv)
{
    size_t bytes = ((size_t)count_of(argv) + 1) * sizeof *argv;
    return memcpy(od_allocate(bytes), argv, bytes);
}

static enum od_exit read_all(struct reading *reading, int *special, struct od_error *err)
{
    bool given[row_count] = {false};
    if (!walk_flags(reading, given, false, special, err))
        return OD_EXIT_USAGE;
    if (*special != 0)
        return OD_EXIT_CLEAN;
    if (!take_words(reading->options, reading->words + optind, err) ||
        !take_environment(reading, given, err) || !walk_flags(reading, given, true, special, err))
        return OD_EXIT_USAGE;
    return conclude(reading, err) ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

enum od_exit od_options_read(struct od_options *options, char **argv, bool *help,
                             struct od_error *err)
{
    struct reading reading = {.options = options, .words = copy_of_words(argv)};
    int special = 0;
    *options = (struct od_options){.argv = argv};
    enum od_exit exit = read_all(&reading, &special, err);
    *help = exit == OD_EXIT_CLEAN && special != 0;
    if (*help && special == help_value)
        print_help();
    else if (*help)
        printf("open-do %s\n", OD_VERSION);
    free(reading.words);
    return exit;
}

void od_options_deinit(struct od_options *options)
{
    od_variables_deinit(&options->variables);
    free(options->data_dir);
    options->data_dir = NULL;
}
