// The parts of a takeover's record, one for each that has something to hand over; described in
// takeover.h.

#ifndef OD_MAIN_TAKEOVER_PARTS_H
#define OD_MAIN_TAKEOVER_PARTS_H

#include "base/bytes.h"
#include "base/check.h"
#include "base/cursor.h"

struct od_listeners;
struct od_server;

enum od_takeover_section {
    OD_TAKEOVER_BASE,
    OD_TAKEOVER_SCRIPT,
    OD_TAKEOVER_WORKERS,
    OD_TAKEOVER_OBJECTS,
    OD_TAKEOVER_SOCKETS,
    OD_TAKEOVER_ARRIVALS,
    OD_TAKEOVER_REFUSALS,
    OD_TAKEOVER_TLS,
    OD_TAKEOVER_ADMIN,
    OD_TAKEOVER_SECTION_COUNT,
};

struct od_takeover_writing {
    struct od_bytes record;
    struct od_bytes fds; // (u32)*: that the next program needs.
};

struct od_takeover_part {
    void (*put)(struct od_takeover_writing *writing, struct od_server *server);
    // What was put. False: it makes no sense.
    bool (*take)(struct od_server *server, struct od_cursor *cursor);
};

extern const struct od_takeover_part od_takeover_parts[OD_TAKEOVER_SECTION_COUNT];

// A descriptor that the next program needs, or -1; and the other way round.
void od_takeover_put_fd(struct od_takeover_writing *writing, int fd);
int od_takeover_take_fd(struct od_cursor *cursor);

// To the end of the section.
void od_takeover_put_listeners(struct od_takeover_writing *writing,
                               const struct od_listeners *listeners);
void od_takeover_take_listeners(struct od_listeners *listeners, struct od_cursor *cursor);

#endif
