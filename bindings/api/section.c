#include "api/section.h"

#include "api/state.h"
#include "engine/embedded.h"
#include "engine/engine.h"
#include "engine/error_report.h"
#include "engine/failure.h"
#include "engine/mishap.h"
#include "object/section.h"
#include "value/raise.h"

static const char block[] = "blockConcurrencyWhile";

// enter(state, fn): the number for `leave` and `fail`.
static int enter(lua_State *L)
{
    od_state_self(L, block);
    od_check_function(L, 2, block);
    uint64_t number = od_section_enter(od_engine_of(L)->task, block);
    if (number == 0)
        od_raise(L, "blockConcurrencyWhile() calls are nested too deeply.");
    lua_pushnumber(L, (lua_Number)number);
    return 1;
}

static uint64_t number_of(lua_State *L)
{
    return (uint64_t)lua_tonumber(L, 1);
}

// leave(number). The function may have come back from a coroutine that was kept for too long.
static int leave(lua_State *L)
{
    od_engine_object(L, block);
    if (!od_section_leave(od_engine_of(L)->task, number_of(L)))
        od_raise(L, "%s: the instance this was called in is gone", block);
    return 0;
}

// What the value's own __tostring says, in its place.
static int text_of(lua_State *L)
{
    if (luaL_callmeta(L, 1, "__tostring"))
        lua_replace(L, 1);
    lua_settop(L, 1);
    return 1;
}

static void make_text(lua_State *L)
{
    lua_pushcfunction(L, text_of);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0) == 0)
        lua_replace(L, 1);
    lua_settop(L, 1);
}

// Pushes the failure (link/failure.h) that callers get.
static void push_failure(lua_State *L, const struct od_error_report *report,
                         const struct od_bytes *fields)
{
    struct od_bytes record = {0};
    od_failure_put(&record, &(struct od_failure){.message = od_error_report_message(report),
                                                 .fields = od_bytes_slice(fields)});
    lua_pushlstring(L, record.at, record.size);
    od_bytes_deinit(&record);
}

// note_error(err) -> failure: the handler of xpcall. Its allocations are the engine's and do not
// fail.
static int note_error(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    struct od_error_entry entry = {.name = block};
    struct od_error_report report = {0};
    struct od_bytes fields = {0};
    if (engine->task == NULL)
        return 1;
    lua_settop(L, 1);
    engine->memory.is_capped = false;
    od_failure_put_fields(&fields, L, L);
    engine->memory.is_capped = true; // For the script's own __tostring.
    make_text(L);
    engine->memory.is_capped = false;
    od_error_report_value(&report, engine, L, &entry);
    od_mishap_tell(engine->task->object, block, &report);
    push_failure(L, &report, &fields);
    od_bytes_deinit(&fields);
    od_error_report_deinit(&report);
    engine->memory.is_capped = true;
    return 1;
}

// fail(number, failure): does not come back. Instead of a failure there is something else when
// `note_error` had no room to run.
static int fail(lua_State *L)
{
    od_engine_object(L, block);
    struct od_failure why;
    od_slice record = {NULL, 0};
    if (lua_type(L, 2) == LUA_TSTRING)
        record.at = lua_tolstring(L, 2, &record.size);
    if (!od_failure_read(record, &why))
        why = (struct od_failure){.message = OD_SLICE("an error in blockConcurrencyWhile")};
    if (!od_section_has_number(od_engine_of(L)->task, number_of(L)))
        od_raise(L, "%.*s", (int)why.message.size, why.message.at);
    return od_state_give_up(L, block, OD_WAIT_RESET, &why);
}

void od_lib_section_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"enter", enter},
                                         {"leave", leave},
                                         {"fail", fail},
                                         {"note_error", note_error},
                                         {NULL, NULL}};
    od_embedded_put_native(L, "section", functions);
}
