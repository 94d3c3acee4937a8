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
    OD_TAKEOVER_BASE,     // What the next program needs to begin (struct od_takeover).
    OD_TAKEOVER_SCRIPT,   // The version that is served, with its files.
    OD_TAKEOVER_WORKERS,  // The last numbers of lives and batches, which none may have again.
    OD_TAKEOVER_OBJECTS,  // What the keeper has of objects: automatic answers and limits.
    OD_TAKEOVER_SOCKETS,  // What it has of sockets: descriptors, and where their peers are.
    OD_TAKEOVER_ARRIVALS, // HTTP connections at the door, with what was read of them.
    OD_TAKEOVER_REFUSALS, // Objects in quarantine.
    OD_TAKEOVER_TLS,      // The process in which TLS ends, and those before it: they stay.
    OD_TAKEOVER_ADMIN,    // The sockets of the admin listener, not its connections.
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
