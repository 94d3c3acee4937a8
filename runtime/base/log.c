#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/log_sink.h"

enum {
    last_count = 16,
    last_bytes = 256
};

static struct {
    enum od_log_format format;
    enum od_log_level level;
    bool has_colours;
    struct od_bytes line;
    struct od_bytes json;   // The same for machines, when it is not that.
    struct od_bytes recent; // Lines for machines, oldest first.
    void (*heard)(void *owner, od_slice line);
    void *owner;
    char last[last_count][last_bytes];
    unsigned next;
    uint64_t unread, excess; // Lines that were dropped and not yet told.
    int64_t told_us;
    int64_t budget; // Bytes that may be written now.
    int64_t filled_us;
} state = {.level = OD_LOG_INFO, .budget = OD_LOG_BURST_BYTES};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const level_labels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

// Of a terminal, by what is coloured.
static const char dim[] = "\033[2m", cyan[] = "\033[36m", plain[] = "\033[0m";
static const char green[] = "\033[32m", yellow[] = "\033[33m", red[] = "\033[1;31m";
static const char *const level_colours[] = {dim, green, yellow, red};
static const char *const status_colours[] = {plain, dim, green, cyan, yellow, red}; // By class.

struct accent { // A part of a message in a colour of its own.
    size_t from;
    size_t to;
    const char *colour;
};

void od_log_setup(enum od_log_format format, enum od_log_level level)
{
    state.format = format;
    state.level = level;
    od_log_sink_open();
}

void od_log_use_colours(bool is_on)
{
    state.has_colours = is_on;
}

bool od_log_is_on(enum od_log_level level)
{
    return level >= state.level;
}

bool od_log_level_parse(const char *text, enum od_log_level *level)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *level = (enum od_log_level)i;
            return true;
        }
    }
    return false;
}

static void put_text(struct od_bytes *line, od_slice text)
{
    od_bytes_put_slice(line, text);
}

static void put_time(struct od_bytes *line, bool json)
{
    od_time_ms now = od_clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm parts;
    char text[40];
    size_t size;
    if (json)
        size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &parts));
    else
        size = strftime(text, sizeof text, "%H:%M:%S", localtime_r(&seconds, &parts));
    od_bytes_put(line, text, size);
    size = (size_t)snprintf(text, sizeof text, ".%03d", (int)(now % 1000));
    od_bytes_put(line, text, size);
}

static void put_colour(struct od_bytes *line, const char *colour)
{
    if (state.has_colours)
        put_text(line, od_slice_of(colour));
}

static void put_message(struct od_bytes *line, od_slice message, const struct accent *accent)
{
    if (accent == NULL) {
        od_escape_put_text(line, message);
        return;
        OD_ASSERT(accent->from <= accent->to);
        OD_ASSERT(accent->to <= message.size);
    }
    od_escape_put_text(line, (od_slice){message.at, accent->from});
    put_colour(line, accent->colour);
    od_escape_put_text(line, (od_slice){message.at + accent->from, accent->to - accent->from});
    put_colour(line, plain);
    od_escape_put_text(line, od_slice_from(message, accent->to));
}

static void put_text_line(struct od_bytes *line, const struct od_log_line *what,
                          const struct accent *accent)
{
    enum od_log_level level = what->level;
    od_slice object = what->object;
    put_colour(line, dim);
    put_time(line, false);
    put_colour(line, plain);
    put_text(line, OD_SLICE(" "));
    put_colour(line, level_colours[level]);
    put_text(line, od_slice_of(level_labels[level]));
    put_colour(line, plain);
    put_text(line, OD_SLICE(" "));
    if (object.size > 0) {
        put_colour(line, cyan);
        od_escape_put_text(line, object);
        put_colour(line, plain);
        put_text(line, OD_SLICE("  "));
    }
    put_message(line, what->message, accent);
    od_escape_put_text(line, what->shown);
}

static void put_json_line(struct od_bytes *line, const struct od_log_line *what)
{
    put_text(line, OD_SLICE("{\"time\":\""));
    put_time(line, true);
    put_text(line, OD_SLICE("Z\",\"level\":\""));
    put_text(line, od_slice_of(level_names[what->level]));
    if (what->object.size > 0) {
        put_text(line, OD_SLICE("\",\"object\":\""));
        od_escape_put_json(line, what->object);
    }
    put_text(line, OD_SLICE("\",\"message\":\""));
    od_escape_put_json(line, what->message);
    put_text(line, OD_SLICE("\""));
    put_text(line, what->fields);
    put_text(line, OD_SLICE("}"));
}

static void remember(od_slice line)
{
    char *place = state.last[state.next++ % last_count];
    size_t size = line.size < last_bytes - 1 ? line.size : last_bytes - 1;
    memcpy(place, line.at, size);
    place[size] = '\0';
}

static void make_line(const struct od_log_line *what, const struct accent *accent)
{
    struct od_bytes *line = &state.line;
    od_bytes_clear(line);
    if (state.format == OD_LOG_JSON)
        put_json_line(line, what);
    else
        put_text_line(line, what, accent);
    remember(od_bytes_slice(line));
    od_bytes_put_u8(line, '\n');
}

// --- For whoever looks on ------------------------------------------------------------------------

// The first lines go, half of all at a time, so that not every line moves all others.
static void make_room(size_t size)
{
    struct od_bytes *recent = &state.recent;
    if (recent->size + size <= OD_LOG_RECENT_BYTES)
        return;
    size_t from = recent->size / 2;
    const char *end = from == 0 ? NULL : memchr(recent->at + from, '\n', recent->size - from);
    size_t kept = end == NULL ? 0 : (size_t)(recent->at + recent->size - end) - 1;
    if (kept > 0)
        memmove(recent->at, end + 1, kept);
    recent->size = kept;
}

static void show(const struct od_log_line *what)
{
    struct od_bytes *json = &state.json;
    od_bytes_clear(json);
    put_json_line(json, what);
    od_bytes_put_u8(json, '\n');
    if (json->size <= OD_LOG_RECENT_BYTES / 4) {
        make_room(json->size);
        od_bytes_put_slice(&state.recent, od_bytes_slice(json));
    }
    if (state.heard != NULL)
        state.heard(state.owner, od_bytes_slice(json));
}

void od_log_listen(void (*heard)(void *owner, od_slice line), void *owner)
{
    state.heard = heard;
    state.owner = owner;
}

void od_log_put_recent(struct od_bytes *lines)
{
    od_bytes_put_slice(lines, od_bytes_slice(&state.recent));
}

// --- What is dropped -----------------------------------------------------------------------------

static bool has_budget(void)
{
    int64_t now_us = od_clock_passed_us();
    int64_t passed_us = now_us - state.filled_us;
    state.filled_us = now_us;
    if (passed_us > 1000000LL * OD_LOG_BURST_BYTES / OD_LOG_BYTES_PER_SECOND)
        state.budget = OD_LOG_BURST_BYTES;
    else
        state.budget += passed_us * OD_LOG_BYTES_PER_SECOND / 1000000;
    if (state.budget > OD_LOG_BURST_BYTES)
        state.budget = OD_LOG_BURST_BYTES;
    return state.budget > 0;
}

static void tell_dropped(void)
{
    char text[200];
    int size =
        snprintf(text, sizeof text,
                 "log: %llu lines were dropped: %llu because nobody read the log, %llu beyond "
                 "%u MiB a second",
                 (unsigned long long)state.unread + state.excess, (unsigned long long)state.unread,
                 (unsigned long long)state.excess, OD_LOG_BYTES_PER_SECOND >> 20);
    make_line(&(struct od_log_line){.level = OD_LOG_WARN, .message = {text, (size_t)size}}, NULL);
    if (!od_log_sink_write(od_bytes_slice(&state.line), 0))
        return; // Again later, and more.
    state.unread = state.excess = 0;
    state.told_us = od_clock_passed_us();
}

void od_log_settle(bool at_end)
{
    if (state.unread + state.excess == 0)
        return;
    if (at_end || od_clock_passed_us() - state.told_us >= OD_LOG_TELL_MS * 1000LL)
        tell_dropped();
}

static void write_line(const struct od_log_line *what, const struct accent *accent)
{
    if (!od_log_is_on(what->level))
        return;
    od_log_settle(false);
    if (!has_budget()) {
        state.excess++;
        return;
    }
    make_line(what, accent);
    show(what);
    state.budget -= (int64_t)state.line.size;
    // When nobody reads the log any more, that is no reason to stop serving.
    if (!od_log_sink_write(od_bytes_slice(&state.line), 0))
        state.unread++;
}

void od_log_slice(enum od_log_level level, od_slice object, od_slice message)
{
    write_line(&(struct od_log_line){.level = level, .object = object, .message = message}, NULL);
}

void od_log_put(const struct od_log_line *line)
{
    write_line(line, NULL);
}

void od_log_request(const char *object, od_slice what, unsigned status, double ms, od_slice fields)
{
    unsigned class = status / 100;
    struct accent accent = {.from = what.size + 1, .colour = status_colours[class < 6 ? class : 0]};
    struct od_bytes text = {0};
    char end[64];
    int digits = snprintf(end, sizeof end, " %u", status);
    accent.to = what.size + (size_t)digits;
    snprintf(end + digits, sizeof end - (size_t)digits, " %.1f ms", ms);
    od_bytes_put_slice(&text, what);
    od_bytes_put_slice(&text, od_slice_of(end));
    struct od_log_line line = {.level = OD_LOG_INFO,
                               .object = od_slice_of(object),
                               .message = od_bytes_slice(&text),
                               .fields = fields};
    write_line(&line, &accent);
    od_bytes_deinit(&text);
}

void od_log(enum od_log_level level, const char *object, const char *format, ...)
{
    if (!od_log_is_on(level))
        return;
    char text[8192];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    od_log_slice(level, od_slice_of(object), (od_slice){text, used});
}

size_t od_log_put_last(char *text, size_t room)
{
    OD_ASSERT(room > 0);
    size_t size = 0;
    for (unsigned i = 0; i < last_count; i++) {
        const char *line = state.last[(state.next + i) % last_count];
        int added = line[0] == '\0' ? 0 : snprintf(text + size, room - size, "    %s\n", line);
        if (added < 0 || (size_t)added >= room - size)
            break;
        size += (size_t)added;
    }
    return size;
}
