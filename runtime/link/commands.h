// What an operator can ask of an object, in one table: the name, what it does, and what is sent
// with it. Whoever asks takes names from here; main notes in the log who changed something; the
// worker answers.
//
// A command goes to its object as a call of the kind OD_CALL_COMMAND (object/call.h): its name and
// behind it what is sent, as link/invocation.h says. Those that *look* are answered from what is
// stored and what the worker knows (object/operator/look.h), and those that *act* do something to
// the object's instance or to all of it; neither wakes the object. Those that *write* are events:
// they pass the inbox like any other, and a function of ours handles them
// (lua/engine/commands.lua).
//
// Notation: as in kinds.h; values are bindings/value/value.h, facts link/facts.h.

#ifndef OD_LINK_COMMANDS_H
#define OD_LINK_COMMANDS_H

#include "base/slice.h"

#define OD_COMMANDS(COMMAND)                                                                       \
    COMMAND("object", LOOKS, "nothing; gives facts")                                               \
    COMMAND("events", LOOKS, "nothing; gives facts of each of the last, and watches on (trace.h)") \
    COMMAND("inside", LOOKS, "nothing; gives facts of its class and its instance (script.h)")      \
    COMMAND("kv.list", LOOKS,                                                                      \
            "str prefix, str start after, u32 limit; gives (str key, str value)*")                 \
    COMMAND("kv.get", LOOKS, "str key; gives the same, one or none")                               \
    COMMAND("mark", LOOKS,                                                                         \
            "u64 number of before, or 0; gives that again: nothing was stored since; or another")  \
    COMMAND("sql.read", LOOKS,                                                                     \
            "a query that only reads; gives its rows (object/operator/look_sql.h)")                \
    COMMAND(                                                                                       \
        "database.get", LOOKS,                                                                     \
        "u32 number of a page, u64 mark of the answer before, or 0; gives u64 mark, u32 count "    \
        "of all pages, the bytes of as many as it has room for")                                   \
    COMMAND("schedules.list", LOOKS, "nothing; gives facts of each (object/parts/schedule.h)")     \
    COMMAND("sockets.list", LOOKS, "u32 limit or nothing; gives facts of each in turn")            \
    COMMAND("sockets.watch", LOOKS,                                                                \
            "u64 number of the last message one has, or 0; gives facts of each behind it (tap.h)") \
    COMMAND("hibernate", ACTS, "nothing: the instance goes once its handlers have ended")          \
    COMMAND("evict", ACTS, "nothing: the instance goes at once, its sockets stay")                 \
    COMMAND("reset", ACTS, "nothing: the same, and its sockets are cut")                           \
    COMMAND("delete", ACTS, "nothing: the same, and all it has stored is deleted")                 \
    COMMAND("database.delete", ACTS, "nothing: the instance goes at once, and the database")       \
    COMMAND("database.put", ACTS,                                                                  \
            "u32 number of a page, str it and those behind it; the first page last of all")        \
    COMMAND("schedules.put", ACTS,                                                                 \
            "str name, u64 ms since 1970, its body (object/parts/schedule.h)")                     \
    COMMAND("kv.put", WRITES, "values: key and value in turn")                                     \
    COMMAND("kv.delete", WRITES, "values: keys; gives how many were there")                        \
    COMMAND("sql", WRITES,                                                                         \
            "values: statements, bindings; gives names of columns, rows as arrays, how many were " \
            "read and written")                                                                    \
    COMMAND("alarm.set", WRITES, "values: ms since 1970")                                          \
    COMMAND("alarm.run", WRITES, "nothing: it is due at once, also when none was set")             \
    COMMAND("alarm.delete", WRITES, "nothing")                                                     \
    COMMAND("sockets.send", WRITES, "values: number of the socket, message, whether it is binary") \
    COMMAND("sockets.close", WRITES, "values: number of the socket, code, reason")

enum od_command_effect {
    OD_COMMAND_UNKNOWN,
    OD_COMMAND_LOOKS,
    OD_COMMAND_ACTS,
    OD_COMMAND_WRITES,
};

enum od_command_effect od_command_effect(od_slice name);

// Whether [invocation], which goes along with a command (link/invocation.h), is one that does not
// write.
bool od_command_is_look(od_slice invocation);

#endif
