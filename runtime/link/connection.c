#include "link/connection.h"

#include <sys/socket.h>

uint64_t od_connection_number(int fd)
{
    uint64_t number = 0;
    socklen_t size = sizeof number;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &number, &size) == 0 ? number : 0;
}

// There may be duplicates, so no way to close the descriptor would do it.
void od_connection_reset(int fd)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(fd, &nowhere, sizeof nowhere); // Else it is no TCP, and merely closed.
}
