// The limits of the process that speaks with other nodes, each with a name.

#ifndef OD_NODE_LIMITS_H
#define OD_NODE_LIMITS_H

#define OD_NODE_VERSION 2 // Of what nodes say to each other.

#define OD_NODE_SECRET_BYTES_MIN 16
#define OD_NODE_SECRET_BYTES_MAX 4096

#define OD_NODE_HELLO_MS_MAX 5000  // From the connection to its proof.
#define OD_NODE_PING_MS 1000       // How often a line is used at least.
#define OD_NODE_SILENT_MS_MAX 6000 // One over which nothing has come for so long is cut.
#define OD_NODE_RETRY_MS_MIN 100   // From a line that failed to the next try; twice as long
#define OD_NODE_RETRY_MS_MAX 2000  // each time, up to this.
#define OD_NODE_STRANGERS_MAX 64   // Connections that have proved nothing yet.

#define OD_NODE_HELLO_BYTES_MAX 1024         // Before the proof a message has no more.
#define OD_NODE_MESSAGE_BYTES_MAX (1u << 20) // And after it.
#define OD_NODE_PIECE_BYTES (64u << 10)      // Of a message or a tunnel, in one message of a line.
#define OD_NODE_WINDOW_BYTES (1u << 20)      // On their way between two workers, and not taken.
#define OD_NODE_OWED_BYTES (OD_NODE_WINDOW_BYTES / 4) // Taken, and not told as taken.
// What comes nevertheless may be a piece more, and what a former life of the sender had been told
// as taken: who sends more than this is cut.
#define OD_NODE_ALLOWED_BYTES_MAX (2 * OD_NODE_WINDOW_BYTES + 2 * OD_NODE_PIECE_BYTES)
#define OD_NODE_NEWS_MAX 1024 // Of workers that come and go, by one line in OD_NODE_PING_MS,
#define OD_NODE_NEWS_BYTES (16u << 10)       // each of so many bytes.
#define OD_NODE_LINE_BYTES_MAX (4u << 20)    // Behind more in a line nothing is put, no link read.
#define OD_NODE_TAKEN_BYTES_MAX (256u << 10) // Behind more in a worker's link nothing is taken.
#define OD_TUNNEL_WINDOW_BYTES (256u << 10)  // The same of a tunnel.
#define OD_TUNNEL_OWED_BYTES (OD_TUNNEL_WINDOW_BYTES / 4)
#define OD_TUNNELS_MAX 65536 // Of one line.

#endif
