// The text of every file a script was loaded from, as it was then.
//
// An error shows the line it happened on. The file may have been edited since, so the text is kept
// and not read again.
//
// Owner: embedded in struct od_engine.

#ifndef OD_ENGINE_SOURCES_H
#define OD_ENGINE_SOURCES_H

#include "base/bytes.h"

struct od_source {
    char *name; // "chat.lua", "lib/x.lua": as errors name it.
    struct od_bytes text;
};

struct od_sources {
    struct od_source *at;
    size_t size;
};

void od_sources_deinit(struct od_sources *sources); // Zeroed memory is a valid start.

void od_sources_put(struct od_sources *sources, const char *name, od_slice text); // Replaces.

// The text of [name], or NULL.
const struct od_source *od_sources_find(const struct od_sources *sources, od_slice name);

// A line, counted from 1, without its end; false when there is none of that number.
bool od_source_line(const struct od_source *source, int number, od_slice *line);

#endif
