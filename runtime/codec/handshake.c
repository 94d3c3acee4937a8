#include "codec/handshake.h"

// The plain functions, for the reason that object/names/id.c gives.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#define KEY "sec-websocket-key"
#define VERSION "sec-websocket-version"
#define PROTOCOL "sec-websocket-protocol"
#define EXTENSIONS "sec-websocket-extensions"

static bool refuse(struct od_http_fault *fault, uint16_t status, const char *text)
{
    *fault = (struct od_http_fault){status, text};
    return false;
}

// ---- What the client asked

// What of a head is about a WebSocket: how often it is there, and what was said last.
struct asked {
    int version_count, key_count, list_count; // Lists: of protocols and of extensions.
    od_slice version, key;
};

static struct asked find_asked(const struct od_http_head *head)
{
    struct asked asked = {0};
    struct od_header header;
    for (od_slice rest = head->headers; od_http_headers_next(&rest, &header);) {
        if (od_slice_equal_nocase(header.name, OD_SLICE(VERSION))) {
            asked.version = header.value;
            asked.version_count++;
        } else if (od_slice_equal_nocase(header.name, OD_SLICE(KEY))) {
            asked.key = header.value;
            asked.key_count++;
        } else if (od_slice_equal_nocase(header.name, OD_SLICE(PROTOCOL)) ||
                   od_slice_equal_nocase(header.name, OD_SLICE(EXTENSIONS))) {
            asked.list_count++;
        }
    }
    return asked;
}

static bool is_base64(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '/';
}

// Base64 of 16 bytes: 22 digits, of which the last carries only two bits, and two signs for
// nothing.
static bool is_key(od_slice key)
{
    if (key.size != OD_HANDSHAKE_KEY_BYTES || memcmp(key.at + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++) {
        if (!is_base64(key.at[i]))
            return false;
    }
    char last = key.at[21];
    return last == 'A' || last == 'Q' || last == 'g' || last == 'w';
}

void od_handshake_prove(od_slice key, char accept[OD_HANDSHAKE_ACCEPT_BYTES])
{
    OD_ASSERT(key.size == OD_HANDSHAKE_KEY_BYTES);
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    SHA_CTX hash;
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char base64[OD_HANDSHAKE_ACCEPT_BYTES + 1];
    SHA1_Init(&hash);
    SHA1_Update(&hash, key.at, OD_HANDSHAKE_KEY_BYTES);
    SHA1_Update(&hash, guid, sizeof(guid) - 1);
    SHA1_Final(digest, &hash);
    EVP_EncodeBlock(base64, digest, sizeof(digest));
    memcpy(accept, base64, OD_HANDSHAKE_ACCEPT_BYTES);
}

// Copies the offered names into one list. An offer is a token, and none is made twice.
static bool read_protocols(struct od_handshake *handshake, od_slice list,
                           struct od_http_fault *fault)
{
    od_slice name;
    while (od_http_list_next(&list, &name)) {
        if (!od_http_is_token(name))
            return refuse(fault, 400, "a name in Sec-WebSocket-Protocol is not a token");
        if (handshake->protocols.size > 0)
            od_bytes_put_slice(&handshake->protocols, OD_SLICE(", "));
        od_bytes_put_slice(&handshake->protocols, name);
    }
    return true;
}

static bool read_lists(struct od_handshake *handshake, const struct od_http_head *head,
                       struct od_http_fault *fault)
{
    struct od_header header;
    for (od_slice rest = head->headers; od_http_headers_next(&rest, &header);) {
        if (od_slice_equal_nocase(header.name, OD_SLICE(PROTOCOL)) &&
            !read_protocols(handshake, header.value, fault))
            return false;
        if (od_slice_equal_nocase(header.name, OD_SLICE(EXTENSIONS)) &&
            handshake->offer.window_bits == 0)
            handshake->offer = od_offer_choose(header.value);
    }
    return true;
}

static bool check_head(const struct od_http_head *head, const struct asked *asked,
                       struct od_http_fault *fault)
{
    if (asked->version_count != 1 || !od_slice_equal(asked->version, OD_SLICE("13")))
        return refuse(fault, 426, "the only version of WebSocket spoken here is 13");
    if (asked->key_count != 1 || !is_key(asked->key))
        return refuse(fault, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
    if (head->is_chunked || head->content_length > 0)
        return refuse(fault, 400, "a WebSocket handshake cannot have a body");
    return true;
}

bool od_handshake_read(struct od_handshake *handshake, const struct od_http_head *head,
                       struct od_http_fault *fault)
{
    *handshake = (struct od_handshake){0};
    OD_ASSERT(head->wants_websocket);
    struct asked asked = find_asked(head);
    if (!check_head(head, &asked, fault))
        return false;
    if (asked.list_count > 0 && !read_lists(handshake, head, fault)) {
        od_handshake_deinit(handshake);
        return false;
    }
    od_handshake_prove(asked.key, handshake->accept);
    return true;
}

void od_handshake_deinit(struct od_handshake *handshake)
{
    od_bytes_deinit(&handshake->protocols);
}

// ---- What we answer

static const od_slice ours[] = {
    OD_SLICE("connection"),     OD_SLICE("keep-alive"),
    OD_SLICE("content-length"), OD_SLICE("transfer-encoding"),
    OD_SLICE("trailer"),        OD_SLICE("upgrade"),
    OD_SLICE("date"),           OD_SLICE("sec-websocket-accept"),
    OD_SLICE(EXTENSIONS),       {NULL, 0},
};

static bool was_offered(const struct od_handshake *handshake, od_slice protocol)
{
    od_slice name;
    for (od_slice rest = od_bytes_slice(&handshake->protocols); od_http_list_next(&rest, &name);) {
        if (od_slice_equal(name, protocol))
            return true;
    }
    return false;
}

static bool refuse_protocol(const struct od_handshake *handshake, od_slice protocol,
                            struct od_error *err)
{
    od_slice offered = od_bytes_slice(&handshake->protocols);
    if (offered.size == 0)
        offered = OD_SLICE("none");
    return od_error_set(err,
                        "the response chooses the subprotocol \"%.*s\", but the client "
                        "offered %.*s",
                        (int)protocol.size, protocol.at, (int)offered.size, offered.at);
}

// The handler may choose one subprotocol or none. A browser would fail the connection otherwise,
// and tell its page nothing; so the error is made here, where the author can read it.
static bool check_protocol(const struct od_handshake *handshake, struct od_headers headers,
                           struct od_error *err)
{
    int count = 0;
    struct od_header header;
    while (od_headers_next(&headers, &header)) {
        if (!od_slice_equal_nocase(header.name, OD_SLICE(PROTOCOL)))
            continue;
        if (++count > 1)
            return od_error_set(err, "the response chooses more than one subprotocol; "
                                     "set Sec-WebSocket-Protocol once");
        if (!was_offered(handshake, header.value))
            return refuse_protocol(handshake, header.value, err);
    }
    return true;
}

static void put_extension(struct od_bytes *out, struct od_offer offer)
{
    if (offer.window_bits == 0)
        return;
    od_bytes_put_slice(out, OD_SLICE("Sec-WebSocket-Extensions: "));
    od_offer_put_answer(offer, out);
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

bool od_handshake_put_answer(struct od_bytes *out, const struct od_handshake *handshake,
                             const struct od_response *response, od_time_ms now_ms,
                             struct od_error *err)
{
    OD_ASSERT(response->status == 101);
    if (!check_protocol(handshake, response->headers, err))
        return false;
    size_t before = out->size;
    od_http_answer_put_status(out, 101, now_ms);
    od_bytes_put_slice(out, OD_SLICE("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Accept: "));
    od_bytes_put(out, handshake->accept, sizeof(handshake->accept));
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
    put_extension(out, handshake->offer);
    if (!od_http_answer_put_headers(out, response->headers, ours, err)) {
        out->size = before;
        return false;
    }
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
    return true;
}
