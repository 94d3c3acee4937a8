// A class of a script, ready to be used: the table whose functions handle the events of a
// namespace's objects.
//
// Its handlers are looked up once, when the script is loaded, by an ordinary look-up that follows
// inheritance. So no event pays for it, and an instance cannot change what handles its events.
//
// Its other functions are methods, which other objects call by name. Which names those are is not
// known before (a class may make its functions in a metamethod), so each is looked up in the same
// way when it is first called, and remembered. Fields of `self` are never looked at.
//
// Owner: struct od_engine; each version of a script has classes of its own.

#ifndef OD_ENGINE_CLASS_H
#define OD_ENGINE_CLASS_H

#include <stddef.h>

#include <lua.h>

#include "base/check.h"
#include "base/slice.h"
#include "object/parts/event.h"

struct od_namespace;

enum od_handler {
    OD_HANDLER_CONSTRUCTOR,
    OD_HANDLER_FETCH,
    OD_HANDLER_MESSAGE,
    OD_HANDLER_OPEN,
    OD_HANDLER_CLOSE,
    OD_HANDLER_EVENTS_CLOSE,
    OD_HANDLER_ERROR,
    OD_HANDLER_ALARM,
    OD_HANDLER_COUNT,
    OD_HANDLER_METHOD = OD_HANDLER_COUNT, // Any other function, called by its name.
    OD_HANDLER_SCHEDULE,                  // The same, called at a stored time.
    OD_HANDLER_TIMER,                     // No function of the class: one given to setTimeout.
    OD_HANDLER_LEFT,                      // The same: those given to request:onAbort.
    OD_HANDLER_BRANCH,                    // The same: one given to od.all.
    OD_HANDLER_COMMAND,                   // Nor this: one of ours (lua/engine/commands.lua).
    OD_HANDLER_KINDS,
};

struct od_class {
    const struct od_namespace *namespace;
    bool streams;                   // Its fetch wants to read bodies while they come.
    int metatable_ref;              // Of instances: { __index = class }.
    int methods_ref;                // Table: name -> function, of those called so far.
    int handlers[OD_HANDLER_COUNT]; // References of functions, or LUA_NOREF.
    bool has_missed[OD_HANDLER_COUNT];
};

struct od_classes {
    struct od_class *at;
    size_t size;
};

void od_classes_deinit(struct od_classes *classes); // The references die with the state.

enum od_handler od_handler_of(const struct od_event *event); // NULL: the constructor.

// Checks the class on top of the stack, leaves it there and adds it. Raises when it has a handler
// that is no function, or whose name is spelt in another case.
void od_class_add(lua_State *L, const struct od_namespace *namespace);

// NULL when objects may call a method of that name; else why not, as what follows the name in a
// sentence: "is a reserved method ...".
const char *od_method_refusal(od_slice name);

// Pushes the method [name], or nothing and returns false when there is none. Runs code of the
// script where a class has metamethods; never raises.
OD_MUST_CHECK bool od_class_push_method(lua_State *L, const struct od_class *class, od_slice name);

// The same for a method that the object itself asked for by its name, which may begin with _.
OD_MUST_CHECK bool od_class_push_own(lua_State *L, const struct od_class *class, od_slice name);

// The method of the class itself that may have been meant by [name], which it does not have, or
// NULL. The class keeps it. Runs no code of the script.
const char *od_class_nearest(lua_State *L, const struct od_class *class, od_slice name);

// An event came for a handler that the class does not have. The first time the log says which of
// its functions may be that one, misspelt: otherwise its author would see nothing happen at all.
void od_class_miss(lua_State *L, struct od_class *class, enum od_handler handler,
                   const char *label);

// NULL when the script has no such namespace.
struct od_class *od_class_find(const struct od_classes *classes,
                               const struct od_namespace *namespace);

#endif
