#include "net/websocket.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/upgrade_record.h"
#include "link/worker_page.h"
#include "net/websocket_state.h"

#define VANISHED OD_SLICE("WebSocket disconnected without sending Close frame.")

enum {
    code_normal = 1000,
    code_vanished = 1006, // Told to the object, never sent.
};

_Static_assert(sizeof(struct od_websocket) <= 120 || sizeof(void *) != 8,
               "most are idle: what one has only for a while is od_amid, od_held or its decoder");

void od_websocket_check(const struct od_websocket *websocket)
{
    OD_ASSERT(websocket->wire == NULL || !websocket->is_over);
    OD_ASSERT(websocket->wire == NULL || websocket->wire->owner == websocket);
    const struct od_amid *amid = websocket->amid;
    OD_ASSERT(websocket->wire == NULL || amid == NULL || amid->early.size == 0);
    OD_ASSERT(amid == NULL || amid->coming_bytes <= websocket->net->coming_bytes);
    OD_ASSERT(websocket->held == NULL || websocket->held->websocket == websocket);
    OD_ASSERT(websocket->place == OD_PAGE_NO_PLACE || websocket->place < OD_PAGE_SOCKETS_MAX);
    OD_ASSERT((websocket->url == NULL) == (websocket->url_size + websocket->protocol_size == 0));
    OD_ASSERT(!websocket->is_freed || websocket->is_reading);
}

// Ends. Each takes the state as far as it goes, and tells the object last. The decoder stays until
// the struct goes: the end may come in an event whose payload lies in it.

static void be_over(struct od_websocket *websocket)
{
    websocket->is_over = true;
    websocket->wire = NULL;
    od_keepalive_stop(&websocket->keepalive);
    if (websocket->held != NULL)
        od_list_remove(&websocket->held->line);
    od_websocket_touch(websocket);
    if (websocket->amid != NULL)
        od_bytes_deinit(&websocket->amid->early);
    od_websocket_clear_deadline(websocket);
}

void od_websocket_tell_closed(const struct od_websocket *websocket, uint16_t code, od_slice reason,
                              bool was_clean)
{
    struct od_net *net = websocket->net;
    net->events->closed(net->owner, websocket->holder, websocket->is_relay, code, reason,
                        was_clean);
}

void od_websocket_vanish(struct od_websocket *websocket)
{
    od_websocket_check(websocket);
    bool was_over = websocket->is_over;
    od_websocket_abort(websocket);
    if (!was_over && !websocket->peer_has_closed)
        od_websocket_tell_closed(websocket, code_vanished, VANISHED, false);
}

void od_websocket_abort(struct od_websocket *websocket)
{
    if (websocket->wire != NULL)
        od_wire_abort(websocket->wire);
    be_over(websocket);
}

// What waits is still sent; then the connection ends.
void od_websocket_let_go(struct od_websocket *websocket)
{
    if (websocket->wire != NULL)
        od_wire_close(websocket->wire);
    be_over(websocket);
}

// The end of the stream without Close, though nothing is lost of what was put before. Behind a
// Close it is in order: the object's last words and our Close still go out.
static void on_half_ended(void *owner)
{
    struct od_websocket *websocket = owner;
    if (websocket->peer_has_closed)
        return;
    od_websocket_let_go(websocket);
    od_websocket_tell_closed(websocket, code_vanished, VANISHED, false);
}

static void on_ended(void *owner)
{
    struct od_websocket *websocket = owner;
    websocket->wire = NULL;
    od_websocket_vanish(websocket);
}

// Sending.

static struct od_bytes *frames_out(struct od_websocket *websocket)
{
    od_websocket_touch(websocket);
    return websocket->wire != NULL ? od_wire_out(websocket->wire)
                                   : &od_websocket_amid(websocket)->early;
}

static __attribute__((noinline)) void mask(struct od_net *net, struct od_bytes *out, size_t mark)
{
    od_frame_mask(out, mark, od_masks_next(&net->masks));
}

// A client masks each frame with a key of its own.
static inline void put_end(const struct od_websocket *websocket, struct od_bytes *out, size_t mark)
{
    OD_ASSERT(mark < out->size);
    if (websocket->is_client)
        mask(websocket->net, out, mark);
}

inline void od_websocket_put(struct od_websocket *websocket, enum od_frame_opcode opcode,
                             bool is_compressed, od_slice payload)
{
    struct od_bytes *out = frames_out(websocket);
    size_t mark = out->size;
    od_frame_put(out, opcode, is_compressed, payload);
    put_end(websocket, out, mark);
}

void od_websocket_put_close(struct od_websocket *websocket, uint16_t code, od_slice reason)
{
    if (websocket->is_events) // Its end is that of the connection.
        return;
    struct od_bytes *out = frames_out(websocket);
    size_t mark = out->size;
    od_frame_put_close(out, code, reason);
    put_end(websocket, out, mark);
}

size_t od_websocket_buffered_bytes(const struct od_websocket *websocket)
{
    if (websocket->wire != NULL)
        return od_wire_waiting_bytes(websocket->wire);
    return websocket->amid == NULL ? 0 : websocket->amid->early.size;
}

bool od_websocket_is_client(const struct od_websocket *websocket)
{
    return websocket->is_client;
}

bool od_websocket_can_send(const struct od_websocket *websocket)
{
    return !websocket->has_closed && !websocket->is_over;
}

// Nobody is slow because one message is large: the largest of those that wait does not count.
static bool may_wait(const struct od_websocket *websocket, size_t bytes)
{
    return bytes <= websocket->net->limits.socket_send_queue_bytes_max + websocket->largest_bytes;
}

// A reader may be slow only by what one turn put: before it is given up, the kernel is asked.
OD_SELDOM static bool has_room_now(struct od_websocket *websocket)
{
    if (websocket->wire != NULL)
        od_wire_send_now(websocket->wire);
    return may_wait(websocket, od_websocket_buffered_bytes(websocket));
}

bool od_websocket_has_room(struct od_websocket *websocket)
{
    return may_wait(websocket, od_websocket_buffered_bytes(websocket)) || has_room_now(websocket);
}

OD_SELDOM static void give_up_reader(struct od_websocket *websocket)
{
    OD_ASSERT(!websocket->has_closed);
    od_slice reason = OD_SLICE("The reader is too slow");
    od_websocket_put_close(websocket, OD_CLOSE_TRY_AGAIN, reason);
    od_websocket_let_go(websocket);
    if (!websocket->peer_has_closed)
        od_websocket_tell_closed(websocket, OD_CLOSE_TRY_AGAIN, reason, false);
}

// Whether a message of [size] bytes may be put now; a reader that is too slow is closed here.
static bool may_put(struct od_websocket *websocket, size_t size)
{
    if (!od_websocket_can_send(websocket))
        return false;
    size_t waiting = od_websocket_buffered_bytes(websocket);
    if (waiting == 0)
        websocket->largest_bytes = 0;
    bool all_have_room = websocket->wire == NULL || od_wire_can_hold(websocket->wire, size);
    if (!all_have_room || !(may_wait(websocket, waiting) || has_room_now(websocket))) {
        give_up_reader(websocket);
        return false;
    }
    if (size > websocket->largest_bytes)
        websocket->largest_bytes = (uint32_t)size;
    od_meters_count(websocket->net->meters, OD_METER_messagesOut, 1);
    od_meters_count(websocket->net->meters, OD_METER_bytesOut, size);
    return true;
}

static __attribute__((noinline)) bool put_compressed(struct od_websocket *websocket,
                                                     od_slice payload, enum od_frame_opcode opcode)
{
    struct od_bytes deflated = {0};
    od_deflate_message(websocket->net->deflate, payload, &deflated);
    bool pays = deflated.size < payload.size;
    if (pays)
        od_websocket_put(websocket, opcode, true, od_bytes_slice(&deflated));
    od_bytes_deinit(&deflated);
    return pays;
}

inline void od_websocket_send(struct od_websocket *websocket, od_slice payload, bool is_binary)
{
    enum od_frame_opcode opcode = is_binary ? OD_FRAME_BINARY : OD_FRAME_TEXT;
    if (!may_put(websocket, payload.size))
        return;
    if (websocket->is_events)
        od_bytes_put_slice(frames_out(websocket), payload);
    else if (!od_deflate_is_worth_it(payload.size, websocket->window_bits) ||
             !put_compressed(websocket, payload, opcode))
        od_websocket_put(websocket, opcode, false, payload);
    if (websocket->wire != NULL)
        od_wire_count(websocket->wire);
}

void od_websocket_relay(struct od_websocket *websocket, void *holder)
{
    OD_ASSERT(!websocket->is_events);
    od_websocket_check(websocket);
    websocket->holder = holder;
    websocket->is_relay = true;
}

void od_websocket_tell_pongs(struct od_websocket *websocket)
{
    od_websocket_check(websocket);
    websocket->tells_pongs = true;
}

void od_websocket_send_pong(struct od_websocket *websocket, od_slice payload)
{
    OD_ASSERT(payload.size <= OD_FRAME_CONTROL_BYTES_MAX);
    if (od_websocket_can_send(websocket) && !websocket->is_events)
        od_websocket_put(websocket, OD_FRAME_PONG, false, payload);
}

void od_websocket_send_frame(struct od_websocket *websocket, struct od_frame_shared *frame)
{
    if (!may_put(websocket, frame->plain.size))
        return;
    od_slice bytes = od_frame_shared_bytes(frame, websocket->net->deflate, websocket->window_bits);
    od_websocket_touch(websocket);
    if (websocket->wire != NULL && !websocket->is_client) {
        od_wire_put_shared(websocket->wire, frame, bytes);
        od_wire_count(websocket->wire);
        return;
    }
    struct od_bytes *out = frames_out(websocket);
    size_t mark = out->size;
    od_bytes_put_slice(out, bytes);
    put_end(websocket, out, mark);
}

// Closing.

static void await_close(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->has_closed);
    od_websocket_set_deadline(websocket, websocket->net->limits.close_ms);
}

// Nobody answers, so it is over.
static void end_events(struct od_websocket *websocket)
{
    if (websocket->wire == NULL) // It ends when the connection is there.
        return;
    od_websocket_let_go(websocket);
    od_websocket_tell_closed(websocket, code_normal, (od_slice){0}, true);
}

void od_websocket_close(struct od_websocket *websocket, uint16_t code, od_slice reason)
{
    od_websocket_check(websocket);
    if (!od_websocket_can_send(websocket))
        return;
    od_websocket_put_close(websocket, code, reason);
    websocket->has_closed = true;
    od_websocket_touch(websocket);
    if (websocket->is_events)
        end_events(websocket);
    else if (websocket->peer_has_closed)
        od_websocket_let_go(websocket);
    else if (websocket->wire != NULL)
        await_close(websocket);
}

void od_websocket_finish_close(struct od_websocket *websocket)
{
    od_websocket_check(websocket);
    if (websocket->peer_has_closed)
        od_websocket_close(websocket, websocket->peer_code, (od_slice){0});
}

// Birth and attachment.

static void on_stirs(void *owner)
{
    od_websocket_touch(owner);
}

static const struct od_wire_protocol protocol = {on_stirs, on_stirs, od_websocket_read,
                                                 on_half_ended, on_ended};

struct od_websocket *od_websocket_new(struct od_net *net, void *holder, bool is_events)
{
    struct od_websocket *websocket = od_allocate_zeroed(sizeof *websocket);
    websocket->net = net;
    websocket->holder = holder;
    websocket->is_events = is_events;
    websocket->place = OD_PAGE_NO_PLACE;
    od_list_init(&websocket->touched);
    net->websocket_count++;
    return websocket;
}

void od_websocket_destroy(struct od_websocket *websocket)
{
    OD_ASSERT(websocket->wire == NULL);
    od_websocket_drop_held(websocket);
    od_websocket_drop_decoder(websocket);
    od_websocket_count_coming(websocket, 0);
    if (websocket->amid != NULL) // Frames that found no connection.
        od_bytes_deinit(&websocket->amid->early);
    od_websocket_calm(websocket);
    OD_ASSERT(websocket->amid == NULL);
    free(websocket->url);
    free(websocket);
}

void od_websocket_free(struct od_websocket *websocket)
{
    od_websocket_check(websocket);
    od_websocket_abort(websocket);
    websocket->net->websocket_count--;
    od_list_remove(&websocket->touched);
    if (websocket->is_reading)
        websocket->is_freed = true;
    else
        od_websocket_destroy(websocket);
}

// The subprotocol stands behind the URL.
static void take_url(struct od_websocket *websocket, const struct od_upgrade_record *record)
{
    OD_ASSERT(websocket->url == NULL); // It has one connection in its life.
    od_slice url = record->url, behind = record->protocol;
    websocket->url_size = (uint32_t)url.size;
    websocket->protocol_size = (uint32_t)behind.size;
    if (url.size + behind.size == 0)
        return;
    websocket->url = od_allocate(url.size + behind.size);
    if (url.size > 0)
        memcpy(websocket->url, url.at, url.size);
    if (behind.size > 0)
        memcpy(websocket->url + url.size, behind.at, behind.size);
}

static void take_record(struct od_websocket *websocket, const struct od_upgrade_record *record)
{
    websocket->window_bits = record->window_bits & 15u; // At most 15 (codec/offer.h).
    websocket->has_closed |= record->has_closed;
    take_url(websocket, record);
    websocket->is_client = record->is_client;
}

// Frames that were put while there was no connection go out behind the head.
static void put_early(struct od_websocket *websocket, od_slice head)
{
    struct od_amid *amid = websocket->amid;
    struct od_bytes *out = od_wire_out(websocket->wire);
    od_bytes_put_slice(out, head);
    if (amid == NULL)
        return;
    OD_ASSERT(!websocket->is_client || amid->early.size == 0); // They are not masked.
    od_bytes_put_slice(out, od_bytes_slice(&amid->early));
    od_bytes_deinit(&amid->early);
    od_websocket_calm(websocket);
}

static void read_early(struct od_websocket *websocket, od_slice input)
{
    struct od_bytes bytes = {0}; // The decoder unmasks in place; the record is not ours to change.
    od_bytes_put_slice(&bytes, input);
    od_websocket_read(websocket, bytes.at, bytes.size);
    od_bytes_deinit(&bytes);
}

static void begin(struct od_websocket *websocket, const struct od_upgrade_record *record)
{
    OD_ASSERT(!websocket->is_over);
    take_record(websocket, record);
    put_early(websocket, record->output);
    // Before others run in this turn: should one never end, nobody else could send the head.
    od_wire_send_now(websocket->wire);
    if (websocket->has_closed && websocket->is_events) {
        end_events(websocket);
        return;
    }
    if (websocket->has_closed)
        await_close(websocket);
    if (websocket->is_paused)
        od_wire_pause(websocket->wire);
    od_keepalive_start(&websocket->net->keepalives, &websocket->keepalive);
    read_early(websocket, record->input);
}

void od_websocket_lose(struct od_websocket *websocket, od_slice record)
{
    struct od_upgrade_record upgrade;
    OD_ASSERT(websocket->wire == NULL);
    if (od_upgrade_record_read(record, &upgrade))
        take_record(websocket, &upgrade);
    od_websocket_abort(websocket);
}

// It was aborted meanwhile, and the client gets no answer; or its record could not be read.
static bool do_without(struct od_websocket *websocket, bool is_read, struct od_error *err)
{
    if (is_read)
        return true;
    od_websocket_abort(websocket);
    return od_error_set(err, "the record of an upgrade cannot be read");
}

bool od_websocket_attach(struct od_websocket *websocket, od_slice record, int fd,
                         struct od_error *err)
{
    struct od_upgrade_record upgrade;
    OD_ASSERT(fd >= 0);
    OD_ASSERT(websocket->wire == NULL);
    // The record may be of a worker or node in strange hands; what waits here is not masked.
    bool is_read = od_upgrade_record_read(record, &upgrade) &&
                   (!upgrade.is_client || od_websocket_buffered_bytes(websocket) == 0);
    if (!is_read || websocket->is_over) {
        od_net_hang_up(websocket->net, fd);
        return do_without(websocket, is_read, err);
    }
    if (!od_wire_adopt(websocket->net, fd, &protocol, websocket, &websocket->wire, err)) {
        od_websocket_abort(websocket);
        return false;
    }
    begin(websocket, &upgrade);
    return true;
}

bool od_websocket_take(struct od_websocket *websocket, od_slice record, struct od_wire *wire,
                       struct od_error *err)
{
    struct od_upgrade_record upgrade;
    OD_ASSERT(wire->net == websocket->net);
    OD_ASSERT(websocket->wire == NULL);
    bool is_read = od_upgrade_record_read(record, &upgrade);
    if (!is_read || websocket->is_over) {
        od_wire_abort(wire);
        return do_without(websocket, is_read, err);
    }
    websocket->wire = wire;
    od_wire_take(wire, &protocol, websocket);
    begin(websocket, &upgrade);
    return true;
}

uint32_t od_websocket_take_lease(struct od_websocket *websocket)
{
    return websocket->wire == NULL ? OD_PAGE_NO_PLACE : od_wire_take_lease(websocket->wire);
}

// What is known of it.

enum od_ready_state od_websocket_ready_state(const struct od_websocket *websocket)
{
    if (websocket->is_over)
        return OD_READY_CLOSED;
    return websocket->has_closed || websocket->peer_has_closed ? OD_READY_CLOSING : OD_READY_OPEN;
}

od_slice od_websocket_url(const struct od_websocket *websocket)
{
    return (od_slice){websocket->url, websocket->url_size};
}

od_slice od_websocket_protocol(const struct od_websocket *websocket)
{
    if (websocket->protocol_size == 0)
        return (od_slice){0};
    return (od_slice){websocket->url + websocket->url_size, websocket->protocol_size};
}

int od_websocket_duplicate_fd(const struct od_websocket *websocket)
{
    return websocket->wire == NULL ? -1 : fcntl(websocket->wire->fd, F_DUPFD_CLOEXEC, 0);
}
