#include <stdio.h>
#include <string.h>

#include "codec/http_syntax.h"
#include "net/fetch_inner.h"
#include "net/net.h"

// --- Fields --------------------------------------------------------------------------------------

enum {          // When a field of the caller's is left out.
    ALWAYS = 1, // It belongs to the connection; libcurl says what is true.
    IN_ANOTHER_ORIGIN = 2,
    WITHOUT_BODY = 4, // Of a redirect that drops the body.
};

static const struct {
    const char *name;
    int when;
} left_out[] = {
    {"accept-encoding", ALWAYS}, // What libcurl can decode, and it does.
    {"connection", ALWAYS},
    {"content-length", ALWAYS},
    {"expect", ALWAYS},
    {"host", ALWAYS},
    {"keep-alive", ALWAYS},
    {"proxy-connection", ALWAYS},
    {"te", ALWAYS},
    {"trailer", ALWAYS},
    {"transfer-encoding", ALWAYS},
    {"upgrade", ALWAYS},
    {"authorization", IN_ANOTHER_ORIGIN},
    {"cookie", IN_ANOTHER_ORIGIN},
    {"proxy-authorization", IN_ANOTHER_ORIGIN},
    {"content-encoding", WITHOUT_BODY},
    {"content-language", WITHOUT_BODY},
    {"content-location", WITHOUT_BODY},
    {"content-type", WITHOUT_BODY},
};

// Each field is looked for in the list, so who sends both must not choose the length of both.
void od_fetch_find_hops(struct od_headers headers, struct od_bytes *hops)
{
    struct od_header header;
    while (od_headers_next(&headers, &header)) {
        if (!od_slice_equal_nocase(header.name, OD_SLICE("connection")) ||
            hops->size + header.value.size > OD_FETCH_HOPS_BYTES_MAX)
            continue;
        od_bytes_put_slice(hops, header.value);
        od_bytes_put_u8(hops, ',');
    }
}

static bool is_left_out(const struct od_fetch *fetch, od_slice name)
{
    int now = ALWAYS | (fetch->has_left_origin ? IN_ANOTHER_ORIGIN : 0) |
              (fetch->is_get ? WITHOUT_BODY : 0);
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
        if ((left_out[i].when & now) != 0 &&
            od_slice_equal_nocase(name, od_slice_of(left_out[i].name)))
            return true;
    }
    return false;
}

// Checked by who made the request; once more, since a line too much here is a request too much.
static bool is_one_line(const struct od_header *header)
{
    for (size_t i = 0; i < header->value.size; i++) {
        if (strchr("\r\n", header->value.at[i]) != NULL) // NUL ends the string, so it is found too.
            return false;
    }
    return header->name.size > 0 && memchr(header->name.at, '\n', header->name.size) == NULL;
}

static void add_field(struct od_fetch *fetch, const char *line)
{
    struct curl_slist *longer = curl_slist_append(fetch->fields, line);
    OD_ASSERT(longer != NULL);
    fetch->fields = longer;
}

// An empty value is written "name;": with "name:" libcurl would leave the field out.
static void add_header(struct od_fetch *fetch, const struct od_header *header)
{
    struct od_bytes line = {0};
    od_bytes_put_slice(&line, header->name);
    od_bytes_put_slice(&line, header->value.size == 0 ? OD_SLICE(";") : OD_SLICE(": "));
    od_bytes_put_slice(&line, header->value);
    od_bytes_put_u8(&line, '\0');
    add_field(fetch, line.at);
    od_bytes_deinit(&line);
}

// What libcurl would add of its own: it does so only where the caller's list has no such name.
static void add_fields(struct od_fetch *fetch)
{
    struct od_headers headers = fetch->request.headers;
    struct od_header header;
    struct od_bytes hops = {0};
    bool has_type = false, has_agent = false;
    od_fetch_find_hops(headers, &hops);
    curl_slist_free_all(fetch->fields);
    fetch->fields = NULL;
    while (od_headers_next(&headers, &header)) {
        if (is_left_out(fetch, header.name) ||
            od_http_list_has(od_bytes_slice(&hops), header.name) || !is_one_line(&header))
            continue;
        has_type = has_type || od_slice_equal_nocase(header.name, OD_SLICE("content-type"));
        has_agent = has_agent || od_slice_equal_nocase(header.name, OD_SLICE("user-agent"));
        add_header(fetch, &header);
    }
    add_field(fetch, "Expect:");
    if (!has_type)
        add_field(fetch, "Content-Type:");
    if (!has_agent)
        add_field(fetch, "User-Agent: open-do/" OD_VERSION);
    od_bytes_deinit(&hops);
}

// --- Method and body -----------------------------------------------------------------------------

static bool has_method(const struct od_fetch *fetch, od_slice method)
{
    return od_slice_equal(fetch->request.method, method);
}

bool od_fetch_is_head(const struct od_fetch *fetch)
{
    return has_method(fetch, OD_SLICE("HEAD"));
}

// Methods whose meaning lies in a body say so also when it is empty [RFC 9110, section 8.6].
static bool has_body(const struct od_fetch *fetch)
{
    static const od_slice with_body[] = {
        {"POST", 4},
        {"PUT", 3},
        {"PATCH", 5},
    };
    bool has = fetch->request.body.size > 0;
    for (size_t i = 0; i < sizeof with_body / sizeof *with_body; i++)
        has = has || has_method(fetch, with_body[i]);
    return has && !fetch->is_get;
}

static void set_method(struct od_fetch *fetch)
{
    char method[64];
    od_slice name = fetch->is_get ? OD_SLICE("GET") : fetch->request.method;
    snprintf(method, sizeof method, "%.*s", (int)name.size, name.at);
    if (fetch->way.reader != 0 && !fetch->is_get) {
        od_fetch_set_upload(fetch);
    } else if (has_body(fetch)) {
        od_slice body = fetch->request.body;
        curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, body.size == 0 ? "" : body.at);
    }
    if (od_fetch_is_head(fetch))
        curl_easy_setopt(fetch->easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(fetch->easy, CURLOPT_CUSTOMREQUEST, method); // Copied.
}

// --- A hop ---------------------------------------------------------------------------------------

void od_fetch_prepare(struct od_fetch *fetch)
{
    OD_ASSERT(fetch->target.scheme.size > 0); // od_fetch_read_url has read it.
    curl_url_cleanup(fetch->url);
    fetch->url = od_reach_url(&fetch->target);
    curl_easy_reset(fetch->easy);
    od_reach_prepare(&fetch->reach, fetch->fetches->net->fetch_inside_denied, fetch->easy);
    curl_easy_setopt(fetch->easy, CURLOPT_PRIVATE, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_CURLU, fetch->url);
    curl_easy_setopt(fetch->easy, CURLOPT_FRESH_CONNECT, (long)fetch->is_tried_anew);
    set_method(fetch);
    add_fields(fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->fields);
}

// --- URLs ----------------------------------------------------------------------------------------

static bool is_web(const struct od_url *url)
{
    od_slice scheme = od_bytes_slice(&url->scheme);
    return od_slice_equal(scheme, OD_SLICE("http")) || od_slice_equal(scheme, OD_SLICE("https"));
}

bool od_fetch_read_url(struct od_fetch *fetch, struct od_error *err)
{
    if (fetch->request.url.size > OD_FETCH_URL_BYTES_MAX)
        return od_error_set(err, "the URL is longer than %d bytes", OD_FETCH_URL_BYTES_MAX);
    if (!od_url_parse(&fetch->target, fetch->request.url, NULL, err))
        return od_error_prefix(err, "this is not a URL");
    if (!is_web(&fetch->target))
        return od_error_set(err, "only http and https can be fetched");
    if (fetch->target.username.size > 0 || fetch->target.password.size > 0)
        return od_error_set(err, "a URL with a user name or password is not fetched; send the "
                                 "header Authorization");
    return true;
}

static bool is_same(const struct od_bytes *a, const struct od_bytes *b)
{
    return od_slice_equal(od_bytes_slice(a), od_bytes_slice(b));
}

static bool is_same_origin(const struct od_url *a, const struct od_url *b)
{
    return is_same(&a->scheme, &b->scheme) && is_same(&a->host, &b->host) &&
           is_same(&a->port, &b->port);
}

static bool read_location(struct od_url *to, od_slice location, const struct od_url *from,
                          struct od_error *err)
{
    struct od_error why;
    bool is_url = od_url_parse(to, location, from, &why);
    if (to->scheme.size > 0 && !is_web(to))
        return od_error_set(err, "a redirect leads to %.*s; only http and https can be fetched",
                            (int)location.size, location.at);
    return is_url || od_error_set(err, "a redirect leads to \"%.*s\", which is not a URL (%s)",
                                  (int)location.size, location.at, why.text);
}

// As browsers do it and the Fetch standard says.
static bool becomes_get(const struct od_fetch *fetch, uint16_t status)
{
    if (status == 303)
        return !has_method(fetch, OD_SLICE("GET")) && !od_fetch_is_head(fetch);
    return (status == 301 || status == 302) && has_method(fetch, OD_SLICE("POST"));
}

bool od_fetch_go_on(struct od_fetch *fetch, uint16_t status, od_slice location,
                    struct od_error *err)
{
    OD_ASSERT(fetch->way.redirect != OD_FETCH_MANUAL);
    if (location.size > OD_FETCH_URL_BYTES_MAX)
        return od_error_set(err, "a redirect leads to a URL longer than %d bytes",
                            OD_FETCH_URL_BYTES_MAX);
    if (fetch->way.redirect == OD_FETCH_ERROR)
        return od_error_set(err, "it is redirected to %.*s, and redirect is \"error\"",
                            (int)location.size, location.at);
    if (++fetch->redirect_count > OD_FETCH_REDIRECTS_MAX)
        return od_error_set(err, "it is redirected more than %d times", OD_FETCH_REDIRECTS_MAX);
    struct od_url to = {0};
    if (!read_location(&to, location, &fetch->target, err)) {
        od_url_deinit(&to);
        return false;
    }
    bool is_get = fetch->is_get || becomes_get(fetch, status);
    if (fetch->way.reader != 0 && !is_get) {
        od_url_deinit(&to);
        return od_error_set(err, "a redirect asks for the body again, which came piece by piece");
    }
    fetch->has_left_origin = fetch->has_left_origin || !is_same_origin(&to, &fetch->target);
    fetch->is_get = is_get;
    od_url_deinit(&fetch->target);
    fetch->target = to; // Its credentials are not looked at.
    return true;
}

int od_fetch_describe(od_slice message, char *text, size_t size)
{
    struct od_request request;
    bool is_request = od_request_read(message, &request);
    OD_ASSERT(is_request);
    od_slice url = request.url, scheme = {url.at, 0};
    const char *query = memchr(url.at, '?', url.size);
    url.size = query == NULL ? url.size : (size_t)(query - url.at);
    const char *user = memchr(url.at, '@', url.size);
    if (user != NULL) { // Or it is part of the path; no harm then either.
        scheme.size = od_slice_starts_with(url, OD_SLICE("https")) ? 8 : 7;
        url = od_slice_from(url, (size_t)(user + 1 - url.at));
    }
    bool is_long = url.size > OD_FETCH_SHOWN_BYTES_MAX;
    return snprintf(text, size, "%.*s%.*s%s", (int)scheme.size, scheme.at,
                    is_long ? OD_FETCH_SHOWN_BYTES_MAX : (int)url.size, url.at,
                    is_long ? "..." : "");
}
