// What open-do asks of the system and valgrind does not give it, preloaded by
// spec/bench/instructions.
//
// Workers are started from /proc/self/exe, which under valgrind names valgrind; and a map as large
// as the store can ever be has no place in the addresses it leaves, which it says with an error of
// its own instead of that of a system whose addresses are limited. And the clock goes as much more
// slowly as the program does: a turn has its time, and would be over after a few messages. Who
// waits until a time waits by that clock, too, or would be awake at once and wait again.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAP_BYTES_MAX ((size_t)1 << 35)
#define SLOWER 64

// Called between vfork and exec: it writes to its own stack only.
int execve(const char *path, char *const arguments[], char *const environment[])
{
    char program[PATH_MAX];
    ssize_t size = -1;
    if (strcmp(path, "/proc/self/exe") == 0)
        size = readlink(path, program, sizeof program - 1);
    if (size > 0)
        program[size] = '\0';
    return (int)syscall(SYS_execve, size > 0 ? program : path, arguments, environment);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (size > MAP_BYTES_MAX) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

static struct timespec scaled(struct timespec time, long long times, long long parts)
{
    long long ns = (time.tv_sec * 1000000000ll + time.tv_nsec) * times / parts;
    return (struct timespec){ns / 1000000000, ns % 1000000000};
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result != 0 || clock != CLOCK_MONOTONIC)
        return result;
    *now = scaled(*now, 1, SLOWER);
    return 0;
}

// All conditions of the program go by CLOCK_MONOTONIC.
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until)
{
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (wait == NULL)
        *(void **)&wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec real = scaled(*until, SLOWER, 1);
    return wait(condition, mutex, &real);
}
