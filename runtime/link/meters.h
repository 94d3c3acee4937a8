// What a worker counts, for those who watch the program: in its page (worker_page.h), so that main
// reads it without asking. All of it only grows, and is nothing but numbers of 64 bits: what the
// lives of a worker have counted can be added up.
//
// Counting is a few additions an event. Names are those of the facts in which main passes it on
// (main/operator/metrics.h); what they are called to the world stands in
// lua/open-do/admin/metrics.lua.
//
// Process: the worker writes, main reads. [meters] may be NULL where nobody counts.

#ifndef OD_LINK_METERS_H
#define OD_LINK_METERS_H

#include <stdbool.h>
#include <stdint.h>

#define OD_METERS(METER)                                                                           \
    METER(answers1) /* Answers to requests, by the first digit of their status. */                 \
    METER(answers2)                                                                                \
    METER(answers3)                                                                                \
    METER(answers4)                                                                                \
    METER(answers5)                                                                                \
    METER(refusals) /* Requests that no script has seen: malformed, too large, too slow. */        \
    METER(messagesIn)                                                                              \
    METER(messagesOut)                                                                             \
    METER(bytesIn) /* Of messages, as scripts see them. */                                         \
    METER(bytesOut)                                                                                \
    METER(fetchesOk)                                                                               \
    METER(fetchesFailed)                                                                           \
    METER(slowReaders)  /* Limits met: sockets closed with 1013, */                                \
    METER(diskBehind)   /* times that scripts waited for the disk, */                              \
    METER(memoryRelief) /* and that idle instances went because memory was full. */                \
    METER(resets)       /* Instances that were dropped with what they had not stored. */           \
    METER(busyUs)       /* Time in turns. */

#define OD_METER_EVENTS(EVENT)                                                                     \
    EVENT(constructor)                                                                             \
    EVENT(fetch)                                                                                   \
    EVENT(call)                                                                                    \
    EVENT(command)                                                                                 \
    EVENT(message)                                                                                 \
    EVENT(open)                                                                                    \
    EVENT(close)                                                                                   \
    EVENT(error)                                                                                   \
    EVENT(alarm)                                                                                   \
    EVENT(timer)

enum od_meter {
#define OD_METER_ENUM(name) OD_METER_##name,
    OD_METERS(OD_METER_ENUM)
#undef OD_METER_ENUM
    OD_METER_COUNT
};

enum od_meter_event {
#define OD_METER_ENUM(name) OD_METER_EVENT_##name,
    OD_METER_EVENTS(OD_METER_ENUM)
#undef OD_METER_ENUM
    OD_METER_EVENT_COUNT
};

// How long things take. Bounds in microseconds; one more bucket is for what is longer.
#define OD_METER_BOUNDS_US                                                                         \
    {                                                                                              \
        100, 300, 1000, 3000, 10000, 30000, 100000, 300000, 1000000, 3000000, 10000000, 30000000   \
    }
#define OD_METER_BUCKETS 13

struct od_meter_times {
    uint64_t buckets[OD_METER_BUCKETS]; // Each without those below it.
    uint64_t sum_us;
};

struct od_meters {
    uint64_t numbers[OD_METER_COUNT];
    uint64_t events[OD_METER_EVENT_COUNT][2]; // Well, and failed.
    struct od_meter_times queue;              // Of an event, from its arrival until Lua runs,
    struct od_meter_times run;                // of Lua, between two waits,
    struct od_meter_times commit;             // of writes, until they are on disk.
};

void od_meters_count(struct od_meters *meters, enum od_meter meter, uint64_t count);
void od_meters_event(struct od_meters *meters, enum od_meter_event event, bool has_failed);
void od_meters_time(struct od_meter_times *times, int64_t us);
void od_meters_add(struct od_meters *sum, const struct od_meters *more);

// What [meter] and [event] are called.
const char *od_meter_name(enum od_meter meter);
const char *od_meter_event_name(enum od_meter_event event);

#endif
