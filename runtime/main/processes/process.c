#include "main/processes/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/thread.h"
#include "main/processes/limits.h"

extern char **environ;

struct inherited { // What a process is given beside its arguments.
    int null_fd;
    int env_fd;
};

// The environment of this process with [link] and [env] in front; the array is the caller's.
static char **environment_with(char *link, char *env)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **all = od_allocate((count + 3) * sizeof *all);
    all[0] = link;
    all[1] = env;
    memcpy(all + 2, environ, (count + 1) * sizeof *all);
    return all;
}

// It is only a bound; memory is taken as it is used.
static void set_stack(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < OD_STACK_BYTES ? limit.rlim_max : OD_STACK_BYTES;
    setrlimit(RLIMIT_STACK, &limit);
}

// Between vfork and exec: it shares main's memory, so it writes to none of it, and calls only what
// is safe while other threads may hold locks.
OD_NORETURN static void become_worker(char **argv, char **environment,
                                      const struct od_child_args *args,
                                      const struct inherited *inherited, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) // It ended before the line above.
        _exit(OD_EXIT_WRONG);
    // A terminal and a service manager tell the whole group; workers are told by main, when to
    // drain.
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_stack();
    od_thread_be_usual();
    dup2(inherited->null_fd, STDIN_FILENO);
    fcntl(inherited->env_fd, F_SETFD, 0);
    fcntl(args->link_fd, F_SETFD, 0);
    if (args->page_fd >= 0)
        fcntl(args->page_fd, F_SETFD, 0);
    execve("/proc/self/exe", argv, environment);
    _exit(127);
}

// Main waits for the exec, which takes a millisecond; a copy of its memory would cost twice that,
// and more the more sockets it keeps. Signals are held back meanwhile: the child has main's
// handlers until it resets them, and these write into a pipe that both share.
static pid_t fork_worker(char **argv, char **environment, const struct od_child_args *args,
                         const struct inherited *inherited)
{
    sigset_t all, before;
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (pid == 0)
        // NOLINTNEXTLINE(clang-analyzer-unix.Vfork)
        become_worker(argv, environment, args, inherited, parent);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

static bool fork_seat(struct od_process *process, const struct od_options *options,
                      const struct od_child_args *args, const struct inherited *inherited,
                      struct od_error *err)
{
    OD_ASSERT(args->link_fd >= 0);
    char link[64], env[64];
    snprintf(env, sizeof env, "%s=%d", OD_WORKER_ENV_VARIABLE, inherited->env_fd);
    snprintf(link, sizeof link, "%s=%u:%d:%d", OD_WORKER_LINK_VARIABLE, args->index, args->link_fd,
             args->page_fd);
    char **environment = environment_with(link, env);
    pid_t pid = fork_worker(options->argv, environment, args, inherited);
    const char *why = strerror(errno);
    bool is_limited = errno == EAGAIN;
    free(environment);
    if (pid > 0) {
        process->pid = process->last_pid = pid;
        return true;
    }
    return od_error_set(
        err, "%s%s", why,
        is_limited ? "; a limit of processes is reached (ulimit -u, TasksMax, pids.max)" : "");
}

// Read by who is given the descriptor, and by nobody by a name: there may be secrets in it.
static int variables_in_memory(const struct od_variables *variables)
{
    struct od_bytes bytes = {0};
    od_variables_put(variables, &bytes);
    int fd = memfd_create("open-do variables", MFD_CLOEXEC);
    bool ok = fd >= 0 && write(fd, bytes.at, bytes.size) == (ssize_t)bytes.size;
    od_bytes_deinit(&bytes);
    if (!ok && fd >= 0)
        close(fd);
    return ok ? fd : -1;
}

bool od_process_spawn(struct od_process *process, const struct od_options *options,
                      const struct od_child_args *args, struct od_error *err)
{
    OD_ASSERT(process->pid == 0);
    struct inherited inherited = {open("/dev/null", O_RDONLY | O_CLOEXEC),
                                  variables_in_memory(&options->variables)};
    bool ok = inherited.null_fd >= 0 && inherited.env_fd >= 0
                  ? fork_seat(process, options, args, &inherited, err)
                  : od_error_errno(err, "cannot open what a process is started with");
    if (inherited.null_fd >= 0)
        close(inherited.null_fd);
    if (inherited.env_fd >= 0)
        close(inherited.env_fd);
    return ok;
}

void od_process_adopt(struct od_process *process, int number)
{
    OD_ASSERT(process->pid == 0);
    OD_ASSERT(number > 0);
    process->pid = process->last_pid = number;
}

void od_process_kill(const struct od_process *process)
{
    OD_ASSERT(process->pid >= 0);
    if (process->pid > 0)
        kill(process->pid, SIGKILL);
}

bool od_process_reap(struct od_process *process, int *status)
{
    OD_ASSERT(process->pid >= 0);
    if (process->pid == 0 || waitpid(process->pid, status, WNOHANG) != process->pid)
        return false;
    process->pid = 0;
    return true;
}

void od_process_end(struct od_process *process)
{
    od_process_kill(process);
    while (process->pid > 0 && waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
}

void od_process_await_end(struct od_process *process, int ms)
{
    int status;
    OD_ASSERT(ms > 0);
    for (int waited_ms = 0; waited_ms < ms; waited_ms += OD_PROCESS_END_LOOK_MS) {
        if (!od_process_is_there(process) || od_process_reap(process, &status))
            return;
        usleep(OD_PROCESS_END_LOOK_MS * 1000);
    }
    od_process_end(process);
}

bool od_process_is_there(const struct od_process *process)
{
    return process->pid > 0;
}

int od_process_number(const struct od_process *process)
{
    return (int)process->pid;
}

int od_process_last_number(const struct od_process *process)
{
    return (int)process->last_pid;
}

void od_process_describe_end(int status, char *text, size_t size)
{
    OD_ASSERT(size > 0);
    if (WIFEXITED(status))
        snprintf(text, size, "exit code %d", WEXITSTATUS(status));
    else
        snprintf(text, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
}

bool od_seat_is_mine(struct od_child_args *args)
{
    const char *text = getenv(OD_WORKER_LINK_VARIABLE);
    if (text == NULL)
        return false;
    // Main wrote it.
    int count = sscanf(text, /* NOLINT(cert-err34-c) */ "%u:%d:%d", &args->index, &args->link_fd,
                       &args->page_fd);
    OD_ASSERT(count == 3);
    return true;
}
