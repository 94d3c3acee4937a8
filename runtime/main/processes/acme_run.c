// The process that becomes uacme.
//
// It runs a program that is not ours, talks to strangers, and holds keys: so it has nothing of the
// environment of this program but what tells it how to reach the world, may become nobody else, and
// writes only where it has to.

#include "main/processes/acme.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main/processes/challenge.h"
#include "main/processes/process.h"

enum {
    file_bytes_max = 1 << 20,
    cpu_seconds_max = 60,
    descriptors_max = 64,
    code_failed = 2, // As of uacme.
    words_max = 16,
};

// --- Its room ------------------------------------------------------------------------------------

static const char *const kept_variables[] = {
    "PATH",     "HTTPS_PROXY", "https_proxy",  "HTTP_PROXY",    "http_proxy",
    "NO_PROXY", "no_proxy",    "SSL_CERT_DIR", "SSL_CERT_FILE", "ASAN_OPTIONS"};

// All others may hold secrets of a script.
static void make_environment(const char *challenges)
{
    enum {
        count = sizeof kept_variables / sizeof *kept_variables
    };
    char *kept[count];
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(kept_variables[i]);
        kept[i] = value == NULL ? NULL : od_text_copy(od_slice_of(value));
    }
    clearenv();
    for (size_t i = 0; i < count; i++) {
        if (kept[i] != NULL)
            setenv(kept_variables[i], kept[i], true);
        free(kept[i]);
    }
    setenv(OD_CHALLENGE_VARIABLE, challenges, true);
}

static void set_limit(int resource, rlim_t most)
{
    struct rlimit limit = {most, most};
    setrlimit((__rlimit_resource_t)resource, &limit);
}

// Where the kernel has it (5.13): all else is only read.
static void write_only_beneath(const char *directory)
{
    uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                       LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                       LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM |
                       LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO;
    const char *const rooms[] = {directory, "/dev/null"};
    struct landlock_ruleset_attr attributes = {.handled_access_fs = writing};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    for (size_t i = 0; rules >= 0 && i < 2; i++) {
        struct landlock_path_beneath_attr room = {
            .allowed_access = i == 0 ? writing : LANDLOCK_ACCESS_FS_WRITE_FILE,
            .parent_fd = open(rooms[i], O_PATH | O_CLOEXEC),
        };
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &room, 0);
    }
    if (rules >= 0)
        syscall(SYS_landlock_restrict_self, rules, 0);
}

static void confine(const struct od_options *options)
{
    set_limit(RLIMIT_FSIZE, file_bytes_max);
    set_limit(RLIMIT_CPU, cpu_seconds_max);
    set_limit(RLIMIT_NOFILE, descriptors_max);
    set_limit(RLIMIT_CORE, 0);
    umask(077);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (options->confine)
        write_only_beneath(options->tls_dir);
}

static bool make_directory(const char *path)
{
    struct stat status;
    return mkdir(path, 0700) == 0 || (stat(path, &status) == 0 && S_ISDIR(status.st_mode));
}

// What a run before has left that was ended in the middle.
static void empty_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory != NULL)
        closedir(directory);
}

// --- uacme ---------------------------------------------------------------------------------------

static size_t put_words(const struct od_options *options, char **words)
{
    size_t count = 0;
    words[count++] = "uacme";
    words[count++] = "-v";
    words[count++] = "-y";
    words[count++] = "-t";
    words[count++] = "EC";
    words[count++] = "-c";
    words[count++] = options->tls_dir;
    if (options->tls_authority != NULL) {
        words[count++] = "-a";
        words[count++] = (char *)options->tls_authority;
    }
    OD_ASSERT(count + 4 < words_max); // Behind them: what to do.
    return count;
}

// It dies with this process, as this one does with main.
OD_NORETURN static void become(char **words, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) // Else it ended before the line above.
        execvp(words[0], words);
    fprintf(stderr, "%s: %s; apt-get install uacme\n", words[0], strerror(errno));
    _exit(code_failed);
}

static bool run_to_end(char **words)
{
    int status;
    char how[64];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(words, parent);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        perror(words[0]);
        return false;
    }
    od_process_describe_end(status, how, sizeof how);
    if (status != 0)
        fprintf(stderr, "%s new: %s\n", words[0], how);
    return status == 0;
}

static bool is_in_file(const char *path, const char *text)
{
    char buffer[4096] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, buffer, sizeof buffer - 1);
    if (fd >= 0)
        close(fd);
    return size >= 0 && strcmp(buffer, text) == 0;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0;
}

// Without an account nothing is certified. It is asked for once at each authority.
static bool have_account(const struct od_options *options)
{
    char *words[words_max], path[4096];
    const char *authority = options->tls_authority == NULL ? "" : options->tls_authority;
    snprintf(path, sizeof path, "%s/account", options->tls_dir);
    if (is_in_file(path, authority))
        return true;
    size_t count = put_words(options, words);
    words[count++] = "new";
    words[count] = NULL;
    return run_to_end(words) && write_file(path, authority);
}

static void become_uacme(const struct od_options *options, const char *hook, const char *domain)
{
    char *words[words_max];
    size_t count = put_words(options, words);
    words[count++] = "-h";
    words[count++] = (char *)hook;
    words[count++] = "issue";
    words[count++] = (char *)domain;
    words[count] = NULL;
    execvp(words[0], words);
    perror(words[0]);
}

// All that main has open and did not mean for a stranger; then this program, wherever it lies, and
// also when another file is there meanwhile: for the hook.
static int keep_only_the_hook(void)
{
    close_range(STDERR_FILENO + 1, ~0U, 0);
    return open("/proc/self/exe", O_PATH);
}

// The run of a program before may not have ended yet: it has the lock as long as any process of it
// lives, because all of them inherit the descriptor.
static void await_turn(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        perror(directory);
}

int od_acme_main(const struct od_options *options, uint32_t index, int said_fd)
{
    char hook[64], challenges[4096];
    OD_ASSERT(index < options->tls_auto_count);
    OD_ASSERT(said_fd > STDERR_FILENO);
    OD_ASSERT(options->tls_dir != NULL);
    dup2(said_fd, STDOUT_FILENO);
    dup2(said_fd, STDERR_FILENO);
    snprintf(hook, sizeof hook, "/proc/self/fd/%d", keep_only_the_hook());
    snprintf(challenges, sizeof challenges, "%s/%s", options->tls_dir, OD_CHALLENGE_DIRECTORY);
    if (!make_directory(options->tls_dir) || !make_directory(challenges)) {
        perror(challenges);
        return code_failed;
    }
    await_turn(options->tls_dir);
    empty_directory(challenges);
    make_environment(challenges);
    confine(options);
    if (have_account(options))
        become_uacme(options, hook, options->tls_auto[index]);
    return code_failed;
}
