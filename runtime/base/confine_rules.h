// The system calls that a confined process may make: one table, read from top to bottom.
//
// A row allows its call always, or when some bits of one argument have a value; several rows for
// one call are alternatives. A row with an error answers with it without a word: libraries try
// these and know how to go on without. What no row allows is refused with EPERM and logged.
// Frequent ones stand first; the kernel remembers what is always allowed, so the length costs
// nothing.
//
// For confine.c only.

#ifndef OD_BASE_CONFINE_RULES_H
#define OD_BASE_CONFINE_RULES_H

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum {
    ALWAYS = -1,
    WRITING = O_ACCMODE | O_CREAT | O_TRUNC,
    THREAD = CLONE_VM | CLONE_THREAD,
};

#define OWN_PID 0xFFFFFFFFu // As a value: that of the process itself.

struct rule {
    int number;
    int argument; // The one that is looked at, or ALWAYS.
    uint32_t mask;
    uint32_t value;
    int error; // 0: allowed.
};

// clang-format off
static const struct rule rules[] = {
#define ALLOW(name) {SYS_##name, ALWAYS, 0, 0, 0},
#define WHERE(name, argument, mask, value) {SYS_##name, argument, mask, value, 0},
#define QUIET(name, error) {SYS_##name, ALWAYS, 0, 0, error},
    // Bytes and waiting.
    ALLOW(epoll_pwait) ALLOW(epoll_ctl) ALLOW(read) ALLOW(write) ALLOW(readv) ALLOW(writev)
    ALLOW(sendto) ALLOW(recvfrom) ALLOW(sendmsg) ALLOW(recvmsg) ALLOW(futex) ALLOW(pread64)
    ALLOW(preadv) ALLOW(sendfile) ALLOW(sendmmsg) ALLOW(recvmmsg) ALLOW(close) ALLOW(ppoll) ALLOW(pselect6)
    ALLOW(epoll_create1) ALLOW(epoll_pwait2) ALLOW(eventfd2) ALLOW(pipe2) ALLOW(dup) ALLOW(dup3)
    ALLOW(close_range) ALLOW(lseek)
#ifdef SYS_epoll_wait
    ALLOW(epoll_wait) ALLOW(poll) ALLOW(select) ALLOW(pipe) ALLOW(dup2) ALLOW(epoll_create)
#endif
    // Memory; compiled Lua is made executable.
    ALLOW(mmap) ALLOW(munmap) ALLOW(mprotect) ALLOW(mremap) ALLOW(madvise) ALLOW(brk) ALLOW(mincore)
    // Time, chance, itself.
    ALLOW(clock_gettime) ALLOW(clock_getres) ALLOW(clock_nanosleep) ALLOW(nanosleep)
    ALLOW(gettimeofday) ALLOW(getrandom) ALLOW(getpid) ALLOW(gettid) ALLOW(getppid) ALLOW(getuid)
    ALLOW(geteuid) ALLOW(getgid) ALLOW(getegid) ALLOW(uname) ALLOW(sysinfo) ALLOW(getrusage)
    ALLOW(getcwd) ALLOW(times) ALLOW(getcpu) ALLOW(setitimer) ALLOW(getpriority)
    WHERE(prlimit64, 0, ~0u, 0)
    WHERE(sched_setattr, 0, ~0u, 0)
    WHERE(prctl, 0, ~0u, PR_SET_NAME)
    QUIET(prctl, EINVAL)
#ifdef SYS_time
    ALLOW(time) ALLOW(getrlimit)
#endif
    // Threads and signals: of its own.
    WHERE(clone, 0, THREAD, THREAD)
    QUIET(clone3, ENOSYS) // Its flags lie in memory, out of the filter's sight; libc then clones.
    ALLOW(set_robust_list) ALLOW(rseq) ALLOW(sched_yield) ALLOW(sched_getaffinity)
    ALLOW(sched_getparam) ALLOW(sched_getscheduler) ALLOW(membarrier) ALLOW(restart_syscall)
    ALLOW(rt_sigaction) ALLOW(rt_sigprocmask) ALLOW(rt_sigreturn) ALLOW(rt_sigtimedwait)
    ALLOW(sigaltstack) ALLOW(exit) ALLOW(exit_group)
    WHERE(tgkill, 0, ~0u, OWN_PID)
    WHERE(kill, 0, ~0u, OWN_PID)
    // Files, to read.
    WHERE(openat, 2, WRITING, O_RDONLY)
#ifdef SYS_open
    WHERE(open, 1, WRITING, O_RDONLY)
    ALLOW(stat) ALLOW(lstat) ALLOW(access) ALLOW(readlink)
#endif
    ALLOW(fstat) ALLOW(newfstatat) ALLOW(statx) ALLOW(faccessat) ALLOW(faccessat2)
    ALLOW(readlinkat) ALLOW(getdents64) ALLOW(fadvise64) ALLOW(statfs) ALLOW(fstatfs)
    QUIET(openat2, ENOSYS) // As with clone3.
    WHERE(fcntl, 1, ~0u, F_GETFD) WHERE(fcntl, 1, ~0u, F_SETFD) WHERE(fcntl, 1, ~0u, F_GETFL)
    WHERE(fcntl, 1, ~0u, F_SETFL) WHERE(fcntl, 1, ~0u, F_DUPFD) WHERE(fcntl, 1, ~0u, F_DUPFD_CLOEXEC)
    WHERE(fcntl, 1, ~0u, F_GETLK) WHERE(fcntl, 1, ~0u, F_SETLK) WHERE(fcntl, 1, ~0u, F_SETLKW)
    WHERE(flock, 1, ~0u, LOCK_SH) // Of the journal, while it is read (store/journal_read.h).
    // A terminal may be asked, not written to by TIOCSTI: that types commands into its shell.
    WHERE(ioctl, 1, ~0u, FIONBIO) WHERE(ioctl, 1, ~0u, FIONREAD) WHERE(ioctl, 1, ~0u, FIOCLEX)
    WHERE(ioctl, 1, ~0u, SIOCOUTQ) WHERE(ioctl, 1, ~0u, TCGETS) WHERE(ioctl, 1, ~0u, TIOCGWINSZ)
    // The network, outward; binding is for name look-ups. A Unix socket would reach services of
    // this machine that trust whoever can connect.
    WHERE(socket, 0, ~0u, AF_INET) WHERE(socket, 0, ~0u, AF_INET6) WHERE(socket, 0, ~0u, AF_NETLINK)
    {SYS_socket, 0, ~0u, AF_UNIX, EAFNOSUPPORT},
    ALLOW(connect) ALLOW(bind) ALLOW(getsockname) ALLOW(getpeername) ALLOW(getsockopt)
    ALLOW(setsockopt) ALLOW(shutdown) ALLOW(socketpair)
    // Tried by libraries that can do without.
    QUIET(io_uring_setup, ENOSYS)
#undef ALLOW
#undef WHERE
#undef QUIET
};
// clang-format on

// What was tried, for the log; any other is told by its number.
static const struct {
    int number;
    const char *what;
} attempts[] = {
    {SYS_execve, "start a program"},
    {SYS_execveat, "start a program"},
    {SYS_clone, "start a process"},
    {SYS_openat, "open a file for writing"},
    {SYS_unlinkat, "remove a file"},
    {SYS_renameat2, "rename a file"},
    {SYS_ftruncate, "cut a file"},
    {SYS_kill, "signal another process"},
    {SYS_tgkill, "signal another process"},
    {SYS_ptrace, "trace another process"},
    {SYS_socket, "open a socket of a kind it does not need"},
    {SYS_listen, "listen for connections"},
    {SYS_prlimit64, "change the limits of another process"},
    {SYS_ioctl, "command a device"},
#ifdef SYS_open
    {SYS_fork, "start a process"},
    {SYS_vfork, "start a process"},
    {SYS_open, "open a file for writing"},
    {SYS_creat, "open a file for writing"},
    {SYS_unlink, "remove a file"},
    {SYS_rename, "rename a file"},
#endif
};

#endif
