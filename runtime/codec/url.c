#include "codec/url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "codec/url_host.h"

#define SHOWN_BYTES_MAX 200 // Of a text, in an error.

static const struct {
    const char *scheme;
    const char *port;
} special[] = {{"http", "80"}, {"https", "443"}, {"ws", "80"}, {"wss", "443"}, {"ftp", "21"}};

// The usual port of a scheme of the web; NULL for all others.
static const char *usual_port(const struct od_url *url)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (od_slice_equal(od_bytes_slice(&url->scheme), od_slice_of(special[i].scheme)))
            return special[i].port;
    }
    return NULL;
}

static bool is_special(const struct od_url *url)
{
    return usual_port(url) != NULL;
}

// Browsers take "\" for "/" in URLs of the web.
static bool is_slash(const struct od_url *url, od_slice text, size_t at)
{
    return at < text.size && (text.at[at] == '/' || (text.at[at] == '\\' && is_special(url)));
}

// How much of [text] stands in front of the first of [ends], or of a slash.
static size_t span(const struct od_url *url, od_slice text, const char *ends, bool ends_at_slash)
{
    size_t at = 0;
    while (at < text.size && !(ends_at_slash && is_slash(url, text, at)) &&
           (text.at[at] == '\0' || strchr(ends, text.at[at]) == NULL))
        at++;
    return at;
}

static void put_escaped(struct od_bytes *out, od_slice text, const char *unsafe)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        char code[4];
        if (byte > 0x20 && byte < 0x7f && strchr(unsafe, byte) == NULL) {
            od_bytes_put_u8(out, byte);
            continue;
        }
        snprintf(code, sizeof code, "%%%02X", byte);
        od_bytes_put(out, code, 3);
    }
}

// --- Behind the host -----------------------------------------------------------------------------

static void shorten(struct od_bytes *path)
{
    const char *slash = path->size == 0 ? NULL : memrchr(path->at, '/', path->size);
    path->size = slash == NULL ? 0 : (size_t)(slash - path->at);
}

// How many dots [step] is, of which each may be written %2e; 0: it is something else.
static int dots_of(od_slice step)
{
    int dots = 0;
    for (; step.size > 0; dots++) {
        if (step.at[0] == '.')
            step = od_slice_from(step, 1);
        else if (step.size >= 3 && od_slice_equal_nocase((od_slice){step.at, 3}, OD_SLICE("%2e")))
            step = od_slice_from(step, 3);
        else
            return 0;
    }
    return dots <= 2 ? dots : 0;
}

// Takes the path in front of [rest], whose first slash may be missing.
static void read_path(struct od_url *url, od_slice *rest)
{
    if (is_slash(url, *rest, 0))
        *rest = od_slice_from(*rest, 1);
    else if (span(url, *rest, "?#", false) == 0) {
        if (is_special(url) && url->path.size == 0)
            od_bytes_put_u8(&url->path, '/');
        return;
    }
    for (bool more = true; more;) {
        od_slice step = {rest->at, span(url, *rest, "?#", true)};
        more = is_slash(url, *rest, step.size);
        int dots = dots_of(step);
        if (dots == 2)
            shorten(&url->path);
        if (dots == 0 || !more)
            od_bytes_put_u8(&url->path, '/');
        if (dots == 0)
            put_escaped(&url->path, step, "\"#<>?`{}^");
        *rest = od_slice_from(*rest, step.size + more);
    }
}

static void read_query(struct od_url *url, od_slice *rest)
{
    if (rest->size == 0 || rest->at[0] != '?')
        return;
    size_t size = span(url, *rest, "#", false);
    OD_ASSERT(size > 0); // The "?" itself.
    od_bytes_clear(&url->query);
    od_bytes_put_u8(&url->query, '?');
    put_escaped(&url->query, (od_slice){rest->at + 1, size - 1},
                is_special(url) ? "\"#<>'" : "\"#<>");
    *rest = od_slice_from(*rest, size);
}

static void read_end(struct od_url *url, od_slice rest)
{
    read_query(url, &rest);
    if (rest.size == 0)
        return;
    od_bytes_put_u8(&url->fragment, '#');
    put_escaped(&url->fragment, od_slice_from(rest, 1), "\"<>`");
}

// --- "user:password@host:port" -------------------------------------------------------------------

static void read_credentials(struct od_url *url, od_slice text)
{
    static const char unsafe[] = "\"#<>?`{}/:;=@[\\]^|";
    const char *colon = text.size == 0 ? NULL : memchr(text.at, ':', text.size);
    size_t size = colon == NULL ? text.size : (size_t)(colon - text.at);
    put_escaped(&url->username, (od_slice){text.at, size}, unsafe);
    put_escaped(&url->password, od_slice_from(text, size + 1), unsafe);
}

static int shown(od_slice text)
{
    return (int)(text.size < SHOWN_BYTES_MAX ? text.size : SHOWN_BYTES_MAX);
}

static bool read_port(struct od_url *url, od_slice text, struct od_error *err)
{
    unsigned port = 0;
    char digits[16];
    const char *usual = usual_port(url);
    for (size_t i = 0; i < text.size; i++) {
        port = port * 10 + (unsigned)(text.at[i] - '0');
        if (!isdigit((unsigned char)text.at[i]) || port > 65535)
            return od_error_set(err, "\"%.*s\" cannot be a port", shown(text), text.at);
    }
    snprintf(digits, sizeof digits, "%u", port);
    if (text.size > 0 && (usual == NULL || strcmp(usual, digits) != 0))
        od_bytes_put_slice(&url->port, od_slice_of(digits));
    return true;
}

// The colon of the port, which is none of those in brackets.
static size_t host_size(od_slice text)
{
    bool is_inside = false;
    size_t at = 0;
    for (; at < text.size && (is_inside || text.at[at] != ':'); at++)
        is_inside = text.at[at] == '[' || (is_inside && text.at[at] != ']');
    return at;
}

static bool read_authority(struct od_url *url, od_slice *rest, struct od_error *err)
{
    od_slice text = {rest->at, span(url, *rest, "?#", true)};
    *rest = od_slice_from(*rest, text.size);
    const char *at = text.size == 0 ? NULL : memrchr(text.at, '@', text.size);
    if (at != NULL) {
        read_credentials(url, (od_slice){text.at, (size_t)(at - text.at)});
        text = od_slice_from(text, (size_t)(at + 1 - text.at));
    }
    od_slice host = {text.at, host_size(text)};
    if (!od_url_put_host(&url->host, host, is_special(url)))
        return od_error_set(err, "\"%.*s\" cannot be a host", shown(host),
                            host.at == NULL ? "" : host.at);
    return read_port(url, od_slice_from(text, host.size + 1), err);
}

static bool read_whole(struct od_url *url, od_slice rest, struct od_error *err)
{
    while (is_special(url) && is_slash(url, rest, 0))
        rest = od_slice_from(rest, 1);
    if (!read_authority(url, &rest, err))
        return false;
    read_path(url, &rest);
    read_end(url, rest);
    return true;
}

// --- Relative ------------------------------------------------------------------------------------

static void copy(struct od_bytes *to, const struct od_bytes *from)
{
    od_bytes_clear(to);
    od_bytes_put_slice(to, od_bytes_slice(from));
}

static bool read_relative(struct od_url *url, od_slice rest, const struct od_url *base,
                          struct od_error *err)
{
    copy(&url->scheme, &base->scheme);
    if (is_slash(url, rest, 0) && is_slash(url, rest, 1))
        return read_whole(url, od_slice_from(rest, 2), err);
    copy(&url->username, &base->username);
    copy(&url->password, &base->password);
    copy(&url->host, &base->host);
    copy(&url->port, &base->port);
    if (!is_slash(url, rest, 0)) {
        copy(&url->path, &base->path);
        if (rest.size == 0 || rest.at[0] == '#')
            copy(&url->query, &base->query);
        else if (rest.at[0] != '?')
            shorten(&url->path);
    }
    read_path(url, &rest);
    read_end(url, rest);
    return true;
}

// --- The whole -----------------------------------------------------------------------------------

// The size of "scheme:" in front; 0: there is none.
static size_t scheme_size(od_slice text)
{
    size_t at = 0;
    while (at < text.size && (isalnum((unsigned char)text.at[at]) ||
                              (text.at[at] != '\0' && strchr("+-.", text.at[at]) != NULL)))
        at++;
    bool is_scheme =
        at > 0 && isalpha((unsigned char)text.at[0]) && at < text.size && text.at[at] == ':';
    return is_scheme ? at + 1 : 0;
}

static bool read_scheme(struct od_url *url, od_slice text, const struct od_url *base,
                        struct od_error *err)
{
    size_t size = scheme_size(text);
    for (size_t i = 0; i + 1 < size; i++)
        od_bytes_put_u8(&url->scheme, (uint8_t)tolower((unsigned char)text.at[i]));
    od_slice rest = od_slice_from(text, size);
    bool has_slashes = od_slice_starts_with(rest, OD_SLICE("//"));
    bool is_of_base =
        base != NULL && (size == 0 || (is_special(url) && !has_slashes &&
                                       od_slice_equal(od_bytes_slice(&url->scheme),
                                                      od_bytes_slice(&base->scheme))));
    if (is_of_base)
        return read_relative(url, rest, base, err);
    if (size == 0 || !(is_special(url) || has_slashes))
        return od_error_set(err, "\"%.*s\" is not a whole URL, like \"http://host/path\"",
                            shown(text), text.at == NULL ? "" : text.at);
    return read_whole(url, is_special(url) ? rest : od_slice_from(rest, 2), err);
}

static bool is_outer(char byte)
{
    return (unsigned char)byte <= 0x20;
}

// Without controls and spaces around it, and without tabs and ends of lines anywhere.
static void put_clean(struct od_bytes *out, od_slice text)
{
    while (text.size > 0 && is_outer(text.at[0]))
        text = od_slice_from(text, 1);
    while (text.size > 0 && is_outer(text.at[text.size - 1]))
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] != '\t' && text.at[i] != '\n' && text.at[i] != '\r')
            od_bytes_put_u8(out, (uint8_t)text.at[i]);
    }
}

bool od_url_parse(struct od_url *url, od_slice text, const struct od_url *base,
                  struct od_error *err)
{
    struct od_bytes clean = {0};
    put_clean(&clean, text);
    bool ok = read_scheme(url, od_bytes_slice(&clean), base, err);
    OD_ASSERT(!ok || url->scheme.size > 0);
    OD_ASSERT(!ok || !is_special(url) || url->path.size > 0);
    OD_ASSERT(url->port.size <= 5);
    od_bytes_deinit(&clean);
    return ok;
}

void od_url_deinit(struct od_url *url)
{
    struct od_bytes *parts = &url->scheme;
    for (size_t i = 0; i < sizeof *url / sizeof *parts; i++)
        od_bytes_deinit(&parts[i]);
}
