// What to do about an error that is a habit from elsewhere: JavaScript's names, Cloudflare's, a dot
// where Lua wants a colon. LuaJIT says what was nil; who comes from there needs to hear what to
// write instead. And about a name that `env` does not have: Lua says nothing of those it has.

#ifndef OD_ENGINE_HINT_H
#define OD_ENGINE_HINT_H

#include "base/bytes.h"
#include "engine/class.h"

// Puts a line with a sentence for [message], LuaJIT's own, which was raised at [line] of the source
// (empty: not known); nothing when there is nothing to add.
void od_hint_put(struct od_bytes *out, const struct od_classes *classes, od_slice message,
                 od_slice line);

#endif
