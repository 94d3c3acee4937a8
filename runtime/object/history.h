// What has become of an object's events: how many there were, how long they ran, which was the
// last, and what went wrong. An operator sees it (object/operator/inspection.h); nothing else
// depends on it.
//
// It is part of the object's struct and lives as long as that. The history of one with errors stays
// behind: an object that fails falls asleep a few seconds later, and just then somebody asks why.
// The last OD_FAILED_MAX of these are kept, and taken up again when their object is there again.
//
// Process: workers. Owner: the object; those that stay behind, struct od_objects.

#ifndef OD_OBJECT_HISTORY_H
#define OD_OBJECT_HISTORY_H

#include "base/list.h"
#include "base/map.h"
#include "link/facts.h"
#include "object/names/id.h"
#include "object/parts/event.h"
#include "store/identity.h"

struct od_object;
struct od_objects;
struct od_trace;

#define OD_HISTORY_NAME_BYTES 40
#define OD_HISTORY_WHERE_BYTES 96
#define OD_HISTORY_ERROR_BYTES 300

struct od_object_history {
    uint64_t events;
    int64_t last_us;              // When the last began, by od_clock_passed_us,
    uint8_t last;                 // and its kind.
    uint32_t slowest_us;          // The longest stretch in Lua,
    int64_t run_us;               // and all of them together.
    struct od_history_odds *odds; // NULL: none.
};

struct od_history_odds { // What many objects never have.
    uint64_t errors;
    char method[OD_HISTORY_NAME_BYTES]; // Of the last event, if it was a call.
    struct od_mishap *mishap;           // NULL: none.
    struct od_trace *trace;             // NULL: nobody watches it (trace.h).
};

struct od_mishap { // The last error.
    int64_t at_us;
    char where[OD_HISTORY_WHERE_BYTES]; // "chat.lua:44"; empty: in no line of the script.
    char text[OD_HISTORY_ERROR_BYTES];
};

// One that stayed behind.
struct od_failed {
    struct od_map_node by_id;
    struct od_list link;         // Longest behind first.
    struct od_identity identity; // Its name is its own.
    struct od_object_history history;
};

struct od_history_odds *od_object_history_odds(
    struct od_object *object); // Made, if there are none.
uint64_t od_object_history_errors(const struct od_object *object);

// An event begins, and a stretch of Lua is over. The entry has no history.
void od_object_history_begin(struct od_object *object, const struct od_event *event);
void od_object_history_ran(struct od_object *object, int64_t us);

// Something went wrong, in the line [where] ("chat.lua:44") of the script or in none. Of [text] the
// first line counts.
void od_object_history_error(struct od_object *object, od_slice where, od_slice text);

void od_object_history_put(struct od_bytes *facts,
                           const struct od_object_history *history); // NULL: nothing.

// The object's struct goes, and it is made again.
void od_object_history_leave(struct od_object *object);
void od_object_history_return(struct od_object *object);
const struct od_failed *od_object_history_find_failed(const struct od_objects *objects,
                                                      const od_id *id);
void od_object_history_forget_all(struct od_objects *objects);

#endif
