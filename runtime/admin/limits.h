// What the admin process allows those who ask it.

#ifndef OD_ADMIN_LIMITS_H
#define OD_ADMIN_LIMITS_H

#define OD_ADMIN_CONNECTIONS_MAX 256          // At once; one more is hung up.
#define OD_ADMIN_QUESTIONS_MAX 64             // That main has not answered: less than main takes.
#define OD_ADMIN_BODY_BYTES_MAX (4u << 20)    // Of a request.
#define OD_ADMIN_MESSAGE_BYTES_MAX (1u << 20) // Of a WebSocket.
#define OD_ADMIN_SEND_BYTES_MAX (4u << 20) // Waiting for one who does not read; then he is closed.
#define OD_ADMIN_PUSH_BYTES_MAX (256u << 10) // The same, beyond which nothing new is pushed to him.
#define OD_ADMIN_TICK_MS 1000

#endif
