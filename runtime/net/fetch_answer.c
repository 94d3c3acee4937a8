#include <stdlib.h>
#include <string.h>

#include "codec/http_syntax.h"
#include "link/response.h"
#include "net/fetch_inner.h"
#include "net/net.h"

// --- Fields --------------------------------------------------------------------------------------

static void forget_head(struct od_fetch *fetch)
{
    od_bytes_deinit(&fetch->head);
    fetch->head_count = 0;
    fetch->last_value = 0;
    fetch->is_head_over = false;
}

static struct od_headers fields_of(const struct od_fetch *fetch)
{
    return (struct od_headers){od_cursor_of(od_bytes_slice(&fetch->head)), fetch->head_count};
}

static od_slice trimmed(od_slice text)
{
    return od_slice_trim(text, " \t\r\n");
}

static void put_lower(struct od_bytes *out, od_slice name)
{
    od_bytes_put_u32(out, (uint32_t)name.size);
    for (size_t i = 0; i < name.size; i++) {
        char byte = name.at[i];
        od_bytes_put_u8(out, (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte));
    }
}

// A character that no field may have where a script sees it; the value would be refused later.
static bool has_control(od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return true;
    }
    return false;
}

static void put_field(struct od_fetch *fetch, od_slice name, od_slice value)
{
    fetch->last_name = fetch->head.size;
    put_lower(&fetch->head, name);
    fetch->last_value = fetch->head.size;
    od_bytes_put_string(&fetch->head, value);
    fetch->head_count++;
}

static void take_field(struct od_fetch *fetch, od_slice line)
{
    const char *colon = memchr(line.at, ':', line.size);
    fetch->last_value = 0;
    if (colon == NULL)
        return;
    od_slice name = {line.at, (size_t)(colon - line.at)};
    od_slice value = trimmed(od_slice_from(line, name.size + 1));
    if (name.size > 0 && !has_control(name) && memchr(name.at, ' ', name.size) == NULL &&
        !has_control(value))
        put_field(fetch, name, value);
}

// A line that begins with a blank goes on with the value of the line before; where it was folded
// stands one space [RFC 9112, section 5.2]. What was left out of the answer stays out of it.
static void take_fold(struct od_fetch *fetch, od_slice line)
{
    struct od_bytes *head = &fetch->head;
    od_slice more = trimmed(line);
    if (fetch->last_value == 0 || more.size == 0)
        return;
    if (has_control(more)) { // Then the field goes, as it would had this stood in its first line.
        fetch->head.size = fetch->last_name;
        OD_ASSERT(fetch->head_count > 0);
        fetch->head_count--;
        fetch->last_value = 0;
        return;
    }
    size_t text = fetch->last_value + sizeof(uint32_t);
    if (head->size > text)
        od_bytes_put_u8(head, ' ');
    od_bytes_put_slice(head, more);
    OD_ASSERT(head->size >= text);
    od_bytes_set_u32(head, fetch->last_value, (uint32_t)(head->size - text));
}

// Two lengths may be one message for us and another for a proxy before us [RFC 9112, section 6.3].
// libcurl takes one of them.
static bool has_two_lengths(const struct od_fetch *fetch)
{
    struct od_headers fields = fields_of(fetch);
    struct od_header field;
    od_slice first = {NULL, 0};
    while (od_headers_next(&fields, &field)) {
        if (!od_slice_equal(field.name, OD_SLICE("content-length")))
            continue;
        if (memchr(field.value.at, ',', field.value.size) != NULL ||
            (first.at != NULL && !od_slice_equal(field.value, first)))
            return true;
        first = field.value;
    }
    return false;
}

// False: nobody can or wants to take what follows.
static bool take_head_end(struct od_fetch *fetch)
{
    fetch->has_two_lengths = !fetch->is_head_over && has_two_lengths(fetch);
    fetch->is_head_over = true;
    if (fetch->has_two_lengths)
        return false;
    return fetch->way.stream == 0 || od_fetch_head_is_there(fetch);
}

// Called for each line: those of an answer 1xx, then the status line, the fields, an empty line,
// and perhaps trailers behind the body.
// NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type.
static size_t on_head_line(char *at, size_t one, size_t size, void *owner)
{
    struct od_fetch *fetch = owner;
    od_slice line = {at, one * size};
    if (line.size == 0)
        return 0;
    if (fetch->head.size + line.size > OD_FETCH_FIELDS_BYTES_MAX) {
        fetch->is_too_large = true;
        return 0;
    }
    if (od_slice_starts_with(line, OD_SLICE("HTTP/")))
        forget_head(fetch);
    else if (line.at[0] == '\r' || line.at[0] == '\n')
        return take_head_end(fetch) ? line.size : 0;
    else if (!fetch->is_head_over && (line.at[0] == ' ' || line.at[0] == '\t'))
        take_fold(fetch, line);
    else if (!fetch->is_head_over)
        take_field(fetch, line);
    return line.size;
}

// --- Body ----------------------------------------------------------------------------------------

static size_t on_body(char *at, size_t one, size_t size, void *owner)
{
    struct od_fetch *fetch = owner;
    size_t count = one * size;
    size_t *all = &fetch->fetches->body_bytes;
    if (fetch->way.stream != 0)
        return od_fetch_take_piece(fetch, (od_slice){at, count});
    if (fetch->body.size + count > OD_FETCH_RESPONSE_BYTES_MAX ||
        *all + count > OD_FETCH_WORKER_BYTES_MAX) {
        fetch->is_too_large = true;
        return 0;
    }
    od_bytes_put(&fetch->body, at, count);
    *all += count;
    OD_ASSERT(fetch->body.size <= *all);
    return count;
}

void od_fetch_expect(struct od_fetch *fetch)
{
    CURL *easy = fetch->easy;
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); // All that it can decode.
    if (!od_fetch_is_head(fetch) &&
        fetch->way.stream == 0) // A large answer is refused by what it says of itself.
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)OD_FETCH_RESPONSE_BYTES_MAX);
}

void od_fetch_forget_answer(struct od_fetch *fetch)
{
    OD_ASSERT(fetch->fetches->body_bytes >= fetch->body.size);
    fetch->fetches->body_bytes -= fetch->body.size;
    od_bytes_deinit(&fetch->body);
    forget_head(fetch);
}

// --- What it comes to ----------------------------------------------------------------------------

bool od_fetch_location(const struct od_fetch *fetch, uint16_t status, od_slice *location)
{
    static const uint16_t redirects[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof redirects / sizeof *redirects; i++) {
        if (status == redirects[i])
            return od_headers_find(fields_of(fetch), OD_SLICE("location"), location);
    }
    return false;
}

bool od_fetch_has_answer(const struct od_fetch *fetch)
{
    return fetch->head_count > 0 || fetch->body.size > 0;
}

// What was said of the connection or of the encoded body is not true of what a script gets.
static bool is_kept(const struct od_fetch *fetch, od_slice name)
{
    static const char *const of_connection[] = {"connection", "keep-alive", "transfer-encoding",
                                                "trailer", "upgrade"};
    static const char *const of_encoding[] = {"content-encoding", "content-length"};
    for (size_t i = 0; i < sizeof of_connection / sizeof *of_connection; i++) {
        if (od_slice_equal(name, od_slice_of(of_connection[i])))
            return false;
    }
    for (size_t i = 0; i < sizeof of_encoding / sizeof *of_encoding; i++) {
        if (od_slice_equal(name, od_slice_of(of_encoding[i])))
            return od_fetch_is_head(fetch);
    }
    return true;
}

void od_fetch_put_answer(const struct od_fetch *fetch, uint16_t status, struct od_bytes *response)
{
    uint32_t count = 0;
    struct od_headers fields = fields_of(fetch);
    struct od_header field;
    struct od_bytes hops = {0};
    od_fetch_find_hops(fields, &hops);
    enum od_response_part part = fetch->way.stream == 0 ? OD_RESPONSE_ALONE : OD_RESPONSE_STREAM;
    size_t mark =
        od_response_begin_with(response, status, part, fetch->way.worker, fetch->way.stream);
    while (od_headers_next(&fields, &field)) {
        if (!is_kept(fetch, field.name) || od_http_list_has(od_bytes_slice(&hops), field.name))
            continue;
        od_headers_put(response, field.name, field.value);
        count++;
    }
    od_response_end(response, mark, count, od_bytes_slice(&fetch->body));
    od_bytes_deinit(&hops);
}

static bool explain_size(const struct od_fetch *fetch, struct od_error *err)
{
    if (fetch->head.size >= OD_FETCH_FIELDS_BYTES_MAX / 2 && fetch->body.size == 0)
        return od_error_set(err, "the head of the answer has more than %u bytes",
                            OD_FETCH_FIELDS_BYTES_MAX);
    if (fetch->fetches->body_bytes > OD_FETCH_WORKER_BYTES_MAX - OD_FETCH_RESPONSE_BYTES_MAX)
        return od_error_set(err, "the answers that arrive in this worker have more than %u bytes",
                            OD_FETCH_WORKER_BYTES_MAX);
    return od_error_set(err, "the answer has more than %u bytes", OD_FETCH_RESPONSE_BYTES_MAX);
}

static bool explain(const struct od_fetch *fetch, CURLcode code, struct od_error *err)
{
    if (fetch->is_upload_cut)
        return od_error_set(err,
                            "the body of the request has been cut: who writes it has failed or "
                            "is gone");
    if (code == CURLE_OK)
        return od_error_set(err, "the status of the answer is none of 200 to 599");
    if (fetch->has_two_lengths)
        return od_error_set(err, "the answer has two different Content-Length");
    if (fetch->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
        return explain_size(fetch, err);
    od_reach_explain(&fetch->reach, fetch->easy, code, err);
    return false;
}

void od_fetch_explain(const struct od_fetch *fetch, CURLcode code, struct od_error *err)
{
    (void)explain(fetch, code, err);
}
