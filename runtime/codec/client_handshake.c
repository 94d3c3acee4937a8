#include "codec/client_handshake.h"

#include <openssl/evp.h>
#include <string.h>

#include "codec/deflate.h"

// ---- What we ask

void od_client_handshake_begin(struct od_client_handshake *handshake, const uint8_t chance[16],
                               od_slice protocols)
{
    unsigned char base64[OD_HANDSHAKE_KEY_BYTES + 1];
    int size = EVP_EncodeBlock(base64, chance, 16);
    OD_ASSERT(size == OD_HANDSHAKE_KEY_BYTES);
    memcpy(handshake->key, base64, OD_HANDSHAKE_KEY_BYTES);
    handshake->protocols = protocols;
}

bool od_client_handshake_sets(od_slice name)
{
    static const char *const ours[] = {"connection", "content-length",   "host",
                                       "keep-alive", "proxy-connection", "te",
                                       "trailer",    "upgrade",          "transfer-encoding"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (od_slice_equal_nocase(name, od_slice_of(ours[i])))
            return true;
    }
    od_slice prefix = OD_SLICE("sec-websocket-");
    return name.size >= prefix.size &&
           od_slice_equal_nocase((od_slice){name.at, prefix.size}, prefix);
}

static void put_line(struct od_bytes *out, od_slice name, od_slice value)
{
    od_bytes_put_slice(out, name);
    od_bytes_put_slice(out, OD_SLICE(": "));
    od_bytes_put_slice(out, value);
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

static void put_place(const struct od_url *url, struct od_bytes *out)
{
    od_slice port = od_bytes_slice(&url->port);
    od_bytes_put_slice(out, OD_SLICE("GET "));
    od_bytes_put_slice(out, od_bytes_slice(&url->path));
    if (url->query.size > 1)
        od_bytes_put_slice(out, od_bytes_slice(&url->query));
    od_bytes_put_slice(out, OD_SLICE(" HTTP/1.1\r\nHost: "));
    od_bytes_put_slice(out, od_bytes_slice(&url->host));
    if (port.size > 0) {
        od_bytes_put_u8(out, ':');
        od_bytes_put_slice(out, port);
    }
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

// Whoever made the headers has checked them; once more, since a line too much here is a request too
// much.
static void put_headers(struct od_headers headers, struct od_bytes *out)
{
    struct od_header header;
    bool has_agent = false;
    while (od_headers_next(&headers, &header)) {
        if (od_client_handshake_sets(header.name) || !od_http_is_token(header.name) ||
            !od_http_is_value(header.value))
            continue;
        has_agent = has_agent || od_slice_equal_nocase(header.name, OD_SLICE("user-agent"));
        put_line(out, header.name, header.value);
    }
    if (!has_agent)
        put_line(out, OD_SLICE("User-Agent"), OD_SLICE("open-do/" OD_VERSION));
}

void od_client_handshake_put(const struct od_client_handshake *handshake, const struct od_url *url,
                             struct od_headers headers, struct od_bytes *out)
{
    put_place(url, out);
    od_bytes_put_slice(out, OD_SLICE("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"));
    put_line(out, OD_SLICE("Sec-WebSocket-Key"),
             (od_slice){handshake->key, OD_HANDSHAKE_KEY_BYTES});
    put_line(out, OD_SLICE("Sec-WebSocket-Extensions"),
             OD_SLICE("permessage-deflate; server_no_context_takeover; "
                      "client_no_context_takeover"));
    if (handshake->protocols.size > 0)
        put_line(out, OD_SLICE("Sec-WebSocket-Protocol"), handshake->protocols);
    put_headers(headers, out);
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

// ---- What is answered

struct answer {
    od_slice accept, extensions, protocol;
    bool has_accept, has_extensions, has_protocol;
    bool is_upgrade, is_websocket;
};

// Takes a line without its end; false: there is no whole one.
static bool take_line(od_slice *rest, od_slice *line)
{
    const char *end = rest->size < 2 ? NULL : memmem(rest->at, rest->size, "\r\n", 2);
    if (end == NULL)
        return false;
    *line = (od_slice){rest->at, (size_t)(end - rest->at)};
    *rest = od_slice_from(*rest, line->size + 2);
    return true;
}

static bool once(od_slice *place, bool *has, od_slice value, struct od_error *err)
{
    if (*has)
        return od_error_set(err, "the answer has a field of the handshake twice");
    *place = value;
    return *has = true;
}

static bool take_field(struct answer *answer, od_slice name, od_slice value, struct od_error *err)
{
    if (od_slice_equal_nocase(name, OD_SLICE("upgrade")))
        answer->is_websocket |= od_slice_equal_nocase(value, OD_SLICE("websocket"));
    else if (od_slice_equal_nocase(name, OD_SLICE("connection")))
        answer->is_upgrade |= od_http_list_has(value, OD_SLICE("upgrade"));
    else if (od_slice_equal_nocase(name, OD_SLICE("sec-websocket-accept")))
        return once(&answer->accept, &answer->has_accept, value, err);
    else if (od_slice_equal_nocase(name, OD_SLICE("sec-websocket-extensions")))
        return once(&answer->extensions, &answer->has_extensions, value, err);
    else if (od_slice_equal_nocase(name, OD_SLICE("sec-websocket-protocol")))
        return once(&answer->protocol, &answer->has_protocol, value, err);
    return true;
}

static bool read_field(struct answer *answer, od_slice line, struct od_error *err)
{
    const char *colon = memchr(line.at, ':', line.size);
    od_slice name = {line.at, colon == NULL ? 0 : (size_t)(colon - line.at)};
    od_slice value = colon == NULL ? name : od_http_trim(od_slice_from(line, name.size + 1));
    if (!od_http_is_token(name) || !od_http_is_value(value))
        return od_error_set(err, "the answer is not HTTP");
    return take_field(answer, name, value, err);
}

// What it says is shown to a person, so what could not be shown ends it.
static bool read_status(od_slice line, struct od_error *err)
{
    uint64_t status;
    bool is_status = line.size >= 12 && od_slice_starts_with(line, OD_SLICE("HTTP/1.")) &&
                     line.at[8] == ' ' && (line.size == 12 || line.at[12] == ' ') &&
                     od_http_number((od_slice){line.at + 9, 3}, &status) && od_http_is_value(line);
    if (!is_status)
        return od_error_set(err, "the answer is not HTTP");
    od_slice said = od_slice_from(line, 9);
    if (status != 101)
        return od_error_set(err, "it was answered with %.*s and not with 101",
                            (int)(said.size > 60 ? 60 : said.size), said.at);
    return true;
}

// Of one offer, what may be said of it.
static bool read_extensions(const struct answer *answer, uint8_t *window_bits, struct od_error *err)
{
    bool keeps_no_context = false;
    *window_bits = 0;
    if (!answer->has_extensions)
        return true;
    if (!od_offer_read_answer(answer->extensions, &keeps_no_context))
        return od_error_set(err, "it was answered with extensions that nobody asked for");
    if (!keeps_no_context)
        return od_error_set(err, "the server would compress with context takeover, although it "
                                 "was asked not to");
    *window_bits = OD_DEFLATE_WINDOW_BITS_MAX;
    return true;
}

static bool has_protocol(const struct od_client_handshake *handshake, od_slice protocol)
{
    od_slice name;
    for (od_slice rest = handshake->protocols; od_http_list_next(&rest, &name);) {
        if (od_slice_equal(name, protocol))
            return true;
    }
    return false;
}

static bool check(const struct od_client_handshake *handshake, const struct answer *answer,
                  struct od_error *err)
{
    char accept[OD_HANDSHAKE_ACCEPT_BYTES];
    od_handshake_prove((od_slice){handshake->key, OD_HANDSHAKE_KEY_BYTES}, accept);
    if (!answer->is_upgrade || !answer->is_websocket)
        return od_error_set(err, "the answer 101 is not to a WebSocket");
    if (!od_slice_equal(answer->accept, (od_slice){accept, sizeof accept}))
        return od_error_set(err, "the answer's Sec-WebSocket-Accept is wrong");
    if (answer->has_protocol && !has_protocol(handshake, answer->protocol))
        return od_error_set(err, "the server chose a subprotocol that nobody asked for");
    return true;
}

static bool read_lines(struct answer *answer, od_slice *rest, bool *is_whole, struct od_error *err)
{
    od_slice line;
    bool is_first = true;
    *is_whole = false;
    while (!*is_whole && take_line(rest, &line)) {
        bool ok =
            is_first ? read_status(line, err) : line.size == 0 || read_field(answer, line, err);
        if (!ok)
            return false;
        *is_whole = !is_first && line.size == 0;
        is_first = false;
    }
    return true;
}

enum od_http_outcome od_client_handshake_read(const struct od_client_handshake *handshake,
                                              od_slice bytes,
                                              struct od_client_handshake_answer *answer,
                                              struct od_error *err)
{
    struct answer found = {0};
    od_slice rest = bytes;
    bool is_whole;
    *answer = (struct od_client_handshake_answer){0};
    if (!read_lines(&found, &rest, &is_whole, err))
        return OD_HTTP_BAD;
    if (!is_whole && bytes.size < OD_CLIENT_HANDSHAKE_BYTES_MAX)
        return OD_HTTP_MORE;
    if (!is_whole) {
        (void)od_error_set(err, "the head of the answer has more than %d bytes",
                           OD_CLIENT_HANDSHAKE_BYTES_MAX);
        return OD_HTTP_BAD;
    }
    if (!check(handshake, &found, err) || !read_extensions(&found, &answer->window_bits, err))
        return OD_HTTP_BAD;
    answer->bytes = bytes.size - rest.size;
    answer->protocol = found.protocol;
    return OD_HTTP_DONE;
}
