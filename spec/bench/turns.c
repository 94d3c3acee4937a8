// How long a process is busy between two looks at its descriptors: preloaded into the program.
//
// A turn is what happens from the return of epoll_wait to the next call of it. It is counted in the
// processor time of its thread, so that others on the machine do not lengthen it. Each process
// keeps the longest in a file of its own, OPEN_DO_TURNS with a dot and the pid behind it, mapped:
// eight bytes, nanoseconds. Who reads them may write zero, to begin anew.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t *longest_ns;
static pid_t owner;
static __thread uint64_t began_ns;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
    char path[4096];
    const char *name = getenv("OPEN_DO_TURNS");
    if (name == NULL)
        return;
    snprintf(path, sizeof path, "%s.%d", name, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *longest_ns) != 0)
        return;
    void *page = mmap(NULL, sizeof *longest_ns, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return;
    longest_ns = page;
    owner = getpid();
}

// Of the loop's own thread; what main forks and does not start anew is nobody's.
static void turn_ends(void)
{
    if (longest_ns == NULL || began_ns == 0 || getpid() != owner || gettid() != owner)
        return;
    uint64_t turn_ns = now_ns() - began_ns;
    if (turn_ns > *longest_ns)
        *longest_ns = turn_ns;
}

typedef int wait_function(int, struct epoll_event *, int, int);
typedef int pwait_function(int, struct epoll_event *, int, int, const sigset_t *);

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
    static wait_function *wait_really;
    if (wait_really == NULL)
        *(void **)&wait_really = dlsym(RTLD_NEXT, "epoll_wait");
    turn_ends();
    int result = wait_really(fd, events, count, timeout);
    began_ns = now_ns();
    return result;
}

int epoll_pwait(int fd, struct epoll_event *events, int count, int timeout, const sigset_t *mask)
{
    static pwait_function *wait_really;
    if (wait_really == NULL)
        *(void **)&wait_really = dlsym(RTLD_NEXT, "epoll_pwait");
    turn_ends();
    int result = wait_really(fd, events, count, timeout, mask);
    began_ns = now_ns();
    return result;
}
