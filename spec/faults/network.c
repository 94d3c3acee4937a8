// A network for specs, preloaded into the program:
//
//   OPEN_DO_STRANGERS=1   a client from 127.A.B.C is one from 2001:db8:0:A::B:C
//   OPEN_DO_BINDS_FAIL=N  the first N binds to a port that is not 0 find it in use

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long binds_left;
static int has_strangers;

__attribute__((constructor)) static void begin(void)
{
    const char *binds = getenv("OPEN_DO_BINDS_FAIL");
    binds_left = binds == NULL ? 0 : atol(binds);
    has_strangers = getenv("OPEN_DO_STRANGERS") != NULL;
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    int family = address->sa_family;
    const struct sockaddr_in *in = (const void *)address; // The port of both is at one place.
    if ((family == AF_INET || family == AF_INET6) && in->sin_port != 0 && binds_left > 0) {
        binds_left--;
        errno = EADDRINUSE;
        return -1;
    }
    return (int)syscall(SYS_bind, fd, address, size);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int accepted = (int)syscall(SYS_accept4, fd, address, size, flags);
    if (accepted < 0 || !has_strangers || address == NULL || address->sa_family != AF_INET)
        return accepted;
    unsigned char ours[4];
    memcpy(ours, &((struct sockaddr_in *)(void *)address)->sin_addr, sizeof ours);
    const unsigned char theirs[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,       ours[1],
                                      0,    0,    0,    0,    0, 0, ours[2], ours[3]};
    struct sockaddr_in6 stranger = {.sin6_family = AF_INET6};
    memcpy(&stranger.sin6_addr, theirs, sizeof theirs);
    memcpy(address, &stranger, sizeof stranger);
    *size = sizeof stranger;
    return accepted;
}
