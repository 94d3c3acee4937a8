#include "codec/http_body.h"

#include <string.h>

#include "base/hex.h"

// The states, in the order in which a chunked body goes through them:
//
//   SIZE ─► (BLANK ─►) EXTENSION ─► SIZE_LF ─► CHUNK ─► CHUNK_CR ─► CHUNK_LF ─► SIZE ...
//                                       └─ size 0 ─► TRAILER ─► TRAILER_LF ─► TRAILER ... ─► WHOLE
//
// A body with Content-Length has only CONTENT and WHOLE.
enum state {
    CONTENT,
    SIZE,
    BLANK,
    EXTENSION,
    SIZE_LF,
    CHUNK,
    CHUNK_CR,
    CHUNK_LF,
    TRAILER,
    TRAILER_LF,
    WHOLE,
    WRONG,
};

void od_http_body_init(struct od_http_body *body, const struct od_http_head *head, size_t bytes_max)
{
    *body = (struct od_http_body){
        .left = head->content_length,
        .bytes_max = bytes_max,
        .state = head->is_chunked ? SIZE : CONTENT,
    };
}

static void fault(struct od_http_body *body, uint16_t status, const char *text)
{
    body->fault = (struct od_http_fault){status, text};
    body->state = WRONG;
}

static void check(const struct od_http_body *body)
{
    OD_ASSERT(body->state <= WRONG);
    OD_ASSERT(body->size <= body->bytes_max);
    OD_ASSERT((body->state == WRONG) == (body->fault.status != 0));
    OD_ASSERT(body->state != CHUNK || body->left > 0);
    OD_ASSERT(body->state != CHUNK || body->left <= body->bytes_max - body->size);
}

// Every step takes at least one byte of a [in] that is not empty, or changes the state.
typedef size_t step(struct od_http_body *body, od_slice in, struct od_bytes *out);

static size_t take_data(struct od_http_body *body, od_slice in, struct od_bytes *out,
                        enum state next)
{
    size_t size = in.size < body->left ? in.size : (size_t)body->left;
    OD_ASSERT(body->left <= body->bytes_max - body->size);
    od_bytes_put(out, in.at, size);
    body->size += size;
    body->left -= size;
    if (body->left == 0)
        body->state = (uint8_t)next;
    return size;
}

// Before any byte is stored: what is announced together with what is there.
static bool fits(struct od_http_body *body)
{
    if (body->left <= body->bytes_max - body->size)
        return true;
    fault(body, 413, "the request body is too large");
    return false;
}

static size_t take_content(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    return fits(body) ? take_data(body, in, out, WHOLE) : 0;
}

static size_t take_size(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    enum {
        DIGITS_MAX = 16, // Of 64 bits.
    };
    (void)out;
    int digit = od_hex_value(in.at[0]);
    if (digit < 0) {
        bool is_blank = in.at[0] == ' ' || in.at[0] == '\t';
        body->state = is_blank ? BLANK : EXTENSION;
        if (body->digits == 0 || (!is_blank && in.at[0] != '\r' && in.at[0] != ';'))
            fault(body, 400, "the size of a chunk is not a hexadecimal number");
        return 0;
    }
    body->line_bytes++;
    if (++body->digits > DIGITS_MAX)
        fault(body, 400, "the size of a chunk has too many digits");
    body->left = body->left << 4 | (uint64_t)digit;
    return 1;
}

// RFC 9112, 7.1.1: blanks may stand in front of an extension, and nowhere else.
static size_t take_blank(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    if (in.at[0] == ';')
        body->state = EXTENSION;
    else if (in.at[0] != ' ' && in.at[0] != '\t')
        fault(body, 400, "the size of a chunk is not a hexadecimal number");
    else if (++body->line_bytes > OD_HTTP_CHUNK_LINE_BYTES_MAX)
        fault(body, 400, "the line before a chunk is too long");
    return in.at[0] == ';' ? 0 : 1;
}

// From behind the size to CR. Extensions are for nobody here, but a control character in them is a
// sign that the two sides disagree about where lines end.
static size_t take_extension(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    if (++body->line_bytes > OD_HTTP_CHUNK_LINE_BYTES_MAX)
        fault(body, 400, "the line before a chunk is too long");
    else if (in.at[0] == '\r')
        body->state = SIZE_LF;
    else if (!od_http_is_value((od_slice){in.at, 1}))
        fault(body, 400, "a chunk extension has a control character");
    return 1;
}

static bool take_lf(struct od_http_body *body, char byte, enum state next)
{
    body->state = (uint8_t)next;
    if (byte == '\n')
        return true;
    fault(body, 400, "a line in a chunked body does not end with CR LF");
    return false;
}

static size_t take_size_lf(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    if (!take_lf(body, in.at[0], body->left > 0 ? CHUNK : TRAILER) || !fits(body))
        return 0;
    body->line_bytes = 0;
    body->digits = 0;
    body->is_line_empty = true;
    return 1;
}

static size_t take_chunk(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    return take_data(body, in, out, CHUNK_CR);
}

static size_t take_chunk_cr(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    body->state = CHUNK_LF;
    if (in.at[0] != '\r')
        fault(body, 400, "a chunk is longer than its size says");
    return 1;
}

static size_t take_chunk_lf(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    take_lf(body, in.at[0], SIZE);
    return 1;
}

static bool is_of_name(char byte)
{
    return byte == ':' || od_http_is_token((od_slice){&byte, 1});
}

static size_t take_trailer(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    if (++body->line_bytes > OD_HTTP_TRAILER_BYTES_MAX)
        fault(body, 431, "the trailers of the request are too large");
    else if (!body->is_line_empty && !body->has_name && !is_of_name(in.at[0]))
        fault(body, 400, "a trailer has no colon behind its name");
    else if (body->is_line_empty && in.at[0] != '\r' && !od_http_is_token((od_slice){in.at, 1}))
        fault(body, 400, "a trailer has no name");
    else if (in.at[0] == '\r')
        body->state = TRAILER_LF;
    else if (!od_http_is_value((od_slice){in.at, 1}))
        fault(body, 400, "a trailer has a control character");
    body->has_name |= in.at[0] == ':';
    body->is_line_empty &= in.at[0] == '\r';
    return 1;
}

static size_t take_trailer_lf(struct od_http_body *body, od_slice in, struct od_bytes *out)
{
    (void)out;
    take_lf(body, in.at[0], body->is_line_empty ? WHOLE : TRAILER);
    body->is_line_empty = true;
    body->has_name = false;
    return 1;
}

static step *const steps[] = {
    [CONTENT] = take_content,       [SIZE] = take_size,         [BLANK] = take_blank,
    [EXTENSION] = take_extension,   [SIZE_LF] = take_size_lf,   [CHUNK] = take_chunk,
    [CHUNK_CR] = take_chunk_cr,     [CHUNK_LF] = take_chunk_lf, [TRAILER] = take_trailer,
    [TRAILER_LF] = take_trailer_lf,
};

enum od_http_outcome od_http_body_decode(struct od_http_body *body, od_slice in, size_t *consumed,
                                         struct od_bytes *out)
{
    od_slice rest = in;
    check(body);
    // A counted body is checked, and done when it has no bytes, without any input.
    while (body->state < WHOLE && (rest.size > 0 || body->state == CONTENT)) {
        size_t before = rest.size;
        rest = od_slice_from(rest, steps[body->state](body, rest, out));
        if (before == 0)
            break;
    }
    *consumed = in.size - rest.size;
    OD_ASSERT(*consumed <= in.size);
    check(body);
    if (body->state == WRONG)
        return OD_HTTP_BAD;
    return body->state == WHOLE ? OD_HTTP_DONE : OD_HTTP_MORE;
}
