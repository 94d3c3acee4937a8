#include "engine/hint.h"

#include <string.h>

#include "object/names/route.h"
#include "object/objects.h"

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
    {OD_SLICE("field 'searchParams' (a nil value)"),
     OD_SLICE("request.url is a string; its query is request.query.NAME")},
    {OD_SLICE("field 'pathname' (a nil value)"),
     OD_SLICE("request.url is a string; its path is request.path, its parts are those of "
              "od.url.parse(request.url)")},
};

static bool ends_with(od_slice text, od_slice end)
{
    return text.size > end.size && od_slice_equal(od_slice_from(text, text.size - end.size), end);
}

static od_slice find(od_slice message, od_slice line)
{
    static const char get_of_query[] = "query:get(";
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (ends_with(message, hints[i].said))
            return hints[i].hint;
    }
    if (line.size > 0 && ends_with(message, OD_SLICE("method 'get' (a nil value)")) &&
        memmem(line.at, line.size, get_of_query, sizeof get_of_query - 1) != NULL)
        return OD_SLICE("request.query is a table: request.query.NAME");
    return (od_slice){0};
}

// Of "... field 'roomz' (a nil value)" the name, where the line has env.roomz; else empty.
static od_slice missing_in_env(od_slice message, od_slice line)
{
    static const char before[] = "field '", after[] = "' (a nil value)", env[] = "env.";
    const size_t env_size = sizeof env - 1;
    const char *end =
        message.size == 0 ? NULL : memmem(message.at, message.size, after, sizeof after - 1);
    const char *begin =
        end == NULL ? NULL
                    : memmem(message.at, (size_t)(end - message.at), before, sizeof before - 1);
    if (begin == NULL)
        return (od_slice){0};
    begin += sizeof before - 1;
    od_slice name = {begin, (size_t)(end - begin)};
    const char *found = name.size == 0 ? NULL : memmem(line.at, line.size, begin, name.size);
    bool is_of_env = found != NULL && (size_t)(found - line.at) >= env_size &&
                     memcmp(found - env_size, env, env_size) == 0;
    return is_of_env ? name : (od_slice){0};
}

static void put_missing(struct od_bytes *out, const struct od_classes *classes, od_slice name)
{
    od_bytes_printf(out, "\n  hint: env has no '%.*s'; namespaces: ", (int)name.size, name.at);
    const char *comma = "";
    for (size_t i = 0; i < classes->size; i++) {
        od_slice called = od_namespace_called(classes->at[i].namespace);
        if (!od_namespace_name_is_valid(called)) // One of ours, for `crons`.
            continue;
        od_bytes_printf(out, "%s%.*s", comma, (int)called.size, called.at);
        comma = ", ";
    }
    od_bytes_put_slice(out, OD_SLICE("; --var and --var-file give it variables"));
}

void od_hint_put(struct od_bytes *out, const struct od_classes *classes, od_slice message,
                 od_slice line)
{
    const char *newline = message.size == 0 ? NULL : memchr(message.at, '\n', message.size);
    if (newline != NULL)
        message.size = (size_t)(newline - message.at);
    od_slice hint = find(message, line);
    od_slice name = line.size == 0 ? (od_slice){0} : missing_in_env(message, line);
    if (hint.size > 0)
        od_bytes_printf(out, "\n  hint: %.*s", (int)hint.size, hint.at);
    else if (name.size > 0)
        put_missing(out, classes, name);
}
