// The number of a connection: the same in all processes that hold a descriptor of it, and never
// that of another one, also when it has ended.
//
// A connection is accepted in main, is served in a worker, may go to another and back to main. Who
// has to speak of it to others takes the number the kernel knows it by; nothing has to be carried
// along.
//
// Process: any that has the descriptor.

#ifndef OD_LINK_CONNECTION_H
#define OD_LINK_CONNECTION_H

#include <stdint.h>

uint64_t od_connection_number(int fd); // 0: the kernel does not tell (it is older than 4.12).

// The client is told that what it has got is not all: whoever has the connection can send it no
// more.
void od_connection_reset(int fd);

#endif
