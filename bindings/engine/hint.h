// What to do about an error that is a habit from elsewhere: JavaScript's names, Cloudflare's, a dot
// where Lua wants a colon. LuaJIT says what was nil; who comes from there needs to hear what to
// write instead.

#ifndef OD_ENGINE_HINT_H
#define OD_ENGINE_HINT_H

#include "base/slice.h"

// A sentence for [message], LuaJIT's own; empty: there is nothing to add.
od_slice od_hint_find(od_slice message);

#endif
