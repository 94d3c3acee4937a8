#include "link/commands.h"

#include "link/invocation.h"

enum od_command_effect od_command_effect(od_slice name)
{
    static const struct {
        const char *name;
        enum od_command_effect effect;
    } rows[] = {
#define OD_COMMAND_ROW(name, effect, sent) {name, OD_COMMAND_##effect},
        OD_COMMANDS(OD_COMMAND_ROW)
#undef OD_COMMAND_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (od_slice_equal(name, od_slice_of(rows[i].name)))
            return rows[i].effect;
    }
    return OD_COMMAND_UNKNOWN;
}

bool od_command_is_look(od_slice bytes)
{
    struct od_invocation invocation;
    return od_invocation_read(bytes, &invocation) &&
           od_command_effect(invocation.method) != OD_COMMAND_WRITES;
}
