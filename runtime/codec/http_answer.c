#include "codec/http_answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct od_http_manner od_http_manner_of(const struct od_http_head *head)
{
    return (struct od_http_manner){
        .is_head = od_slice_equal(head->method, OD_SLICE("HEAD")),
        .keeps_alive = head->keeps_alive,
        .version_minor = head->version_minor,
    };
}

// ---- Status line and Date

#define LINE(words)                                                                                \
    {                                                                                              \
        "HTTP/1.1 " words "\r\n", sizeof("HTTP/1.1 " words "\r\n") - 1                             \
    }

static const struct {
    uint16_t status;
    od_slice line;
} lines[] = {
    {100, LINE("100 Continue")},
    {101, LINE("101 Switching Protocols")},
    {200, LINE("200 OK")},
    {201, LINE("201 Created")},
    {202, LINE("202 Accepted")},
    {203, LINE("203 Non-Authoritative Information")},
    {204, LINE("204 No Content")},
    {205, LINE("205 Reset Content")},
    {206, LINE("206 Partial Content")},
    {300, LINE("300 Multiple Choices")},
    {301, LINE("301 Moved Permanently")},
    {302, LINE("302 Found")},
    {303, LINE("303 See Other")},
    {304, LINE("304 Not Modified")},
    {307, LINE("307 Temporary Redirect")},
    {308, LINE("308 Permanent Redirect")},
    {400, LINE("400 Bad Request")},
    {401, LINE("401 Unauthorized")},
    {402, LINE("402 Payment Required")},
    {403, LINE("403 Forbidden")},
    {404, LINE("404 Not Found")},
    {405, LINE("405 Method Not Allowed")},
    {406, LINE("406 Not Acceptable")},
    {407, LINE("407 Proxy Authentication Required")},
    {408, LINE("408 Request Timeout")},
    {409, LINE("409 Conflict")},
    {410, LINE("410 Gone")},
    {411, LINE("411 Length Required")},
    {412, LINE("412 Precondition Failed")},
    {413, LINE("413 Content Too Large")},
    {414, LINE("414 URI Too Long")},
    {415, LINE("415 Unsupported Media Type")},
    {416, LINE("416 Range Not Satisfiable")},
    {417, LINE("417 Expectation Failed")},
    {418, LINE("418 I'm a teapot")},
    {421, LINE("421 Misdirected Request")},
    {422, LINE("422 Unprocessable Content")},
    {425, LINE("425 Too Early")},
    {426, LINE("426 Upgrade Required")},
    {428, LINE("428 Precondition Required")},
    {429, LINE("429 Too Many Requests")},
    {431, LINE("431 Request Header Fields Too Large")},
    {451, LINE("451 Unavailable For Legal Reasons")},
    {500, LINE("500 Internal Server Error")},
    {501, LINE("501 Not Implemented")},
    {502, LINE("502 Bad Gateway")},
    {503, LINE("503 Service Unavailable")},
    {504, LINE("504 Gateway Timeout")},
    {505, LINE("505 HTTP Version Not Supported")},
    {507, LINE("507 Insufficient Storage")},
    {511, LINE("511 Network Authentication Required")},
};

static void put_text(struct od_bytes *out, const char *text)
{
    od_bytes_put_slice(out, od_slice_of(text));
}

static void put_field(struct od_bytes *out, od_slice name, od_slice value)
{
    od_bytes_put_slice(out, name);
    od_bytes_put_slice(out, OD_SLICE(": "));
    od_bytes_put_slice(out, value);
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

// Not by strftime: its names depend on the locale.
void od_http_put_date(char *text, size_t size, od_time_ms time_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm date = {0};
    gmtime_r(&seconds, &date);
    OD_ASSERT(date.tm_wday >= 0 && date.tm_wday < 7);
    OD_ASSERT(date.tm_mon >= 0 && date.tm_mon < 12);
    snprintf(text, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[date.tm_wday], date.tm_mday,
             months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

// Of one second there are many.
static void put_date(struct od_bytes *out, od_time_ms now_ms)
{
    static _Thread_local char line[80];
    static _Thread_local int line_size;
    static _Thread_local od_time_ms written_s = -1;
    char text[64];
    if (written_s != now_ms / 1000) {
        od_http_put_date(text, sizeof text, now_ms);
        line_size = snprintf(line, sizeof line, "Date: %s\r\n", text);
    }
    written_s = now_ms / 1000;
    od_bytes_put(out, line, (size_t)line_size);
}

static void put_number(struct od_bytes *out, uint64_t number)
{
    char digits[20], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    od_bytes_put(out, at, (size_t)(digits + sizeof digits - at));
}

static void put_status_line(struct od_bytes *out, uint16_t status)
{
    OD_ASSERT(status >= 100 && status <= 599);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].status == status) {
            od_bytes_put_slice(out, lines[i].line);
            return;
        }
    }
    od_bytes_put_slice(out, OD_SLICE("HTTP/1.1 "));
    put_number(out, status);
    od_bytes_put_slice(out, OD_SLICE(" \r\n")); // Without a phrase, but not without the space.
}

void od_http_answer_put_status(struct od_bytes *out, uint16_t status, od_time_ms now_ms)
{
    put_status_line(out, status);
    put_date(out, now_ms);
}

void od_http_answer_put_continue(struct od_bytes *out)
{
    put_status_line(out, 100);
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

// ---- The script's headers

static bool is_in(od_slice name, const od_slice names[])
{
    for (size_t i = 0; names[i].size > 0; i++) {
        if (name.size == names[i].size && od_slice_equal_nocase(name, names[i]))
            return true;
    }
    return false;
}

// Names are printed as far as they are fit to be read; od_log escapes the rest.
static bool check_header(struct od_header header, struct od_error *err)
{
    int size = header.name.size < 80 ? (int)header.name.size : 80;
    if (!od_http_is_token(header.name))
        return od_error_set(err,
                            "a response header cannot be named \"%.*s\": names are letters, "
                            "digits and dashes",
                            size, header.name.at);
    if (!od_http_is_value(header.value))
        return od_error_set(err,
                            "the response header \"%.*s\" has a line end or another control "
                            "character in its value",
                            size, header.name.at);
    return true;
}

bool od_http_answer_put_headers(struct od_bytes *out, struct od_headers headers,
                                const od_slice dropped[], struct od_error *err)
{
    size_t before = out->size;
    struct od_header header;
    while (od_headers_next(&headers, &header)) {
        if (!check_header(header, err)) {
            OD_ASSERT(out->size >= before);
            out->size = before;
            return false;
        }
        if (!is_in(header.name, dropped))
            put_field(out, header.name, header.value);
    }
    return true;
}

// ---- Whole responses

static const od_slice ours[] = {
    OD_SLICE("connection"),     OD_SLICE("keep-alive"), OD_SLICE("proxy-connection"),
    OD_SLICE("content-length"), OD_SLICE("trailer"),    OD_SLICE("transfer-encoding"),
    OD_SLICE("upgrade"),        OD_SLICE("date"),       {NULL, 0},
};

static bool has_no_body(uint16_t status)
{
    return status == 204 || status == 304;
}

static void put_length(struct od_bytes *out, uint64_t length)
{
    od_bytes_put_slice(out, OD_SLICE("Content-Length: "));
    put_number(out, length);
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

// Ends the head.
static void put_connection(struct od_bytes *out, struct od_http_manner manner)
{
    if (!manner.keeps_alive)
        put_field(out, OD_SLICE("Connection"), OD_SLICE("close"));
    else if (manner.version_minor == 0)
        put_field(out, OD_SLICE("Connection"), OD_SLICE("keep-alive"));
    od_bytes_put_slice(out, OD_SLICE("\r\n"));
}

// Who needs another protocol is told which, and those between are told that it is not for them
// (RFC 9110, 7.8 and 15.5.22). There is one that is spoken here.
static void put_upgrade(struct od_bytes *out)
{
    put_field(out, OD_SLICE("Upgrade"), OD_SLICE("websocket"));
    put_field(out, OD_SLICE("Connection"), OD_SLICE("Upgrade"));
}

// Status line, Date and the script's headers; what is behind them is the caller's.
static bool begin(struct od_bytes *out, const struct od_response *response, od_time_ms now_ms,
                  struct od_error *err)
{
    uint16_t status = response->status;
    if (status < 200 || status > 599)
        return od_error_set(err, "a response cannot have the status %u: 200 to 599 can be sent",
                            status);
    size_t before = out->size;
    od_http_answer_put_status(out, status, now_ms);
    if (status == 426)
        put_upgrade(out);
    if (od_http_answer_put_headers(out, response->headers, ours, err))
        return true;
    out->size = before;
    return false;
}

bool od_http_answer_put(struct od_bytes *out, const struct od_response *response,
                        struct od_http_manner manner, od_time_ms now_ms, struct od_error *err)
{
    uint16_t status = response->status;
    // 205 says "empty your form": what it would carry is nobody's content (RFC 9110, 15.3.6).
    size_t length = status == 205 ? 0 : response->body.size;
    if (!begin(out, response, now_ms, err))
        return false;
    if (!has_no_body(status))
        put_length(out, length);
    put_connection(out, manner);
    if (!has_no_body(status) && !manner.is_head)
        od_bytes_put(out, response->body.at, length);
    return true;
}

// ---- Bodies in pieces

bool od_http_length_of(struct od_headers headers, uint64_t *length)
{
    od_slice text;
    return od_headers_find(headers, OD_SLICE("content-length"), &text) &&
           od_http_number(text, length);
}

static enum od_http_framing framing_of(const struct od_response *response,
                                       struct od_http_manner manner, uint64_t *length)
{
    if (has_no_body(response->status) || response->status == 205)
        return OD_HTTP_NO_BODY;
    if (od_http_length_of(response->headers, length))
        return OD_HTTP_COUNTED;
    return manner.version_minor > 0 ? OD_HTTP_CHUNKED : OD_HTTP_TO_THE_END;
}

bool od_http_pieces_begin(struct od_http_pieces *pieces, struct od_bytes *out,
                          const struct od_response *response, struct od_http_manner manner,
                          od_time_ms now_ms, struct od_error *err)
{
    *pieces = (struct od_http_pieces){0};
    pieces->framing = framing_of(response, manner, &pieces->left);
    if (!begin(out, response, now_ms, err))
        return false;
    if (pieces->framing == OD_HTTP_COUNTED)
        put_length(out, pieces->left);
    else if (pieces->framing == OD_HTTP_CHUNKED)
        put_field(out, OD_SLICE("Transfer-Encoding"), OD_SLICE("chunked"));
    else if (response->status == 205)
        put_length(out, 0);
    manner.keeps_alive = manner.keeps_alive && pieces->framing != OD_HTTP_TO_THE_END;
    put_connection(out, manner);
    if (manner.is_head)
        pieces->framing = OD_HTTP_NO_BODY;
    return true;
}

bool od_http_pieces_put(struct od_http_pieces *pieces, struct od_bytes *out, od_slice piece)
{
    char line[24];
    bool is_counted = pieces->framing == OD_HTTP_COUNTED;
    OD_ASSERT(pieces->framing != OD_HTTP_CHUNKED || pieces->left == 0);
    if (is_counted && piece.size > pieces->left)
        return false;
    if (piece.size == 0 || pieces->framing == OD_HTTP_NO_BODY)
        return true;
    pieces->left -= is_counted ? piece.size : 0;
    int size = snprintf(line, sizeof line, "%zx\r\n", piece.size);
    if (pieces->framing == OD_HTTP_CHUNKED)
        od_bytes_put(out, line, (size_t)size);
    od_bytes_put_slice(out, piece);
    if (pieces->framing == OD_HTTP_CHUNKED)
        od_bytes_put_slice(out, OD_SLICE("\r\n"));
    return true;
}

bool od_http_pieces_put_end(const struct od_http_pieces *pieces, struct od_bytes *out)
{
    if (pieces->framing == OD_HTTP_COUNTED && pieces->left > 0)
        return false;
    if (pieces->framing == OD_HTTP_CHUNKED)
        od_bytes_put_slice(out, OD_SLICE("0\r\n\r\n"));
    return true;
}

void od_http_answer_put_fault(struct od_bytes *out, struct od_http_fault fault,
                              struct od_http_manner manner, od_time_ms now_ms)
{
    OD_ASSERT(fault.status >= 400);
    OD_ASSERT(fault.text != NULL);
    od_http_answer_put_status(out, fault.status, now_ms);
    put_field(out, OD_SLICE("Content-Type"), OD_SLICE("text/plain; charset=utf-8"));
    if (fault.status == 426) {
        put_upgrade(out);
        put_field(out, OD_SLICE("Sec-WebSocket-Version"), OD_SLICE("13"));
    }
    if (fault.status == 503)
        put_field(out, OD_SLICE("Retry-After"), OD_SLICE("1"));
    put_length(out, strlen(fault.text) + 1);
    put_connection(out, manner);
    if (manner.is_head)
        return;
    put_text(out, fault.text);
    od_bytes_put_slice(out, OD_SLICE("\n"));
}
