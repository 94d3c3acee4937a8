#include "tls/connection.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/proxy_header.h"

static void check(const struct od_tls_connection *connection)
{
    OD_ASSERT(!connection->is_over);
    OD_ASSERT(connection->open_polls == 2);
    OD_ASSERT(connection->ssl != NULL);
    OD_ASSERT(connection->up.taken <= connection->up.bytes.size);
    OD_ASSERT(connection->down.taken <= connection->down.bytes.size);
    OD_ASSERT(connection->is_established || connection->down.bytes.size == 0);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct od_tls_connection *connection = handle->data;
    if (--connection->open_polls > 0)
        return;
    od_bytes_deinit(&connection->up.bytes);
    od_bytes_deinit(&connection->down.bytes);
    free(connection);
}

void od_tls_connection_end(struct od_tls_connection *connection)
{
    if (connection->is_over)
        return;
    connection->is_over = true;
    od_list_remove(&connection->link);
    OD_ASSERT(connection->tls->connection_count > 0);
    connection->tls->connection_count--;
    od_loop_clear_timer(&connection->tls->loop, &connection->deadline);
    od_loop_clear_timer(&connection->tls->loop, &connection->again);
    uv_close((uv_handle_t *)&connection->outer_poll, on_poll_closed);
    uv_close((uv_handle_t *)&connection->inner_poll, on_poll_closed);
    SSL_free(connection->ssl);
    close(connection->outer_fd);
    shutdown(connection->inner_fd, SHUT_RDWR); // Main has duplicates of its end.
    close(connection->inner_fd);
}

static void on_late(struct od_timer *timer)
{
    od_tls_connection_end(OD_TIMER_MEMBER(timer, struct od_tls_connection, deadline));
}

// --- What OpenSSL says ---------------------------------------------------------------------------

enum outcome {
    WENT_ON,
    WAITS,
    ENDED,
    FAILED,
};

static void answer_plain_http(const struct od_tls_connection *connection)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 48\r\nConnection: close\r\n\r\n"
                                 "this port speaks TLS: use https:// or wss://...\n";
    send(connection->outer_fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(connection->outer_fd, SHUT_WR);
}

static enum outcome outcome_of(struct od_tls_connection *connection, int result)
{
    if (result > 0)
        return WENT_ON;
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        connection->wants_write = true;
        return WAITS;
    case SSL_ERROR_WANT_READ:
        return WAITS;
    case SSL_ERROR_ZERO_RETURN:
        return ENDED;
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST)
            answer_plain_http(connection);
        return FAILED;
    }
}

// The first that its other end reads says who this is (codec/proxy_header.h).
static bool introduce(const struct od_tls_connection *connection)
{
    struct od_bytes header = {0};
    const char *name = SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name);
    od_proxy_header_put_tls(&header, od_slice_of(SSL_get_version(connection->ssl)),
                            od_slice_of(name));
    ssize_t size = send(connection->inner_fd, header.at, header.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    bool is_whole = size == (ssize_t)header.size; // Nothing stands before it.
    od_bytes_deinit(&header);
    return is_whole;
}

static enum outcome shake_hands(struct od_tls_connection *connection)
{
    if (connection->is_established)
        return WENT_ON;
    enum outcome outcome = outcome_of(connection, SSL_do_handshake(connection->ssl));
    connection->is_established = outcome == WENT_ON;
    if (!connection->is_established)
        return outcome;
    od_loop_clear_timer(&connection->tls->loop, &connection->deadline);
    return introduce(connection) ? WENT_ON : FAILED;
}

// --- Pieces --------------------------------------------------------------------------------------

static bool is_empty(const struct od_tls_piece *piece)
{
    return piece->bytes.size == 0;
}

static od_slice left_of(const struct od_tls_piece *piece)
{
    return od_slice_from(od_bytes_slice(&piece->bytes), piece->taken);
}

static void take(struct od_tls_piece *piece, size_t size)
{
    OD_ASSERT(size <= piece->bytes.size - piece->taken);
    piece->taken += size;
    if (piece->taken < piece->bytes.size)
        return;
    od_bytes_deinit(&piece->bytes);
    piece->taken = 0;
}

// How much the worker's side took; -1: it is gone.
static ssize_t put_inner(const struct od_tls_connection *connection, od_slice bytes)
{
    ssize_t size = send(connection->inner_fd, bytes.at, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : size;
}

static ssize_t put_outer(struct od_tls_connection *connection, od_slice bytes)
{
    ERR_clear_error();
    int size = SSL_write(connection->ssl, bytes.at, (int)bytes.size);
    enum outcome outcome = outcome_of(connection, size);
    return outcome == WENT_ON ? size : outcome == WAITS ? 0 : -1;
}

typedef ssize_t put_bytes(struct od_tls_connection *connection, od_slice bytes);

static ssize_t put_up(struct od_tls_connection *connection, od_slice bytes)
{
    return put_inner(connection, bytes);
}

// What is kept goes first. False: the side it is for is gone.
static bool pass_kept(struct od_tls_connection *connection, struct od_tls_piece *piece,
                      put_bytes *put)
{
    while (!is_empty(piece)) {
        ssize_t size = put(connection, left_of(piece));
        if (size < 0)
            return false;
        if (size == 0)
            return true;
        take(piece, (size_t)size);
    }
    return true;
}

static bool pass(struct od_tls_connection *connection, struct od_tls_piece *piece, put_bytes *put,
                 size_t size)
{
    od_slice bytes = {connection->tls->piece, size};
    while (bytes.size > 0) {
        ssize_t count = put(connection, bytes);
        if (count < 0)
            return false;
        if (count == 0)
            break;
        bytes = od_slice_from(bytes, (size_t)count);
    }
    od_bytes_put_slice(&piece->bytes, bytes);
    return true;
}

// --- Both ways -----------------------------------------------------------------------------------

static void end_up(struct od_tls_connection *connection)
{
    if (!connection->outer_has_ended)
        shutdown(connection->inner_fd, SHUT_WR);
    connection->outer_has_ended = true;
}

static void end_down(struct od_tls_connection *connection)
{
    if (!connection->inner_has_ended && SSL_shutdown(connection->ssl) >= 0)
        shutdown(connection->outer_fd, SHUT_WR);
    connection->inner_has_ended = true;
}

// Several messages that have come as a record each go on as one piece: a system call on each side
// of the pair, not one a message.
static enum outcome read_records(struct od_tls_connection *connection, size_t *size)
{
    struct od_tls *tls = connection->tls;
    enum outcome outcome = WENT_ON;
    while (outcome == WENT_ON && *size < OD_TLS_PIECE_BYTES && connection->outer_is_readable) {
        ERR_clear_error();
        int count =
            SSL_read(connection->ssl, tls->piece + *size, (int)(OD_TLS_PIECE_BYTES - *size));
        outcome = outcome_of(connection, count);
        *size += outcome == WENT_ON ? (size_t)count : 0;
        connection->outer_is_readable = outcome == WENT_ON && SSL_has_pending(connection->ssl);
    }
    return outcome;
}

static enum outcome go_up(struct od_tls_connection *connection)
{
    if (!pass_kept(connection, &connection->up, put_up))
        return FAILED;
    if (!is_empty(&connection->up) || connection->outer_has_ended || !connection->outer_is_readable)
        return WAITS;
    size_t size = 0;
    enum outcome outcome = read_records(connection, &size);
    if (!pass(connection, &connection->up, put_up, size) || outcome == FAILED)
        return FAILED;
    if (outcome == ENDED && size == 0)
        end_up(connection);
    else if (outcome == ENDED)
        connection->outer_is_readable = true; // It says so again, when all before has gone on.
    return size > 0 ? WENT_ON : WAITS;
}

static enum outcome go_down(struct od_tls_connection *connection)
{
    if (!pass_kept(connection, &connection->down, put_outer))
        return FAILED;
    if (!is_empty(&connection->down) || connection->inner_has_ended ||
        !connection->inner_is_readable)
        return WAITS;
    ssize_t size =
        recv(connection->inner_fd, connection->tls->piece, OD_TLS_PIECE_BYTES, MSG_DONTWAIT);
    connection->inner_is_readable = size == OD_TLS_PIECE_BYTES;
    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? WAITS : FAILED;
    if (size == 0) {
        end_down(connection);
        return WAITS;
    }
    return pass(connection, &connection->down, put_outer, (size_t)size) ? WENT_ON : FAILED;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct od_tls_connection *connection)
{
    bool reads_outer = is_empty(&connection->up) && !connection->outer_has_ended;
    bool reads_inner =
        connection->is_established && is_empty(&connection->down) && !connection->inner_has_ended;
    int outer = (reads_outer || !connection->is_established ? UV_READABLE : 0) |
                (connection->wants_write ? UV_WRITABLE : 0);
    int inner = (reads_inner ? UV_READABLE : 0) | (is_empty(&connection->up) ? 0 : UV_WRITABLE);
    if (outer != connection->outer_polled)
        uv_poll_start(&connection->outer_poll, outer, on_poll);
    if (inner != connection->inner_polled)
        uv_poll_start(&connection->inner_poll, inner, on_poll);
    connection->outer_polled = outer;
    connection->inner_polled = inner;
}

// Goes on as far as it can; false: it is over.
static bool go_on(struct od_tls_connection *connection)
{
    check(connection);
    connection->wants_write = false;
    enum outcome outcome = shake_hands(connection);
    for (int i = 0; outcome == WENT_ON && i < OD_TLS_PIECES_A_TURN_MAX; i++) {
        enum outcome up = go_up(connection), down = go_down(connection);
        if (up == FAILED || down == FAILED)
            return false;
        outcome = up == WENT_ON || down == WENT_ON ? WENT_ON : WAITS;
    }
    if (outcome == WENT_ON)
        od_loop_set_timer(&connection->tls->loop, &connection->again, 0);
    bool is_done = connection->outer_has_ended && connection->inner_has_ended;
    return outcome != FAILED && outcome != ENDED && !is_done;
}

static void go_on_or_end(struct od_tls_connection *connection, bool is_well)
{
    if (is_well && go_on(connection))
        watch(connection);
    else
        od_tls_connection_end(connection);
}

// What OpenSSL has read ahead, no descriptor tells of: then it goes on by itself.
static void on_again(struct od_timer *timer)
{
    go_on_or_end(OD_TIMER_MEMBER(timer, struct od_tls_connection, again), true);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct od_tls_connection *connection = poll->data;
    bool is_readable = (events & UV_READABLE) != 0;
    if (poll == &connection->outer_poll)
        connection->outer_is_readable |= is_readable;
    else
        connection->inner_is_readable |= is_readable;
    go_on_or_end(connection, status >= 0);
}

void od_tls_connection_start(struct od_tls *tls, int outer_fd, int inner_fd)
{
    struct od_tls_connection *connection = od_allocate_zeroed(sizeof *connection);
    connection->tls = tls;
    connection->outer_fd = outer_fd;
    connection->inner_fd = inner_fd;
    connection->deadline.fire = on_late;
    connection->again.fire = on_again;
    connection->ssl = od_certificates_accept(&tls->certificates);
    connection->open_polls = 2;
    od_list_init(&connection->link);
    int outer = uv_poll_init(&tls->loop.uv, &connection->outer_poll, outer_fd);
    int inner = uv_poll_init(&tls->loop.uv, &connection->inner_poll, inner_fd);
    OD_ASSERT(outer == 0);
    OD_ASSERT(inner == 0);
    connection->outer_poll.data = connection->inner_poll.data = connection;
    SSL_set_fd(connection->ssl, outer_fd);
    od_list_push_back(&tls->connections, &connection->link);
    tls->connection_count++;
    od_loop_set_timer(&tls->loop, &connection->deadline, OD_TLS_HANDSHAKE_MS_MAX);
    watch(connection);
}
