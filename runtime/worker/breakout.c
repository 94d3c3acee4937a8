#include "worker/breakout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"

// Each returns below zero when it was refused.

static int try_write(void)
{
    return open("/tmp/open-do-breakout", O_WRONLY | O_CREAT, 0600);
}

static int try_truncate(void)
{
    return open("/dev/null", O_RDONLY | O_TRUNC);
}

static int try_exec(void)
{
    char *argv[] = {"true", NULL};
    return execv("/bin/true", argv);
}

// Not by libc, which from 2.41 on blocks all signals meanwhile: a refusal would end the worker.
static int try_fork(void)
{
    int pid = (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return pid;
}

static int try_remove(void)
{
    return unlink("/tmp/open-do-breakout");
}

static int try_kill(void)
{
    return kill(getppid(), 0);
}

static int try_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int try_type(void)
{
    return ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static const struct {
    const char *name;
    int (*attempt)(void);
} attempts[] = {
    {"breakout.write", try_write}, {"breakout.truncate", try_truncate},
    {"breakout.exec", try_exec},   {"breakout.fork", try_fork},
    {"breakout.kill", try_kill},   {"breakout.remove", try_remove},
    {"breakout.unix", try_unix},   {"breakout.type", try_type},
};

void od_breakout_try(void)
{
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        if (!OD_FAULT(attempts[i].name))
            continue;
        int result = attempts[i].attempt();
        od_log(OD_LOG_WARN, NULL, "%s: %s", attempts[i].name,
               result < 0 ? strerror(errno) : "done");
    }
}
