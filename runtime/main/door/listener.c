#include "main/door/listener.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "main/door/limits.h"
#include "main/door/port_holder.h"

enum {
    any_port_tries_max = 20,
};

// The port stands at the same place in the addresses of both families.
static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
              "the families differ");

static void set_port(struct sockaddr *address, uint16_t port)
{
    ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 address = {0};
    socklen_t size = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &size);
    return ntohs(address.sin6_port);
}

// What waits leaves in one piece a turn; there is nothing Nagle could gather.
void od_listener_prepare(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void od_listener_let_nobody_begin(int fd)
{
    enum {
        FLAGS_AT = 13, // In the head of TCP.
        SYN = 2,
    };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    OD_ASSERT(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static bool listen_on(int fd, const struct addrinfo *info)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    od_listener_prepare(fd);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, OD_LISTEN_BACKLOG) == 0;
}

// 0 or errno.
static int open_one(struct od_listeners *listeners, const struct addrinfo *info)
{
    if (listeners->count == OD_LISTENERS_MAX)
        return 0;
    OD_ASSERT(listeners->count < OD_LISTENERS_MAX);
    set_port(info->ai_addr, listeners->port);
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (!listen_on(fd, info)) {
        int saved = errno;
        close(fd);
        return saved;
    }
    listeners->port = port_of(fd);
    listeners->fds[listeners->count++] = fd;
    return 0;
}

// A hosts file may name an address twice; the second one would find the port in use, by us.
static bool is_repeated(const struct addrinfo *first, const struct addrinfo *info)
{
    for (; first != info; first = first->ai_next) {
        if (first->ai_addrlen == info->ai_addrlen && first->ai_family == info->ai_family &&
            memcmp(first->ai_addr, info->ai_addr, info->ai_addrlen) == 0)
            return true;
    }
    return false;
}

// A machine may lack one of the families; that is no error while the other is there.
static int open_all(struct od_listeners *listeners, const struct addrinfo *infos)
{
    int missing = 0;
    uint16_t wanted = listeners->port;
    for (const struct addrinfo *info = infos; info != NULL; info = info->ai_next) {
        set_port(info->ai_addr, wanted);
        int error = is_repeated(infos, info) ? 0 : open_one(listeners, info);
        if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)
            missing = error;
        else if (error != 0)
            return error;
        set_port(info->ai_addr, wanted);
    }
    return listeners->count > 0 ? 0 : missing;
}

// The port that the system gave for one family may be taken in the other: then it is asked again.
static int open_all_anywhere(struct od_listeners *listeners, const struct addrinfo *infos,
                             uint16_t wanted)
{
    int error = open_all(listeners, infos);
    for (int i = 1; i < any_port_tries_max && wanted == 0 && error == EADDRINUSE; i++) {
        od_listeners_close(listeners);
        listeners->port = 0;
        error = open_all(listeners, infos);
    }
    return error;
}

static enum od_exit refuse_in_use(uint16_t port, const char *option, struct od_error *err)
{
    char name[OD_PROCESS_NAME_BYTES];
    pid_t pid = port == 0 ? 0 : od_port_holder(port, name);
    if (port == 0)
        od_error_set(err, "no port is free for both IPv4 and IPv6: choose one with %s", option);
    else if (pid != 0)
        od_error_set(err,
                     "port %u is in use by process %d (%s): stop it or choose another port with %s",
                     port, (int)pid, name, option);
    else
        od_error_set(err, "port %u is in use by another process: choose another with %s", port,
                     option);
    return OD_EXIT_IN_USE;
}

static enum od_exit refuse(const struct od_address *address, const char *option, int error,
                           struct od_error *err)
{
    if (error == EADDRINUSE)
        return refuse_in_use(address->port, option, err);
    errno = error;
    od_error_errno(err, "cannot listen on %s:%u", address->host, address->port);
    return OD_EXIT_WRONG;
}

enum od_exit od_listeners_open(struct od_listeners *listeners, const struct od_address *address,
                               const char *option, struct od_error *err)
{
    *listeners = (struct od_listeners){.port = address->port};
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *infos = NULL;
    const char *host = address->host[0] == '\0' ? NULL : address->host;
    int status = getaddrinfo(host, "0", &hints, &infos);
    if (status != 0) {
        od_error_set(err, "cannot listen on '%s': %s", address->host, gai_strerror(status));
        return OD_EXIT_WRONG;
    }
    int error = open_all_anywhere(listeners, infos, address->port);
    freeaddrinfo(infos);
    if (error == 0)
        return OD_EXIT_CLEAN;
    od_listeners_close(listeners);
    return refuse(address, option, error, err);
}

bool od_listeners_join(struct od_listeners *listeners, struct od_listeners *others,
                       struct od_error *err)
{
    if (listeners->count + others->count > OD_LISTENERS_MAX) {
        od_listeners_close(others);
        return od_error_set(err, "there are more than %d addresses to listen on", OD_LISTENERS_MAX);
    }
    for (size_t i = 0; i < others->count; i++)
        listeners->fds[listeners->count++] = others->fds[i];
    listeners->tls_port = others->port;
    return true;
}

void od_listeners_close(struct od_listeners *listeners)
{
    OD_ASSERT(listeners->count <= OD_LISTENERS_MAX);
    for (size_t i = 0; i < listeners->count; i++)
        close(listeners->fds[i]);
    listeners->count = 0;
}

void od_listeners_url(const struct od_listeners *listeners, const struct od_address *address,
                      char *text, size_t size)
{
    OD_ASSERT(listeners->count > 0);
    const char *host = address->host[0] == '\0' ? "localhost" : address->host;
    bool is_v6 = strchr(host, ':') != NULL;
    snprintf(text, size, is_v6 ? "http://[%s]:%u" : "http://%s:%u", host, listeners->port);
}
