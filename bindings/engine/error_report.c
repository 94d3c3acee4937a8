#include "engine/error_report.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/engine.h"
#include "engine/excerpt.h"
#include "engine/frames.h"
#include "engine/hint.h"
#include "engine/tail_call.h"
#include "value/raise.h"

enum {
    message_bytes_max = 8192,
    frames_max = 12,
    candidates_max = 8,
};

// --- Places --------------------------------------------------------------------------------------

void od_error_report_deinit(struct od_error_report *report)
{
    od_bytes_deinit(&report->text);
}

od_slice od_error_report_message(const struct od_error_report *report)
{
    return (od_slice){report->text.at, report->message_bytes};
}

od_slice od_error_report_whole(const struct od_error_report *report)
{
    return od_bytes_slice(&report->text);
}

static int read_number(od_slice text)
{
    int number = 0;
    for (size_t i = 0; i < text.size && isdigit((unsigned char)text.at[i]); i++) {
        if (number > INT_MAX / 10 - 1)
            return 0;
        number = number * 10 + (text.at[i] - '0');
    }
    return number;
}

// "lib/x.lua:12: ..." names a place if lib/x.lua is one of ours.
static struct od_place place_in_message(const struct od_engine *engine, od_slice message)
{
    const char *colon = message.size == 0 ? NULL : memchr(message.at, ':', message.size);
    if (colon == NULL)
        return (struct od_place){0};
    od_slice name = {message.at, (size_t)(colon - message.at)};
    int line = read_number(od_slice_from(message, name.size + 1));
    if (line == 0)
        return (struct od_place){0};
    return (struct od_place){od_sources_find(&engine->sources, name), line};
}

static const struct od_source *source_of(const struct od_engine *engine, const lua_Debug *frame)
{
    const char *name = frame->source[0] == '@' ? frame->source + 1 : frame->source;
    return od_sources_find(&engine->sources, od_slice_of(name));
}

static struct od_place place_of_stack(const struct od_engine *engine, lua_State *L)
{
    lua_Debug frame;
    struct od_frames frames = {.L = L};
    if (!od_frames_next(&frames, &frame) || frame.currentline <= 0)
        return (struct od_place){0};
    return (struct od_place){source_of(engine, &frame), frame.currentline};
}

static struct od_place find_place(const struct od_engine *engine, od_slice message, lua_State *L)
{
    struct od_place place = place_in_message(engine, message);
    return place.source == NULL && L != NULL ? place_of_stack(engine, L) : place;
}

static void note_place(struct od_error_report *report, struct od_place place)
{
    report->line = place.source == NULL ? 0 : place.line;
    if (place.source != NULL)
        snprintf(report->file, sizeof report->file, "%s", place.source->name);
}

static void put_hint(struct od_error_report *report, const struct od_engine *engine,
                     struct od_place place)
{
    od_slice line = {0};
    if (place.source != NULL && !od_source_line(place.source, place.line, &line))
        line.size = 0;
    struct od_bytes hint = {0}; // The message is in the report's own bytes, which may move.
    od_hint_put(&hint, &engine->classes, od_error_report_message(report), line);
    od_bytes_put_slice(&report->text, od_bytes_slice(&hint));
    od_bytes_deinit(&hint);
}

// --- The way there -------------------------------------------------------------------------------

static bool is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '.' || byte == ':';
}

// What a function is called where it is defined, "function Room:rename(": Lua itself only knows
// names by which functions were called.
static bool name_where_defined(const struct od_engine *engine, const lua_Debug *frame,
                               od_slice *name)
{
    static const char keyword[] = "function ";
    const struct od_source *source = source_of(engine, frame);
    od_slice line;
    if (source == NULL || !od_source_line(source, frame->linedefined, &line))
        return false;
    const char *found = memmem(line.at, line.size, keyword, sizeof keyword - 1);
    if (found == NULL)
        return false;
    const char *end = line.at + line.size;
    name->at = found + sizeof keyword - 1;
    for (name->size = 0; name->at + name->size < end && is_name_byte(name->at[name->size]);)
        name->size++;
    return name->size > 0;
}

static const char *how(bool is_first)
{
    return is_first ? "in" : "called from";
}

// --- Tail calls ----------------------------------------------------------------------------------

// `return od.Response(...)` is the usual end of a handler, and it leaves the stack before what it
// calls runs: an error that is raised at its caller's line has none. What can still be told is
// which lines of the handler may have been it.

// Shows them, unless there are too many, and returns how many there are.
static int put_lines(struct od_bytes *out, const struct od_engine *engine,
                     const lua_Debug *function)
{
    od_slice text;
    const struct od_source *source = source_of(engine, function);
    int count = source == NULL ? 0 : od_tail_call_count(source, function);
    int line = function->linedefined - 1;
    if (count == 0 || count > candidates_max)
        return count;
    int width = od_excerpt_width(function->lastlinedefined);
    while ((line = od_tail_call_next(source, function, line, &text)) != 0)
        od_excerpt_put_line(out, '>', width, line, text);
    return count;
}

// Whether a function of the script has gone between this frame, at [level], and the one above.
static bool has_lost(const struct od_engine *engine, lua_State *L, int level,
                     const lua_Debug *frame, lua_Debug *function)
{
    od_slice line;
    const struct od_source *source = source_of(engine, frame);
    return source != NULL && od_source_line(source, frame->currentline, &line) &&
           od_tail_call_lost(L, level, line, function);
}

// One that was called where the stack ends.
static bool find_lost(const struct od_engine *engine, lua_State *L, lua_Debug *function)
{
    lua_Debug frame;
    struct od_frames frames = {.L = L};
    return L != NULL && od_frames_next(&frames, &frame) &&
           has_lost(engine, L, frames.at, &frame, function);
}

static void put_lost(struct od_bytes *out, const struct od_engine *engine, bool is_first,
                     const lua_Debug *function)
{
    const struct od_source *source = source_of(engine, function);
    int count = source == NULL ? 0 : od_tail_call_count(source, function);
    od_bytes_printf(out, "\n  %s function '%.400s' (%s:%d), by ", how(is_first), function->name,
                    function->short_src, function->linedefined);
    if (count > 1)
        od_bytes_printf(out, "one of its %d `return f(...)`, which keep no line", count);
    else
        od_bytes_printf(out, "its `return f(...)`, which keeps no line");
}

// Those of the handler; none when a line of the script is known.
static int put_candidates(struct od_bytes *out, const struct od_engine *engine, lua_State *L,
                          const struct od_error_entry *entry)
{
    lua_Debug frame;
    struct od_frames frames = {.L = L};
    if (L == NULL || !entry->has_function || od_frames_next(&frames, &frame))
        return 0;
    return put_lines(out, engine, &entry->function);
}

static bool is_entry(const lua_Debug *frame, const struct od_error_entry *entry)
{
    const lua_Debug *function = &entry->function;
    return entry->has_function && frame->linedefined == function->linedefined &&
           strcmp(frame->source, function->source) == 0;
}

static void put_function(struct od_bytes *out, const struct od_engine *engine,
                         const lua_Debug *frame, const struct od_error_entry *entry)
{
    od_slice name;
    if (strcmp(frame->what, "main") == 0)
        od_bytes_printf(out, "the file itself");
    else if (is_entry(frame, entry))
        od_bytes_printf(out, "%s", entry->name);
    else if (frame->name != NULL)
        od_bytes_printf(out, "function '%.400s'", frame->name);
    else if (name_where_defined(engine, frame, &name))
        od_bytes_printf(out, "function '%.*s'", (int)(name.size < 400 ? name.size : 400), name.at);
    else
        od_bytes_printf(out, "a function");
}

// The frame that raised an error of its own has no line any more; the message has it.
static int line_of(const lua_Debug *frame, bool is_first, struct od_place place)
{
    return frame->currentline > 0 ? frame->currentline : is_first ? place.line : 0;
}

static void put_count(struct od_bytes *out, int count, int passed)
{
    if (passed > 0 && count > 1)
        od_bytes_printf(out, " about %d times", count + passed);
    else if (count > 1)
        od_bytes_printf(out, " %d times", count);
}

// Whether the frame the walk is at was called by one that has gone. The name of it is the other's.
static bool has_a_name_of_others(const struct od_engine *engine, const struct od_frames *frames)
{
    lua_Debug below, lost;
    struct od_frames ahead = *frames;
    return od_frames_next(&ahead, &below) && ahead.at == frames->at + 1 &&
           has_lost(engine, frames->L, ahead.at, &below, &lost);
}

struct way {
    int shown;          // Frames.
    bool ends_in_entry; // The last of them is the entry's own.
};

static struct way put_frames(struct od_bytes *out, const struct od_engine *engine, lua_State *L,
                             const struct od_error_entry *entry, struct od_place place)
{
    struct way way = {0, false};
    lua_Debug frame, lost;
    struct od_frames frames = {.L = L};
    for (; L != NULL && od_frames_next(&frames, &frame); way.shown++) {
        if (way.shown < frames_max && has_lost(engine, L, frames.at, &frame, &lost))
            put_lost(out, engine, way.shown++ == 0, &lost);
        if (has_a_name_of_others(engine, &frames))
            frame.name = NULL;
        way.ends_in_entry = is_entry(&frame, entry);
        int line = line_of(&frame, way.shown == 0, place);
        int passed = frames.passed;
        int count = od_frames_skip_repeated(&frames, &frame);
        if (way.shown >= frames_max && !way.ends_in_entry)
            continue;
        od_bytes_printf(out, "\n  %s ", how(way.shown == 0));
        put_function(out, engine, &frame, entry);
        od_bytes_printf(out, line > 0 ? " (%s:%d)" : " (%s)", frame.short_src, line);
        put_count(out, count, frames.passed - passed);
    }
    return way;
}

static void put_rest(struct od_error_report *report, const struct od_engine *engine, lua_State *L,
                     const struct od_error_entry *entry)
{
    struct od_bytes *out = &report->text;
    report->message_bytes = out->size;
    struct od_place place = find_place(engine, od_bytes_slice(out), L);
    note_place(report, place);
    od_excerpt_put(out, place, od_error_report_message(report));
    lua_Debug lost;
    if (find_lost(engine, L, &lost))
        (void)put_lines(out, engine, &lost);
    put_hint(report, engine, place);
    int candidates = place.source == NULL ? put_candidates(out, engine, L, entry) : 0;
    struct way way = put_frames(out, engine, L, entry, place);
    if (!way.ends_in_entry && entry->has_function)
        od_bytes_printf(out, "\n  %s %s (%s:%d)", how(way.shown == 0), entry->name,
                        entry->function.short_src, entry->function.linedefined);
    if (candidates > 1)
        od_bytes_printf(out, ", by one of its %d `return f(...)`, which keep no line", candidates);
}

// --- The message ---------------------------------------------------------------------------------

static int call_tostring(lua_State *L)
{
    if (!luaL_callmeta(L, 1, "__tostring"))
        lua_pushnil(L);
    return 1;
}

// What the value's own __tostring says; false when it has none that works.
static bool put_own_text(struct od_bytes *out, struct od_engine *engine, lua_State *L)
{
    lua_State *aside = engine->L;
    lua_pushcfunction(aside, call_tostring);
    lua_pushvalue(L, -1);
    lua_xmove(L, aside, 1);
    bool ok = lua_pcall(aside, 1, 1, 0) == 0 && lua_type(aside, -1) == LUA_TSTRING;
    size_t size;
    const char *text = ok ? lua_tolstring(aside, -1, &size) : NULL;
    if (ok)
        od_bytes_put(out, text, size < message_bytes_max ? size : message_bytes_max);
    lua_pop(aside, 1);
    return ok;
}

static bool put_string(struct od_bytes *out, lua_State *L)
{
    if (!lua_isstring(L, -1))
        return false;
    size_t size;
    lua_pushvalue(L, -1); // lua_tolstring turns a number into a string in its place.
    const char *text = lua_tolstring(L, -1, &size);
    od_bytes_put(out, text, size < message_bytes_max ? size : message_bytes_max);
    lua_pop(L, 1);
    return true;
}

static bool put_message_field(struct od_bytes *out, lua_State *L)
{
    if (lua_type(L, -1) != LUA_TTABLE)
        return false;
    lua_pushliteral(L, "message");
    lua_rawget(L, -2);
    bool ok = put_string(out, L);
    lua_pop(L, 1);
    return ok;
}

static bool is_noted(const struct od_engine *engine, lua_State *L)
{
    if (engine->way.size == 0)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, engine->way_ref);
    bool is_same_value = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    return is_same_value;
}

// Its allocations are the engine's and do not fail.
void od_error_report_note(lua_State *L)
{
    struct od_engine *engine = od_engine_of(L);
    if (is_noted(engine, L))
        return; // Raised again by a transaction inside this one.
    engine->memory.is_capped = false;
    struct od_error_entry entry = engine->entry_of(engine, engine->task);
    struct od_error_report report = {0};
    (void)put_string(&report.text, L);
    put_rest(&report, engine, L, &entry);
    od_bytes_clear(&engine->way);
    od_bytes_put_slice(&engine->way,
                       od_slice_from(od_error_report_whole(&report), report.message_bytes));
    od_error_report_deinit(&report);
    lua_pushvalue(L, -1);
    lua_rawseti(L, LUA_REGISTRYINDEX, engine->way_ref);
    engine->memory.is_capped = true;
}

void od_error_report_value(struct od_error_report *report, struct od_engine *engine, lua_State *L,
                           const struct od_error_entry *entry)
{
    struct od_bytes *out = &report->text;
    od_bytes_clear(out);
    if (!put_string(out, L) && !put_message_field(out, L) && !put_own_text(out, engine, L))
        od_bytes_printf(out, "the error value is %s%s", od_describe(L, -1),
                        lua_type(L, -1) == LUA_TTABLE ? " without a field `message`" : "");
    if (!is_noted(engine, L)) {
        put_rest(report, engine, L, entry);
        return;
    }
    report->message_bytes = out->size;
    note_place(report, find_place(engine, od_bytes_slice(out), NULL));
    od_bytes_put_slice(out, od_bytes_slice(&engine->way));
}

void od_error_report_text(struct od_error_report *report, struct od_engine *engine, lua_State *L,
                          const struct od_error_entry *entry, const char *text)
{
    od_bytes_clear(&report->text);
    if (L == NULL && entry->has_function)
        od_bytes_printf(&report->text, "%s:%d: ", entry->function.short_src,
                        entry->function.linedefined);
    od_bytes_put_slice(&report->text, od_slice_of(text));
    put_rest(report, engine, L, entry);
}
