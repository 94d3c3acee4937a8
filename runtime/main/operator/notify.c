#include "main/operator/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

// A path, or with '@' in front a name in the abstract space. False: it is neither, or too long.
static bool read_address(const char *text, struct sockaddr_un *address, socklen_t *size)
{
    size_t length = strlen(text);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((text[0] != '/' && text[0] != '@') || length >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, text, length);
    if (text[0] == '@')
        address->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

static bool say(const char *word, const struct sockaddr_un *address, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ssize_t sent = sendto(fd, word, strlen(word), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)address, size);
    int error = errno;
    close(fd);
    errno = error;
    return sent >= 0;
}

void od_notify(const char *word)
{
    const char *text = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;
    if (text == NULL || text[0] == '\0')
        return;
    if (!read_address(text, &address, &size))
        od_log(OD_LOG_WARN, NULL, "NOTIFY_SOCKET is no path of a socket: %s", text);
    else if (!say(word, &address, size))
        od_log(OD_LOG_WARN, NULL, "the service manager cannot be told %s: %s", word,
               strerror(errno));
}
