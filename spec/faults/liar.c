// A worker in strange hands, for specs: preloaded into the program, it says what a spec has written
// down on the link to main, as if the worker had said it, and may spoil the page that main reads.
//
// OPEN_DO_LIAR names a file of one struct lie, mapped and shared. The lie is told once: before
// anything else by the next worker that is born ([pid] 0), or by the worker with that pid before it
// sends something.

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    BYTES_MAX = 65536
};

struct lie {
    int32_t is_ready; // The spec has written the rest; 0 again when it is told.
    int32_t pid;
    int32_t has_fd; // A descriptor comes along.
    uint32_t seed;  // Not 0: that kind of rubbish goes over the page.
    uint32_t size;
    char bytes[BYTES_MAX];
};

static struct lie *lie;
static unsigned char *page;
static size_t page_size;
static int link_fd = -1;
static int has_spoken;

static void *map(int fd, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("OPEN_DO_LIAR"), *worker = getenv("OPEN_DO_WORKER_LINK");
    int page_fd = -1;
    if (path == NULL || worker == NULL || sscanf(worker, "%*d:%d:%d", &link_fd, &page_fd) != 2)
        return;
    struct stat status;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    lie = map(fd, sizeof *lie);
    close(fd);
    if (fstat(page_fd, &status) == 0)
        page = map(page_fd, page_size = (size_t)status.st_size);
}

static void spoil_page(uint32_t seed)
{
    for (size_t i = 0; page != NULL && i < page_size; i++) {
        seed = seed * 1664525u + 1013904223u;
        page[i] = (unsigned char)(seed >> 24);
    }
}

static ssize_t send_really(int fd, const struct msghdr *message, int flags)
{
    return syscall(SYS_sendmsg, fd, message, flags);
}

static void tell(void)
{
    struct iovec piece = {lie->bytes, lie->size};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (lie->has_fd) {
        int fd = 2;
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    __atomic_store_n(&lie->is_ready, 0, __ATOMIC_RELEASE); // We may be killed for what follows.
    if (lie->seed != 0)
        spoil_page(lie->seed);
    (void)send_really(link_fd, &message, MSG_NOSIGNAL);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (lie != NULL && fd == link_fd && __atomic_load_n(&lie->is_ready, __ATOMIC_ACQUIRE) != 0 &&
        lie->pid == (has_spoken ? (int32_t)getpid() : 0))
        tell();
    has_spoken = has_spoken || fd == link_fd;
    return send_really(fd, message, flags);
}
