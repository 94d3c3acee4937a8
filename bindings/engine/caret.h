// The caret under a source line: which word of it an error is about.
//
// LuaJIT tells the line of an error and not the column, but it names what it stumbled over: "near
// 'end'", "index local 'x'". If that word is in the line, and only once, it is the one.

#ifndef OD_ENGINE_CARET_H
#define OD_ENGINE_CARET_H

#include "base/slice.h"

// The part of [line] that [message] is about; empty: nobody knows.
od_slice od_caret_find(od_slice line, od_slice message);

#endif
