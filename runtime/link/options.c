#include "link/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/suggest.h"
#include "link/cgroup.h"
#include "link/options_inner.h"

enum {
    help_value = 'h',
    follow_value = 'f', // The short form of an option that is in the table.
    version_value = 'V',
    first_value = 256, // getopt_long gives this plus the row.
};

static int count_of_rows(void)
{
    int count = 0;
    while (od_option_rows[count].name != NULL)
        count++;
    OD_ASSERT(count < OD_OPTION_COUNT_MAX);
    return count;
}

// --- Words ---------------------------------------------------------------------------------------

static bool take(struct od_options_reading *reading, const struct od_option_row *row,
                 const char *text, struct od_error *err)
{
    return row->take(reading, text, err) ||
           od_error_prefix(err, "--%s %s", row->name, text == NULL ? "" : text);
}

// One pair a line, so that a variable can hold what a flag says several times.
static bool take_lines(struct od_options_reading *reading, const struct od_option_row *row,
                       char *lines, struct od_error *err)
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
static bool take_variable(struct od_options_reading *reading, const struct od_option_row *row,
                          struct od_error *err)
{
    char name[OD_OPTION_NAME_BYTES_MAX];
    od_option_variable(row, name);
    char *text = getenv(name);
    if (text == NULL && row->fallback == NULL)
        return true;
    if (text == NULL)
        return take(reading, row, row->fallback, err);
    bool ok = row->repeats ? take_lines(reading, row, text, err) : row->take(reading, text, err);
    return ok || od_error_prefix(err, "%s=%s", name, text);
}

static bool take_environment(struct od_options_reading *reading,
                             const bool given[OD_OPTION_COUNT_MAX], struct od_error *err)
{
    for (int i = 0; od_option_rows[i].name != NULL; i++) {
        if ((od_option_rows[i].repeats || !given[i]) &&
            !take_variable(reading, &od_option_rows[i], err))
            return false;
    }
    return true;
}

static void fill_long_options(struct option options[OD_OPTION_COUNT_MAX + 3])
{
    int row_count = count_of_rows();
    for (int i = 0; i < row_count; i++)
        options[i] =
            (struct option){od_option_rows[i].name,
                            od_option_rows[i].value == NULL ? no_argument : required_argument, NULL,
                            first_value + i};
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

static char **copy_of_words(char **argv)
{
    size_t bytes = ((size_t)count_of(argv) + 1) * sizeof *argv;
    return memcpy(od_allocate(bytes), argv, bytes);
}

// Of "--lisen" or "--lisen=..."; NULL: none is near.
static const char *suggest_option(const char *word)
{
    char name[OD_OPTION_NAME_BYTES_MAX] = "";
    size_t dashes = strspn(word, "-"), size = strcspn(word + dashes, "=");
    if (size < sizeof name)
        memcpy(name, word + dashes, size);
    struct od_suggest suggest = {.word = name};
    for (int i = 0; od_option_rows[i].name != NULL; i++)
        od_suggest_try(&suggest, od_option_rows[i].name);
    return suggest.name;
}

static bool refuse_word(char **argv, int value, struct od_error *err)
{
    const char *word = argv[optind - 1];
    if (value == ':')
        return od_error_set(err, "%s needs a value", word);
    if (optopt != 0 && optopt != help_value && optopt != version_value) // One of several letters.
        return od_error_set(err, "-%c is not an option of open-do", optopt);
    const char *meant = suggest_option(word);
    return meant == NULL ? od_error_set(err, "%s is not an option of open-do", word)
                         : od_error_set(err, "%s is not an option of open-do; did you mean --%s?",
                                        word, meant);
}

static int row_of(const char *name)
{
    int row = 0;
    while (strcmp(od_option_rows[row].name, name) != 0)
        row++;
    return first_value + row;
}

// Walks the flags: called once to see which are given, once to take those.
static bool walk_flags(struct od_options_reading *reading, bool given[OD_OPTION_COUNT_MAX],
                       bool take_values, int *special, struct od_error *err)
{
    struct option options[OD_OPTION_COUNT_MAX + 3];
    fill_long_options(options);
    opterr = 0;
    optind = 0; // 0, not 1: glibc then also forgets where it was.
    for (int value; (value = getopt_long(count_of(reading->words), reading->words, ":hf", options,
                                         NULL)) != -1;) {
        if (value == follow_value)
            value = row_of("follow");
        if (value == '?' || value == ':')
            return refuse_word(reading->words, value, err);
        if (value < first_value)
            *special = value;
        else if (!take_values)
            given[value - first_value] = true;
        else if (!take(reading, &od_option_rows[value - first_value], optarg, err))
            return false;
    }
    return true;
}

static const struct od_command_row *find_command(const char *word)
{
    for (int i = 0; word != NULL && i < OD_COMMAND_COUNT; i++) {
        if (strcmp(word, od_command_rows[i].name) == 0)
            return &od_command_rows[i];
    }
    return NULL;
}

static bool take_command(struct od_options *options, const char *word, struct od_error *err)
{
    const struct od_command_row *command = find_command(word);
    if (command != NULL) {
        options->command = (enum od_command)(command - od_command_rows);
        return true;
    }
    struct od_suggest suggest = {.word = word};
    for (int i = 0; i < OD_COMMAND_COUNT; i++)
        od_suggest_try(&suggest, od_command_rows[i].name);
    if (suggest.name != NULL)
        return od_error_set(err, "'%s' is not a command; did you mean open-do %s?", word,
                            suggest.name);
    return od_error_set(err, "'%s' is not a command: say open-do run SCRIPT to serve a script",
                        word);
}

static bool takes_words(const struct od_options *options)
{
    return od_command_rows[options->command].is_words;
}

static bool needs_script(const struct od_options *options)
{
    return od_command_rows[options->command].operand[0] != '[';
}

// What begins with a dash stood behind "--": words for busted.
static bool take_path(struct od_options *options, char **words, struct od_error *err)
{
    bool is_given = words[0] != NULL && words[0][0] != '-';
    options->path = is_given ? words[0] : NULL;
    char **rest = is_given ? words + 1 : words;
    if (rest[0] != NULL && (options->command != OD_COMMAND_TEST || rest[0][0] != '-'))
        return od_error_set(err, "'%s' is one word too many", rest[0]);
    options->rest = options->argv + (count_of(options->argv) - count_of(rest));
    return true;
}

// Of "KEY [VALUE]" two, of "[JSON ...]" any number.
static int count_in(const char *operand)
{
    int count = 1;
    if (strstr(operand, "...") != NULL)
        return INT_MAX;
    for (; *operand != '\0'; operand++)
        count += *operand == ' ';
    return count;
}

// They are the words' own; the copy that getopt sorts goes. One too many is not passed over: who
// says "delete rooms/a rooms/b" means both.
static bool take_many(struct od_options *options, char **words, struct od_error *err)
{
    const struct od_command_row *row = &od_command_rows[options->command];
    int most = count_in(row->operand);
    if (words[0] == NULL && needs_script(options))
        return od_error_set(err, "say open-do %s %s", row->name, row->operand);
    if (count_of(words) > most)
        return od_error_set(err, "'%s' is one word too many: say open-do %s %s", words[most],
                            row->name, row->operand);
    options->words = copy_of_words(words);
    return true;
}

static bool take_words(struct od_options *options, char **words, struct od_error *err)
{
    if (words[0] == NULL)
        return od_error_set(err, "a command is missing: say open-do run SCRIPT to serve a script");
    if (!take_command(options, words[0], err))
        return false;
    if (od_command_rows[options->command].is_path)
        return take_path(options, words + 1, err);
    if (takes_words(options))
        return take_many(options, words + 1, err);
    if (words[1] == NULL && needs_script(options))
        return od_error_set(err, "the script is missing: say open-do %s SCRIPT", words[0]);
    if (words[1] != NULL && words[2] != NULL)
        return od_error_set(err, "'%s' is one word too many: only one script can be given",
                            words[2]);
    options->script = words[1];
    return true;
}

// Who says "delete rooms/a --read-only" believes that it means something. Variables are for all
// commands, and each takes what is its own.
static bool check_flags(const struct od_options *options, const bool given[OD_OPTION_COUNT_MAX],
                        struct od_error *err)
{
    const struct od_command_row *command = &od_command_rows[options->command];
    for (int i = 0; od_option_rows[i].name != NULL; i++) {
        if (given[i] && !od_option_is_of(&od_option_rows[i], command))
            return od_error_set(err,
                                "--%s is not an option of open-do %s, whose --help has its own",
                                od_option_rows[i].name, command->name);
    }
    return true;
}

// --- Conclusions ---------------------------------------------------------------------------------

static uint32_t core_count(const struct od_cgroup_limits *limits)
{
    cpu_set_t cores;
    int usable = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    uint32_t count = usable < 1 ? 1 : (uint32_t)usable;
    count = limits->cores > 0 && limits->cores < count ? limits->cores : count;
    return count < OD_WORKERS_MAX ? count : OD_WORKERS_MAX;
}

// A quarter is for what is not Lua's: sockets, SQL, and main.
static uint32_t memory_mb(const struct od_cgroup_limits *limits, uint32_t workers)
{
    uint64_t share_mb = limits->memory_bytes / 4 * 3 / workers >> 20;
    if (limits->memory_bytes == 0 || share_mb > OD_SCRIPT_MEMORY_MB)
        return OD_SCRIPT_MEMORY_MB;
    return share_mb < OD_SCRIPT_MEMORY_MB_MIN ? OD_SCRIPT_MEMORY_MB_MIN : (uint32_t)share_mb;
}

// Main's processes read their options anew, also years later: they have to come to what main has
// chosen, though the quota may be another one by then.
static void hand_on(const char *variable, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    setenv(variable, text, 1);
}

static void choose(struct od_options *options)
{
    const char *root = getenv("OPEN_DO_TEST_PAGE") == NULL ? NULL : getenv("OPEN_DO_TEST_ROOT");
    struct od_cgroup_limits limits = od_cgroup_limits_of(root == NULL ? "" : root);
    bool serves = options->command == OD_COMMAND_RUN || options->command == OD_COMMAND_DEV;
    if (options->workers == 0)
        options->workers = core_count(&limits);
    if (options->script_memory_mb == 0)
        options->script_memory_mb = memory_mb(&limits, options->workers);
    if (!serves)
        return;
    hand_on("OPEN_DO_WORKERS", options->workers);
    hand_on("OPEN_DO_SCRIPT_MEMORY_MB", options->script_memory_mb);
}

static char *data_dir_beside(const char *script)
{
    const char *slash = script == NULL ? NULL : strrchr(script, '/');
    int size = slash == NULL ? 0 : (int)(slash - script) + 1;
    static const char name[] = ".open-do";
    char *path = od_allocate((size_t)size + sizeof name);
    if (size > 0)
        memcpy(path, script, (size_t)size);
    memcpy(path + size, name, sizeof name);
    return path;
}

// False only when main and this process do not understand each other.
static bool read_handed_over(struct od_variables *variables, int fd)
{
    struct od_bytes bytes = {0};
    ssize_t count;
    while ((count = pread(fd, od_bytes_reserve(&bytes, 65536), 65536, (off_t)bytes.size)) > 0)
        bytes.size += (size_t)count;
    bool ok = count == 0 && od_variables_read(variables, od_bytes_slice(&bytes));
    od_bytes_deinit(&bytes);
    close(fd);
    return ok;
}

static bool read_env_files(const struct od_options_reading *reading, struct od_error *err)
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

// Whether it is Lua is found out later. False: errno says why.
static bool can_read(const char *script)
{
    struct stat facts;
    if (access(script, R_OK) != 0)
        return false;
    errno = EISDIR;
    return stat(script, &facts) != 0 || !S_ISDIR(facts.st_mode);
}

static bool conclude(struct od_options_reading *reading, struct od_error *err)
{
    struct od_options *options = reading->options;
    choose(options);
    options->data_dir = reading->data_dir != NULL ? od_text_copy(od_slice_of(reading->data_dir))
                                                  : data_dir_beside(options->script);
    if (!od_options_conclude_tls(options, err) || !od_options_conclude_cluster(options, err))
        return false;
    if (options->command == OD_COMMAND_DEV)
        options->watch = options->log_requests = options->log_queries = true;
    if (options->command == OD_COMMAND_DEV && !reading->is_told_admin)
        options->has_admin = options->is_admin_usual =
            od_address_parse(OD_ADMIN_ADDRESS, &options->admin, err);
    if (needs_script(options) && !takes_words(options) && getenv(OD_WORKER_LINK_VARIABLE) == NULL &&
        !can_read(options->script))
        return od_error_errno(err, "cannot read the script %s", options->script);
    const char *handed_over = getenv(OD_WORKER_ENV_VARIABLE);
    if (handed_over == NULL)
        return read_env_files(reading, err);
    return read_handed_over(&options->variables, (int)strtol(handed_over, NULL, 10)) ||
           od_error_set(err, "the variables that main handed over cannot be read");
}

static enum od_exit read_all(struct od_options_reading *reading, int *special, struct od_error *err)
{
    bool given[OD_OPTION_COUNT_MAX] = {false};
    if (!walk_flags(reading, given, false, special, err))
        return OD_EXIT_USAGE;
    if (*special != 0)
        return OD_EXIT_CLEAN;
    if (!take_words(reading->options, reading->words + optind, err) ||
        !check_flags(reading->options, given, err) || !take_environment(reading, given, err) ||
        !walk_flags(reading, given, true, special, err))
        return OD_EXIT_USAGE;
    return conclude(reading, err) ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}

enum od_exit od_options_read(struct od_options *options, char **argv, bool *help,
                             struct od_error *err)
{
    struct od_options_reading reading = {.options = options, .words = copy_of_words(argv)};
    int special = 0;
    *options = (struct od_options){.argv = argv};
    enum od_exit exit = read_all(&reading, &special, err);
    *help = exit == OD_EXIT_CLEAN && special != 0;
    if (*help && special == help_value)
        od_options_print_help(find_command(reading.words[optind]));
    else if (*help)
        printf("open-do %s\n", OD_VERSION);
    free(reading.words);
    return exit;
}

const char *od_options_command_name(const struct od_options *options)
{
    return od_command_rows[options->command].name;
}

od_slice od_options_host_names(const struct od_options *options)
{
    bool is_for_itself = options->command == OD_COMMAND_DEV ||
                         (od_address_is_loopback(&options->listen) &&
                          (!options->has_tls || od_address_is_loopback(&options->tls_listen)));
    if (options->allow_host != NULL)
        return od_slice_of(options->allow_host);
    if (is_for_itself && options->trusted_proxies.count == 0)
        return (od_slice){NULL, 0};
    return OD_SLICE("*");
}

void od_options_deinit(struct od_options *options)
{
    od_variables_deinit(&options->variables);
    od_options_free_tls(options);
    free(options->words);
    options->words = NULL;
    free(options->data_dir);
    options->data_dir = NULL;
}
