// What has become of an object's events: how many there were, how long they ran, which was the
// last, and what went wrong. An operator sees it (object/inspection.h); nothing else depends on it.
//
// It is kept apart from the object, which most of the time has no use for it, and lives as long as
// the object's struct does. The history of one with errors stays behind: an object that fails falls
// asleep a few seconds later, and just then somebody asks why. The last OD_FAILED_MAX of these are
// kept, and taken up again when their object is there again.
//
// Process: workers. Owner: the object; those that stay behind, struct od_objects.

#ifndef OD_OBJECT_HISTORY_H
#define OD_OBJECT_HISTORY_H

#include "base/map.h"
#include "object/facts.h"
#include "object/objects.h"

struct od_trace;

#define OD_HISTORY_NAME_BYTES 40
#define OD_HISTORY_WHERE_BYTES 96
#define OD_HISTORY_ERROR_BYTES 300

struct od_object_history {
    uint64_t events;
    uint64_t errors;
    int64_t run_us;           // In Lua, all of them together,
    int64_t slowest_us;       // and the longest stretch of it.
    int64_t last_us;          // When the last began, by od_clock_passed_us.
    const char *last;         // Its name; NULL: there was none.
    char *method;             // That name, if it is a call's: OD_HISTORY_NAME_BYTES, or NULL.
    struct od_mishap *mishap; // NULL: none.
    struct od_trace *trace;   // NULL: nobody watches it (trace.h).
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
    struct od_object_history *history;
};

struct od_object_history *od_object_history_of(
    struct od_object *object); // Made, when it has none yet.

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
