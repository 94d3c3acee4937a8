#include "link/connection.h"

#include <sys/socket.h>

uint64_t od_connection_number(int fd)
{
    uint64_t number = 0;
    socklen_t size = sizeof number;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &number, &size) == 0 ? number : 0;
}
