#include "engine/frames.h"

#include <string.h>

#include "base/check.h"

enum {
    levels_near = 200, // Of a deep stack: looked at where the error was raised,
    levels_far = 20,   // and where the handler began.
};

static bool is_of_script(const lua_Debug *frame)
{
    return frame->source[0] != '=' && strcmp(frame->what, "C") != 0;
}

static int depth_of(lua_State *L)
{
    lua_Debug frame;
    int below = 0, above = 1; // The first is a level, the second is none.
    while (lua_getstack(L, above, &frame)) {
        below = above;
        above *= 2;
    }
    while (above - below > 1) {
        int middle = below + (above - below) / 2;
        if (lua_getstack(L, middle, &frame))
            below = middle;
        else
            above = middle;
    }
    return above;
}

static void pass_over(struct od_frames *frames)
{
    int far = depth_of(frames->L) - levels_far;
    frames->passed = far > frames->level ? far - frames->level : 0;
    frames->level += frames->passed;
}

bool od_frames_next(struct od_frames *frames, lua_Debug *frame)
{
    OD_ASSERT(frames->L != NULL);
    while (lua_getstack(frames->L, frames->level, frame)) {
        lua_getinfo(frames->L, "nSl", frame);
        frames->at = frames->level;
        if (++frames->level == levels_near)
            pass_over(frames);
        if (is_of_script(frame))
            return true;
    }
    return false;
}

static bool is_same(const lua_Debug *a, const lua_Debug *b)
{
    return a->currentline == b->currentline && a->linedefined == b->linedefined &&
           strcmp(a->source, b->source) == 0;
}

int od_frames_skip_repeated(struct od_frames *frames, const lua_Debug *frame)
{
    lua_Debug next;
    int count = 1;
    struct od_frames ahead = *frames;
    while (od_frames_next(&ahead, &next) && is_same(frame, &next)) {
        *frames = ahead;
        count++;
    }
    return count;
}
