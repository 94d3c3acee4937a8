#include "object/script.h"

#include "base/cursor.h"

// Behind the place of the one with [name] in its [column], or [name] itself.
static od_slice find(const struct od_script *script, od_slice name, int column)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&script->renamed));
    while (!od_cursor_at_end(&cursor)) {
        od_slice pair[2];
        pair[0] = od_cursor_string(&cursor);
        pair[1] = od_cursor_string(&cursor);
        if (od_slice_equal(pair[column], name))
            return pair[1 - column];
    }
    return name;
}

od_slice od_script_stored_name(const struct od_script *script, od_slice called)
{
    return find(script, called, 1);
}

od_slice od_script_called_name(const struct od_script *script, od_slice stored)
{
    return find(script, stored, 0);
}
