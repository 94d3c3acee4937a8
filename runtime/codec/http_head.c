#include "codec/http_head.h"

#include <string.h>

void od_http_head_init(struct od_http_head *head)
{
    *head = (struct od_http_head){0};
}

static bool fault(struct od_http_head *head, uint16_t status, const char *text)
{
    head->fault = (struct od_http_fault){status, text};
    return false;
}

// ---- The request line

struct request_line {
    od_slice method;
    od_slice target;
    od_slice authority; // Of an absolute target; empty otherwise.
};

// Takes what stands before the next space. False when there is no space.
static bool take_word(od_slice *rest, od_slice *word)
{
    const char *space = rest->size == 0 ? NULL : memchr(rest->at, ' ', rest->size);
    if (space == NULL)
        return false;
    *word = (od_slice){rest->at, (size_t)(space - rest->at)};
    *rest = od_slice_from(*rest, word->size + 1);
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool read_version(struct od_http_head *head, od_slice text, uint8_t *minor)
{
    bool is_version = text.size == 8 && od_slice_starts_with(text, OD_SLICE("HTTP/")) &&
                      is_digit(text.at[5]) && text.at[6] == '.' && is_digit(text.at[7]);
    if (!is_version)
        return fault(head, 400, "the request line does not end with an HTTP version");
    *minor = (uint8_t)(text.at[7] - '0');
    if (text.at[5] != '1' || *minor > 1)
        return fault(head, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    return true;
}

// What a target consists of. Percent signs and what they stand for are left to whoever reads it.
static bool is_target_text(od_slice target)
{
    for (size_t i = 0; i < target.size; i++) {
        if (target.at[i] <= ' ' || target.at[i] >= 0x7f || target.at[i] == '#')
            return false; // From 0x80 on, char is negative, or above 0x7f where it has no sign.
    }
    return target.size > 0;
}

// Splits "http://host/path" into what HTTP/1.1 clients usually send as Host and target.
static bool read_absolute(struct od_http_head *head, od_slice after_scheme,
                          struct request_line *line)
{
    size_t size = 0;
    while (size < after_scheme.size && after_scheme.at[size] != '/' && after_scheme.at[size] != '?')
        size++;
    line->authority = (od_slice){after_scheme.at, size};
    line->target = od_slice_from(after_scheme, size);
    if (!od_http_is_host(line->authority))
        return fault(head, 400, "the host in the request target is not valid");
    if (line->target.size == 0)
        line->target = OD_SLICE("/");
    // A slice cannot have a slash put in front, and no client is known that sends this.
    if (line->target.at[0] == '?')
        return fault(head, 400, "the request target has a query but no path");
    return true;
}

static bool read_target(struct od_http_head *head, struct request_line *line)
{
    static const od_slice schemes[] = {{"http://", 7}, {"https://", 8}};
    if (!is_target_text(line->target))
        return fault(head, 400, "the request target has a character that must be percent-encoded");
    if (line->target.at[0] == '/')
        return true;
    if (od_slice_equal(line->target, OD_SLICE("*")) &&
        od_slice_equal(line->method, OD_SLICE("OPTIONS")))
        return true;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        od_slice front = {line->target.at, schemes[i].size};
        if (line->target.size > front.size && od_slice_equal_nocase(front, schemes[i]))
            return read_absolute(head, od_slice_from(line->target, front.size), line);
    }
    return fault(head, 400, "the request target does not begin with a slash");
}

static bool read_request_line(struct od_http_head *head, od_slice text, struct request_line *line)
{
    *line = (struct request_line){0};
    if (!take_word(&text, &line->method) || !take_word(&text, &line->target))
        return fault(head, 400, "the request line is not \"METHOD /target HTTP/1.1\"");
    if (!od_http_is_token(line->method))
        return fault(head, 400, "the method is not a token");
    if (!read_version(head, text, &head->version_minor))
        return false;
    if (od_slice_equal(line->method, OD_SLICE("CONNECT")))
        return fault(head, 501, "this is not a proxy: CONNECT is not implemented");
    return read_target(head, line);
}

// The same of a line that was found good.
static void split_request_line(struct od_http_head *head, od_slice text, struct request_line *line)
{
    *line = (struct request_line){0};
    bool is_split = take_word(&text, &line->method) && take_word(&text, &line->target) &&
                    read_version(head, text, &head->version_minor) &&
                    (line->target.at[0] == '/' || read_target(head, line));
    OD_ASSERT(is_split);
}

// ---- One header

// False when there is no colon.
static bool split_field(od_slice text, struct od_header *field)
{
    OD_ASSERT(text.size > 0);
    const char *colon = memchr(text.at, ':', text.size);
    if (colon == NULL)
        return false;
    field->name = (od_slice){text.at, (size_t)(colon - text.at)};
    field->value = od_http_trim(od_slice_from(text, field->name.size + 1));
    return true;
}

static bool check_field(struct od_http_head *head, od_slice text)
{
    struct od_header field;
    OD_ASSERT(text.size > 0);
    if (text.at[0] == ' ' || text.at[0] == '\t')
        return fault(head, 400, "a header is folded over two lines");
    if (!split_field(text, &field))
        return fault(head, 400, "a header has no colon");
    if (!od_http_is_token(field.name))
        return fault(head, 400, "the name of a header has a character that is not allowed in it");
    if (!od_http_is_value(field.value))
        return fault(head, 400, "the value of a header has a control character");
    return true;
}

// Every line was checked when it arrived.
bool od_http_headers_next(od_slice *rest, struct od_header *header)
{
    if (rest->size == 0)
        return false;
    const char *end = memchr(rest->at, '\r', rest->size);
    OD_ASSERT(end != NULL);
    od_slice line = {rest->at, (size_t)(end - rest->at)};
    *rest = od_slice_from(*rest, line.size + 2);
    bool has_colon = split_field(line, header);
    OD_ASSERT(has_colon);
    return true;
}

// ---- What the headers mean together

struct meaning {
    bool has_host, has_length, has_transfer_encoding;
    bool says_close, says_keep_alive, says_upgrade, names_websocket;
};

static bool take_host(struct od_http_head *head, struct meaning *meaning, od_slice value)
{
    if (meaning->has_host)
        return fault(head, 400, "there is more than one Host header");
    if (!od_http_is_host(value))
        return fault(head, 400, "the Host header is not valid");
    meaning->has_host = true;
    if (head->host.size == 0) // An absolute target overrules it.
        head->host = value;
    return true;
}

static bool take_length(struct od_http_head *head, struct meaning *meaning, od_slice value)
{
    if (meaning->has_length)
        return fault(head, 400, "there is more than one Content-Length header");
    meaning->has_length = true;
    if (!od_http_number(value, &head->content_length))
        return fault(head, 400, "the Content-Length header is not a number, or it is too large");
    return true;
}

static bool take_transfer_encoding(struct od_http_head *head, struct meaning *meaning,
                                   od_slice value)
{
    if (head->version_minor == 0)
        return fault(head, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (meaning->has_transfer_encoding || !od_slice_equal_nocase(value, OD_SLICE("chunked")))
        return fault(head, 501, "the only Transfer-Encoding understood here is \"chunked\"");
    meaning->has_transfer_encoding = true;
    head->is_chunked = true;
    return true;
}

static bool take_connection(struct od_http_head *head, struct meaning *meaning, od_slice value)
{
    (void)head;
    for (od_slice option; od_http_list_next(&value, &option);) {
        meaning->says_close |= od_slice_equal_nocase(option, OD_SLICE("close"));
        meaning->says_keep_alive |= od_slice_equal_nocase(option, OD_SLICE("keep-alive"));
        meaning->says_upgrade |= od_slice_equal_nocase(option, OD_SLICE("upgrade"));
    }
    return true;
}

static bool take_upgrade(struct od_http_head *head, struct meaning *meaning, od_slice value)
{
    (void)head;
    meaning->names_websocket |= od_http_list_has(value, OD_SLICE("websocket"));
    return true;
}

static bool take_expect(struct od_http_head *head, struct meaning *meaning, od_slice value)
{
    (void)meaning;
    if (head->version_minor == 0) // RFC 9110, 10.1.1: such an expectation is to be ignored.
        return true;
    if (!od_slice_equal_nocase(value, OD_SLICE("100-continue")))
        return fault(head, 417, "the only Expect header understood here is \"100-continue\"");
    head->expects_continue = true;
    return true;
}

static bool take_origin(struct od_http_head *head, struct meaning *meaning, od_slice value)
{
    (void)meaning;
    if (!head->has_origin)
        head->origin = value;
    head->has_origin = true;
    return true;
}

static const struct {
    od_slice name;
    bool (*take)(struct od_http_head *head, struct meaning *meaning, od_slice value);
} known_fields[] = {
    {{"host", 4}, take_host},
    {{"content-length", 14}, take_length},
    {{"transfer-encoding", 17}, take_transfer_encoding},
    {{"connection", 10}, take_connection},
    {{"upgrade", 7}, take_upgrade},
    {{"expect", 6}, take_expect},
    {{"origin", 6}, take_origin},
};

static bool take_fields(struct od_http_head *head, struct meaning *meaning)
{
    struct od_header header;
    for (od_slice rest = head->headers; od_http_headers_next(&rest, &header);) {
        for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++) {
            if (od_slice_equal_nocase(header.name, known_fields[i].name) &&
                !known_fields[i].take(head, meaning, header.value))
                return false;
        }
    }
    return true;
}

static bool conclude(struct od_http_head *head, const struct meaning *meaning)
{
    if (!meaning->has_host && head->version_minor == 1)
        return fault(head, 400, "there is no Host header");
    if (meaning->has_length && meaning->has_transfer_encoding)
        return fault(head, 400, "there are both Content-Length and Transfer-Encoding headers");
    head->keeps_alive =
        !meaning->says_close && (head->version_minor == 1 || meaning->says_keep_alive);
    head->expects_continue &= head->is_chunked || head->content_length > 0;
    head->wants_websocket = meaning->says_upgrade && meaning->names_websocket &&
                            head->version_minor == 1 &&
                            od_slice_equal(head->method, OD_SLICE("GET"));
    return true;
}

// All lines are there and each is well-formed; from here on slices into the buffer hold.
static bool understand(struct od_http_head *head, const char *at)
{
    OD_ASSERT(head->fields >= head->request_line + 2);
    OD_ASSERT(head->line >= head->fields + 2);
    struct request_line line;
    od_slice text = {at + head->request_line, head->fields - 2 - head->request_line};
    split_request_line(head, text, &line);
    head->bytes = head->line;
    head->method = line.method;
    head->target = line.target;
    head->host = line.authority;
    head->headers = (od_slice){at + head->fields, head->line - 2 - head->fields};
    struct meaning meaning = {0};
    return take_fields(head, &meaning) && conclude(head, &meaning);
}

// ---- Line by line

static bool take_first_line(struct od_http_head *head, od_slice text)
{
    if (text.size == 0 && head->request_line == 0) {
        head->request_line = head->line;
        return true;
    }
    struct request_line line;
    if (!read_request_line(head, text, &line))
        return false;
    head->fields = head->line;
    return true;
}

static bool take_field_line(struct od_http_head *head, od_slice text)
{
    if (++head->header_count > OD_HTTP_HEADER_COUNT_MAX)
        return fault(head, 431, "there are too many headers");
    return check_field(head, text);
}

// A client that speaks something else is told so at its first byte, not at its deadline.
static bool check_first_byte(struct od_http_head *head, const char *at, size_t end)
{
    enum {
        TLS_HANDSHAKE = 0x16,
    };
    if (head->fields != 0 || head->line == end)
        return true;
    od_slice first = {at + head->line, 1};
    if (first.at[0] == TLS_HANDSHAKE)
        return fault(head, 400, "this port speaks plain HTTP, not TLS");
    if (!od_http_is_token(first) && first.at[0] != '\r' && first.at[0] != '\n')
        return fault(head, 400, "a request does not begin like this");
    return true;
}

// [unbroken]: how many bytes the line has so far, without LF. CR may be one of them.
static bool check_sizes(struct od_http_head *head, size_t unbroken, bool is_whole, size_t size)
{
    if (head->fields == 0 && unbroken > OD_HTTP_REQUEST_LINE_BYTES_MAX + 1)
        return fault(head, 414, "the request line is too long");
    if (!is_whole && size >= OD_HTTP_HEAD_BYTES_MAX)
        return fault(head, 431, "the request head is too large");
    return true;
}

enum od_http_outcome od_http_head_parse(struct od_http_head *head, const char *at, size_t size)
{
    size_t end = size < OD_HTTP_HEAD_BYTES_MAX ? size : OD_HTTP_HEAD_BYTES_MAX;
    OD_ASSERT(head->searched <= end);
    OD_ASSERT(head->line <= head->searched);
    for (;;) {
        const char *found =
            head->searched == end ? NULL : memchr(at + head->searched, '\n', end - head->searched);
        head->searched = (uint32_t)(found == NULL ? end : (size_t)(found - at));
        size_t unbroken = head->searched - head->line;
        if (!check_first_byte(head, at, end) || !check_sizes(head, unbroken, found != NULL, size))
            return OD_HTTP_BAD;
        if (found == NULL)
            return OD_HTTP_MORE;
        od_slice line = {at + head->line, unbroken - (unbroken > 0)};
        if (unbroken == 0 || line.at[line.size] != '\r') {
            fault(head, 400, "a line does not end with CR LF");
            return OD_HTTP_BAD;
        }
        head->line = ++head->searched;
        if (line.size == 0 && head->fields != 0)
            return understand(head, at) ? OD_HTTP_DONE : OD_HTTP_BAD;
        if (!(head->fields == 0 ? take_first_line : take_field_line)(head, line))
            return OD_HTTP_BAD;
    }
}

// ---- Read before, by somebody else

struct od_head_lines od_http_head_lines(const struct od_http_head *head)
{
    OD_ASSERT(head->bytes > head->fields);
    return (struct od_head_lines){head->request_line, head->fields, head->header_count,
                                  head->bytes - 2};
}

void od_http_head_take_lines(struct od_http_head *head, const struct od_head_lines *lines)
{
    OD_ASSERT(head->searched == 0);
    OD_ASSERT(lines->request_line <= lines->fields && lines->fields <= lines->end);
    head->request_line = lines->request_line;
    head->fields = lines->fields;
    head->header_count = lines->count;
    head->line = head->searched = lines->end;
}
