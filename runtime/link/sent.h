// How many bytes a connection has taken from us since it began, as the kernel counts them.
//
// A process that is killed around send() cannot say whether it has happened. So it writes on the
// page (link/worker_page.h) how far it will have come, and whoever finds the page asks here how far
// it came: equal, and nothing is half.
//
// Process: any that has the descriptor.

#ifndef OD_LINK_SENT_H
#define OD_LINK_SENT_H

#include <stdbool.h>
#include <stdint.h>

// False when [fd] is no TCP connection, or the kernel does not count.
bool od_sent_bytes(int fd, uint64_t *bytes);

#endif
