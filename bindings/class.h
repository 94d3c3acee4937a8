// A class of a script, ready to be used: the table whose functions handle the events of a
// namespace's objects.
//
// Its handlers are looked up once, when the script is loaded, by an ordinary look-up that follows
// inheritance. So no event pays for it, and an instance cannot change what handles its events.
//
// Owner: struct od_engine; each version of a script has classes of its own.

#ifndef OD_BINDINGS_CLASS_H
#define OD_BINDINGS_CLASS_H

#include <stddef.h>

#include <lua.h>

#include "object/event.h"

struct od_namespace;

enum od_handler {
    OD_HANDLER_CONSTRUCTOR,
    OD_HANDLER_FETCH,
    OD_HANDLER_MESSAGE,
    OD_HANDLER_CLOSE,
    OD_HANDLER_ERROR,
    OD_HANDLER_COUNT,
    OD_HANDLER_TIMER = OD_HANDLER_COUNT, // No function of the class, but one given to setTimeout.
    OD_HANDLER_KINDS,
};

struct od_class {
    const struct od_namespace *namespace;
    int metatable_ref;              // Of instances: { __index = class }.
    int handlers[OD_HANDLER_COUNT]; // References of functions, or LUA_NOREF.
};

struct od_classes {
    struct od_class *at;
    size_t size;
};

void od_classes_deinit(struct od_classes *classes); // The references die with the state.

const char *od_handler_name(enum od_handler handler); // As scripts write it: "webSocketMessage".
enum od_handler od_handler_of(const struct od_event *event); // NULL: the constructor.

// Checks the class on top of the stack, leaves it there and adds it. Raises when it has a handler
// that is no function, or whose name is spelt in another case.
void od_class_add(lua_State *L, const struct od_namespace *namespace);

// NULL when the script has no such namespace.
struct od_class *od_class_find(const struct od_classes *classes,
                               const struct od_namespace *namespace);

#endif
