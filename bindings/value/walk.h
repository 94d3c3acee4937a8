// A walk through a value of a script by an encoder: how deep it is, whether it goes in a circle,
// and, when something is wrong, where: ".users[3].socket".
//
// The path costs nothing while all is well: it is put together backwards, by each level that
// returns false on the way out.
//
// Lua error free, except that od_walk_enter may raise when the Lua stack cannot grow.

#ifndef OD_VALUE_WALK_H
#define OD_VALUE_WALK_H

#include <lua.h>

#include "base/check.h"
#include "base/error.h"

#define OD_WALK_PATH_BYTES_MAX 256
#define OD_WALK_DEPTH_LIMIT 1000 // What [depth_max] can be at most.

struct od_walk {
    const char *verb; // "store", "encode": what the encoder is about to do.
    int depth_max;
    int depth;
    bool is_cut;       // The path is full: its outer end is "...".
    size_t path_start; // In [path]; the path is what is from here on.
    char problem[OD_WALK_PATH_BYTES_MAX];
    char path[OD_WALK_PATH_BYTES_MAX + 1];
    const void *open[OD_WALK_DEPTH_LIMIT]; // The tables around the current place.
};

void od_walk_init(struct od_walk *walk, const char *verb, int depth_max);

// Before and after the fields of the table at [index]. Enter makes room for 8 stack slots. False,
// with the problem noted, when the table is one of those around it or too deep; then no leave.
OD_MUST_CHECK bool od_walk_enter(struct od_walk *walk, lua_State *L, int index);
void od_walk_leave(struct od_walk *walk);

// Notes what is wrong at the current place. Return false.
bool od_walk_fail(struct od_walk *walk, const char *format, ...) OD_PRINTF(2, 3);
bool od_walk_fail_type(struct od_walk *walk, lua_State *L, int index); // "cannot store a thread"

// On the way out: the place so far is below the key at [index] (a string or a number). Returns
// false.
bool od_walk_below(struct od_walk *walk, lua_State *L, int index);

// The problem and the place as an error. [root] is what a path begins with that begins with a name:
// "." or nothing. Returns false.
bool od_walk_report(const struct od_walk *walk, const char *root, struct od_error *err);

#endif
