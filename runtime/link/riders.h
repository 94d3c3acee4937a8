// The descriptors of a link: those that wait for the message they ride on, and those that have come
// and wait for theirs.
//
// One call of the system takes many of them, and a call with one costs nearly as much. So messages
// that follow each other leave together with all their descriptors: these go with the first byte of
// the first message that has one, and its head says how many they are. It has to, for the kernel
// drops those for which the receiver has no room, and says only that it did: without the number
// nobody would know to which messages those that came belong.
//
// Owner: embedded in the link, which says when they leave and come.

#ifndef OD_LINK_RIDERS_H
#define OD_LINK_RIDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define OD_RIDERS_MAX 32 // In one call.

struct od_rider {  // A descriptor that waits for the byte it rides on.
    size_t offset; // In what the link sends: the first byte of its message.
    int fd;
    bool is_lent; // Its owner keeps it open; others are closed once they have left.
};

struct od_riders {
    struct od_rider *out; // In order of [offset]; those before [out_first] have left.
    size_t out_first, out_count, out_capacity;
    int *in; // Arrived, not yet claimed; -1: for the rest of its call there was no room.
    size_t in_count, in_capacity;
    uint32_t call_left; // So many of the call that is being claimed were not yet.
};

union od_riders_control { // Of one call.
    char bytes[CMSG_SPACE(OD_RIDERS_MAX * sizeof(int))];
    struct cmsghdr align;
};

void od_riders_check(const struct od_riders *riders);
void od_riders_deinit(struct od_riders *riders); // Closes those that are its own.

// Takes [rider], whose message is the last so far.
void od_riders_put(struct od_riders *riders, struct od_rider rider);
bool od_riders_lends(const struct od_riders *riders, int fd); // It is lent, and has not left.

// How many leave together with the byte at [offset], and where the first begins that does not;
// [size]: there is none.
size_t od_riders_leaving(const struct od_riders *riders, size_t offset);
size_t od_riders_next(const struct od_riders *riders, size_t leaving, size_t size);

// Puts the next [leaving] into [message]; and: they have left.
void od_riders_board(const struct od_riders *riders, size_t leaving, struct msghdr *message,
                     union od_riders_control *control);
void od_riders_left(struct od_riders *riders, size_t leaving);
void od_riders_drop_out(struct od_riders *riders);            // Those that have not left will not.
void od_riders_shift(struct od_riders *riders, size_t count); // So many bytes went from in front.

// Takes what has come with [message]; whether anything has.
bool od_riders_arrive(struct od_riders *riders, struct msghdr *message);

// The descriptor of a message, whose head says how many have left with it as the first; 0: it is
// not. -1: there was no room for it. False: it makes no sense.
bool od_riders_claim(struct od_riders *riders, uint8_t with_it, int *fd);

// Whether those that are there may belong to messages to come, of which one [has_begun] or none.
bool od_riders_are_wanted(const struct od_riders *riders, bool has_begun);

#endif
