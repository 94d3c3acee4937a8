// The parser of whole URLs: what is read, alone and relative to another, is read again as it
// stands.

#include "fuzz.h"

#include "codec/url.h"

#define PARTS (sizeof(struct od_url) / sizeof(struct od_bytes))

static const struct od_bytes *parts_of(const struct od_url *url)
{
    return &url->scheme;
}

static void put_whole(struct od_bytes *text, const struct od_url *url)
{
    od_bytes_put_slice(text, od_bytes_slice(&url->scheme));
    od_bytes_put_slice(text, OD_SLICE("://"));
    if (url->username.size + url->password.size > 0) {
        od_bytes_put_slice(text, od_bytes_slice(&url->username));
        od_bytes_put_u8(text, ':');
        od_bytes_put_slice(text, od_bytes_slice(&url->password));
        od_bytes_put_u8(text, '@');
    }
    od_bytes_put_slice(text, od_bytes_slice(&url->host));
    if (url->port.size > 0)
        od_bytes_put_u8(text, ':');
    for (size_t i = 4; i < PARTS; i++)
        od_bytes_put_slice(text, od_bytes_slice(&parts_of(url)[i]));
}

static void check_bytes(const struct od_url *url)
{
    for (size_t i = 0; i < PARTS; i++) {
        for (size_t at = 0; at < parts_of(url)[i].size; at++)
            OD_ASSERT(parts_of(url)[i].at[at] > 0x20 && parts_of(url)[i].at[at] < 0x7f);
    }
}

static void check_again(const struct od_url *url, const struct od_url *base)
{
    struct od_url again = {0};
    struct od_bytes text = {0};
    struct od_error err;
    put_whole(&text, url);
    OD_ASSERT(od_url_parse(&again, od_bytes_slice(&text), base, &err));
    for (size_t i = 0; i < PARTS; i++)
        OD_ASSERT(od_slice_equal(od_bytes_slice(&parts_of(&again)[i]),
                                 od_bytes_slice(&parts_of(url)[i])));
    od_bytes_deinit(&text);
    od_url_deinit(&again);
}

static bool has(od_slice text, char byte)
{
    return text.size > 0 && memchr(text.at, byte, text.size) != NULL;
}

static bool check(struct od_url *url, od_slice text, const struct od_url *base)
{
    struct od_error err;
    if (!od_url_parse(url, text, base, &err))
        return false;
    OD_ASSERT(url->scheme.size > 0 && url->host.size > 0 && url->port.size <= 5);
    OD_ASSERT(url->path.size == 0 || url->path.at[0] == '/');
    OD_ASSERT(url->query.size == 0 || url->query.at[0] == '?');
    OD_ASSERT(url->fragment.size == 0 || (url->fragment.at[0] == '#' && has(text, '#')));
    OD_ASSERT(url->query.size == 0 || has(text, '?') || base != NULL);
    check_bytes(url);
    check_again(url, base);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // The first byte says how much of the rest is the base.
    size_t cut = fuzz_choice(&data, &size);
    cut = cut < size ? cut : 0;
    char *front = fuzz_copy(data, cut), *back = fuzz_copy(data + cut, size - cut);
    struct od_url base = {0}, url = {0}, relative = {0};
    bool has_base = cut > 0 && check(&base, (od_slice){front, cut}, NULL);
    (void)check(&url, (od_slice){back, size - cut}, NULL);
    if (has_base)
        (void)check(&relative, (od_slice){back, size - cut}, &base);
    od_url_deinit(&base);
    od_url_deinit(&url);
    od_url_deinit(&relative);
    free(front);
    free(back);
    return 0;
}
