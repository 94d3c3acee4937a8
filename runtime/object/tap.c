#include "object/tap.h"

#include <string.h>

#include "object/trace.h"

struct message {
    uint64_t number; // From 1 on; 0: none.
    uint64_t socket;
    int64_t at_us;
    size_t size;
    enum od_tap_kind kind;
    uint16_t code;
    bool is_binary;
    char shown[OD_TAP_SHOWN_BYTES];
};

struct od_tap {
    uint64_t last;
    struct message messages[OD_TAP_MESSAGES]; // Each at its number, modulo.
};

static const char *const kinds[] = {
    [OD_TAP_IN] = "in", [OD_TAP_OUT] = "out", [OD_TAP_CLOSED] = "closed", [OD_TAP_CLOSE] = "close"};

static struct od_tap *tap_of(const struct od_object *object)
{
    struct od_trace *trace = od_trace_of(object);
    return trace == NULL ? NULL : trace->tap;
}

static size_t shown_size(size_t size)
{
    return size < OD_TAP_SHOWN_BYTES ? size : OD_TAP_SHOWN_BYTES;
}

void od_tap_note(const struct od_socket *socket, enum od_tap_kind kind, uint16_t code,
                 od_slice bytes, bool is_binary)
{
    struct od_tap *tap = tap_of(socket->object);
    if (tap == NULL)
        return;
    struct message *message = &tap->messages[++tap->last % OD_TAP_MESSAGES];
    message->number = tap->last;
    message->socket = socket->id;
    message->at_us = od_clock_passed_us();
    message->size = bytes.size;
    message->kind = kind;
    message->code = code;
    message->is_binary = is_binary;
    if (bytes.size > 0)
        memcpy(message->shown, bytes.at, shown_size(bytes.size));
}

static void put_message(struct od_bytes *facts, const struct message *message)
{
    int64_t ago_us = od_clock_passed_us() - message->at_us;
    od_facts_number(facts, "number", message->number);
    od_facts_number(facts, "socket", message->socket);
    od_facts_number(facts, "ms", (uint64_t)(od_clock_wall_ms() - ago_us / 1000));
    od_facts_text(facts, "kind", od_slice_of(kinds[message->kind]));
    if (message->code != 0)
        od_facts_number(facts, "code", message->code);
    od_facts_number(facts, "binary", message->is_binary);
    od_facts_number(facts, "bytes", message->size);
    od_facts_text(facts, "shown", (od_slice){message->shown, shown_size(message->size)});
    od_facts_end(facts);
}

bool od_tap_watch(struct od_object *object, struct od_cursor *sent, struct od_bytes *facts,
                  struct od_error *err)
{
    uint64_t after = od_cursor_u64(sent);
    if (!od_trace_watch(object, err))
        return false;
    struct od_trace *trace = od_trace_of(object);
    if (trace->tap == NULL)
        trace->tap = od_allocate_zeroed(sizeof *trace->tap);
    const struct od_tap *tap = trace->tap;
    uint64_t first = tap->last < OD_TAP_MESSAGES ? 1 : tap->last - OD_TAP_MESSAGES + 1;
    if (after > tap->last) // Of a time when somebody else watched.
        after = 0;
    for (uint64_t number = after < first ? first : after + 1; number <= tap->last; number++)
        put_message(facts, &tap->messages[number % OD_TAP_MESSAGES]);
    return true;
}
