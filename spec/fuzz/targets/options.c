// The command line and the environment: any words end in options or in a sentence.

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "link/options.h"

enum {
    WORDS_MAX = 24,
};

// In an empty folder, so that no file of the machine is meant by accident; help goes nowhere.
static void settle(void)
{
    char folder[] = "/tmp/open-do-fuzz-XXXXXX";
    OD_ASSERT(mkdtemp(folder) != NULL && chdir(folder) == 0);
    FILE *script = fopen("s.lua", "w");
    OD_ASSERT(script != NULL && fclose(script) == 0);
    OD_ASSERT(freopen("/dev/null", "w", stdout) != NULL);
}

static void check(const struct od_options *options)
{
    OD_ASSERT(options->command < OD_COMMAND_COUNT);
    OD_ASSERT(options->workers >= 1 && options->workers <= OD_WORKERS_MAX);
    OD_ASSERT(options->trusted_proxies.count <= OD_NETWORKS_MAX);
    (void)od_options_host_names(options);
    for (size_t i = 0; i < options->variables.size; i++)
        OD_ASSERT(od_variables_find(&options->variables, options->variables.at[i].name) ==
                  options->variables.at[i].value);
}

static void read_words(char **argv)
{
    struct od_options options;
    struct od_error err = {.text = ""};
    bool help = false;
    if (od_options_read(&options, argv, &help, &err) != OD_EXIT_CLEAN)
        OD_ASSERT(err.text[0] != '\0');
    else if (!help)
        check(&options);
    od_options_deinit(&options);
}

// The first line is what the environment says of one option, "LISTEN=..."; the others are words.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_settled;
    if (!is_settled)
        settle();
    is_settled = true;
    char *text = fuzz_text(data, size), *next = NULL, *argv[WORDS_MAX + 2] = {"open-do"};
    char variable[64] = "";
    char *line = strtok_r(text, "\n", &next);
    char *value = line == NULL ? NULL : strchr(line, '=');
    if (value != NULL) {
        snprintf(variable, sizeof variable, "OPEN_DO_%.*s", (int)(value - line), line);
        setenv(variable, value + 1, 1);
    }
    for (int i = 1; i <= WORDS_MAX && (line = strtok_r(NULL, "\n", &next)) != NULL; i++)
        argv[i] = line[0] == '/' ? line + 1 : line;
    read_words(argv);
    if (variable[0] != '\0')
        unsetenv(variable);
    free(text);
    return 0;
}
