#include "node/passage.h"

#include "base/cursor.h"
#include "link/failure.h"
#include "link/invocation.h"
#include "link/request.h"
#include "link/response.h"
#include "object/names/call_message.h"

struct passing {
    struct od_bytes *body;
    od_passage_turn *turn;
    void *owner;
};

// The u32 at [offset].
static bool turn_at(const struct passing *passing, size_t offset)
{
    struct od_cursor cursor = od_cursor_of(od_slice_from(od_bytes_slice(passing->body), offset));
    uint32_t worker = od_cursor_u32(&cursor);
    OD_ASSERT(!cursor.failed);
    if (!passing->turn(passing->owner, &worker))
        return false;
    od_bytes_set_u32(passing->body, offset, worker);
    return true;
}

// The same; one that is not known is nobody.
static bool turn_known(const struct passing *passing, size_t offset)
{
    if (!turn_at(passing, offset))
        od_bytes_set_u32(passing->body, offset, UINT32_MAX);
    return true;
}

// The same; without a meaning it is 0.
static bool turn_if(const struct passing *passing, size_t offset, bool has_meaning)
{
    if (!has_meaning)
        od_bytes_set_u32(passing->body, offset, 0);
    return !has_meaning || turn_at(passing, offset);
}

// A request is read piece by piece from the worker that it names, behind four strings.
static bool pass_request(const struct passing *passing, od_slice message)
{
    struct od_request request;
    struct od_cursor cursor = od_cursor_of(message);
    if (!od_request_read(message, &request))
        return false;
    for (int i = 0; i < 4; i++)
        (void)od_cursor_string(&cursor);
    return turn_if(passing, (size_t)(cursor.at - passing->body->at), request.stream != 0);
}

// A list is of the worker that it names.
static bool pass_list(const struct passing *passing, od_slice message)
{
    return message.size >= 4 && turn_at(passing, (size_t)(message.at - passing->body->at));
}

static bool pass_call(const struct passing *passing)
{
    struct od_call_message message;
    struct od_invocation invocation;
    if (passing->body->size < 8 ||
        !od_call_read_message(od_slice_from(od_bytes_slice(passing->body), 8), &message))
        return false;
    if (message.kind == OD_CALL_FETCH)
        return pass_request(passing, message.body);
    if (message.kind == OD_CALL_LIST)
        return pass_list(passing, message.body);
    return od_invocation_read(message.body, &invocation); // Of another object, or of an operator.
}

static bool pass_response(const struct passing *passing, od_slice message)
{
    struct od_response response;
    if (!od_response_read(message, &response))
        return false;
    bool is_alone = response.socket == 0 && response.stream == 0;
    // Behind its status and what comes with it.
    return turn_if(passing, (size_t)(message.at - passing->body->at) + 3, !is_alone);
}

static bool pass_reply(const struct passing *passing)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(passing->body));
    struct od_failure failure;
    (void)od_cursor_u64(&cursor);
    uint8_t outcome = od_cursor_u8(&cursor);
    od_slice rest = od_cursor_rest(&cursor);
    if (cursor.failed)
        return false;
    if (outcome == OD_OUTCOME_RESPONSE)
        return pass_response(passing, rest);
    return outcome == OD_OUTCOME_RESULTS ||
           (outcome == OD_OUTCOME_FAILURE && od_failure_read(rest, &failure));
}

static bool has_size(const struct passing *passing, size_t least, size_t most)
{
    return passing->body->size >= least && passing->body->size <= most;
}

static bool pass_number(const struct passing *passing)
{
    return has_size(passing, 8, 8);
}

static bool pass_numbers(const struct passing *passing)
{
    return has_size(passing, 16, 16);
}

static bool pass_end(const struct passing *passing)
{
    return has_size(passing, 9, 9);
}

// u64 edge, u8 moved, u64 count, u32 worker, who need not be known on the other side.
static bool pass_gone(const struct passing *passing)
{
    return has_size(passing, 21, 21) && turn_known(passing, 17);
}

static bool pass_bytes(const struct passing *passing)
{
    return has_size(passing, 8, SIZE_MAX);
}

// u64 call, u32 worker, three u64, u32 worker, u64, u32 (object/deadlock.c).
static bool pass_probe(const struct passing *passing)
{
    return has_size(passing, 8 + 4 + 24 + 4 + 8 + 4, SIZE_MAX) && turn_at(passing, 8) &&
           turn_at(passing, 36);
}

// u64 edge, u64 count, u32 worker, who need not be known on the other side, and more.
static bool pass_attach(const struct passing *passing)
{
    return has_size(passing, 20, SIZE_MAX) && turn_known(passing, 16);
}

bool od_passage(enum od_kind kind, struct od_bytes *body, od_passage_turn *turn, void *owner)
{
    static bool (*const passages[OD_KIND_COUNT])(const struct passing *) = {
        [OD_KIND_CALL] = pass_call,           [OD_KIND_REPLY] = pass_reply,
        [OD_KIND_CALL_CANCEL] = pass_number,  [OD_KIND_CALL_LEFT] = pass_number,
        [OD_KIND_PROBE] = pass_probe,         [OD_KIND_DEADLOCKED] = pass_bytes,
        [OD_KIND_STREAM_OPEN] = pass_numbers, [OD_KIND_STREAM_TAKEN] = pass_numbers,
        [OD_KIND_STREAM_LEFT] = pass_number,  [OD_KIND_STREAM_PIECE] = pass_bytes,
        [OD_KIND_STREAM_END] = pass_end,      [OD_KIND_EDGE] = pass_numbers,
        [OD_KIND_EDGE_FACTS] = pass_bytes,    [OD_KIND_EDGE_GONE] = pass_gone,
        [OD_KIND_EDGE_ATTACH] = pass_attach,  [OD_KIND_UPGRADE] = pass_bytes,
    };
    struct passing passing = {body, turn, owner};
    return kind < OD_KIND_COUNT && passages[kind] != NULL && passages[kind](&passing);
}
