#include "engine/hint.h"

#include <string.h>

#include "base/bytes.h"

// What LuaJIT says, up to the value it was.
static const struct {
    od_slice said;
    od_slice hint;
} hints[] = {
    {OD_SLICE("local 'self' (a nil value)"), OD_SLICE("call it with a colon: object:method(...)")},
    {OD_SLICE("global 'self' (a nil value)"),
     OD_SLICE("define it with a colon: function Class:method(...)")},
    {OD_SLICE("global 'od' (a nil value)"), OD_SLICE("local od = require \"open-do\"")},
    {OD_SLICE("global 'state' (a nil value)"), OD_SLICE("it is self.state")},
    {OD_SLICE("global 'env' (a nil value)"), OD_SLICE("it is self.env")},
    {OD_SLICE("field 'ctx' (a nil value)"), OD_SLICE("what Cloudflare calls ctx is self.state")},
    {OD_SLICE("global 'ctx' (a nil value)"), OD_SLICE("what Cloudflare calls ctx is self.state")},
    {OD_SLICE("field 'storage' (a nil value)"), OD_SLICE("storage is self.state.storage")},
    {OD_SLICE("global 'storage' (a nil value)"), OD_SLICE("storage is self.state.storage")},
    {OD_SLICE("global 'console' (a nil value)"),
     OD_SLICE("print(...), od.log.info(...) and od.log.error(...) write to the log")},
    {OD_SLICE("global 'JSON' (a nil value)"),
     OD_SLICE("od.json.encode(value) and od.json.decode(text)")},
    {OD_SLICE("global 'Date' (a nil value)"), OD_SLICE("od.now() is the time in milliseconds")},
    {OD_SLICE("global 'Response' (a nil value)"), OD_SLICE("it is od.Response")},
    {OD_SLICE("global 'fetch' (a nil value)"), OD_SLICE("it is od.fetch")},
    {OD_SLICE("global 'setTimeout' (a nil value)"), OD_SLICE("it is od.setTimeout")},
    {OD_SLICE("global 'WebSocketPair' (a nil value)"), OD_SLICE("it is od.WebSocketPair")},
    {OD_SLICE("global 'crypto' (a nil value)"),
     OD_SLICE("od.randomUUID(), od.randomBytes(n), od.sha256(text)")},
};

od_slice od_hint_find(od_slice message)
{
    const char *newline = message.size == 0 ? NULL : memchr(message.at, '\n', message.size);
    if (newline != NULL)
        message.size = (size_t)(newline - message.at);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        od_slice said = hints[i].said;
        if (message.size > said.size &&
            od_slice_equal(od_slice_from(message, message.size - said.size), said))
            return hints[i].hint;
    }
    return (od_slice){0};
}
