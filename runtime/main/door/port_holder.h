// Who listens on a port: so that "address in use" can name the process.
//
// The system does not say; /proc does, to those who may look: the table of listening sockets gives
// inodes, and the descriptors of all processes say who holds one of them.
//
// Linux only. Slow (it walks /proc); only for the text of an error.

#ifndef OD_MAIN_DOOR_PORT_HOLDER_H
#define OD_MAIN_DOOR_PORT_HOLDER_H

#include <stdint.h>
#include <sys/types.h>

#define OD_PROCESS_NAME_BYTES 64

// The process that listens on TCP [port] at any address, or 0 when it cannot be found; then [name]
// is empty. [name] is what ps calls it.
pid_t od_port_holder(uint16_t port, char name[OD_PROCESS_NAME_BYTES]);

#endif
