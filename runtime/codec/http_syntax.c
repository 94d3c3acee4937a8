#include "codec/http_syntax.h"

#include <string.h>

#include "base/check.h"

enum {
    IN_TOKEN = 1, // RFC 9110, 5.6.2.
    IN_VALUE = 2, // RFC 9110, 5.5: visible, space, tab, and anything from 0x80 on.
    IN_HOST = 4,  // RFC 3986, 3.2.2: a name, an address or a literal, and the colon of a port.
};

// Where each byte may stand: a sum of the above.
// clang-format off
static const unsigned char places[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, // 0x00
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 0x10
    2, 7, 2, 3, 7, 7, 7, 7, 6, 6, 7, 7, 6, 7, 7, 2, //  !"#$%&'()*+,-./
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 2, 6, 2, 2, // 0-9 :;<=>?
    2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // @ A-O
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 2, 6, 3, 7, // P-Z [ \ ] ^ _
    3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // ` a-o
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2, 3, 2, 7, 0, // p-z {|}~
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0x80
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0x90
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0xa0
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0xb0
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0xc0
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0xd0
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0xe0
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, // 0xf0
};
// clang-format on

static bool all_in(od_slice text, unsigned char place)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((places[(unsigned char)text.at[i]] & place) == 0)
            return false;
    }
    return true;
}

bool od_http_is_token(od_slice text)
{
    return text.size > 0 && all_in(text, IN_TOKEN);
}

bool od_http_is_value(od_slice text)
{
    return all_in(text, IN_VALUE);
}

// How much of [text] stands in front of the port: a name, or a literal with its brackets. 0:
// neither.
static size_t name_size(od_slice text)
{
    bool is_literal = text.size > 0 && text.at[0] == '[';
    size_t end = 0;
    while (end < text.size && text.at[end] != (is_literal ? ']' : ':'))
        end++;
    if (is_literal)
        return end < text.size ? end + 1 : 0;
    return end;
}

static bool has_bracket(od_slice text)
{
    return text.size > 0 &&
           (memchr(text.at, '[', text.size) != NULL || memchr(text.at, ']', text.size) != NULL);
}

// A colon and a number; RFC 3986 allows the number to be missing.
static bool is_port(od_slice text)
{
    OD_ASSERT(text.size > 0);
    uint64_t port = 0;
    return text.at[0] == ':' &&
           (text.size == 1 || (od_http_number(od_slice_from(text, 1), &port) && port <= 65535));
}

bool od_http_is_host(od_slice text)
{
    size_t size = name_size(text);
    if (size == 0 || !all_in(text, IN_HOST))
        return false;
    bool is_literal = text.at[0] == '[';
    od_slice name = {text.at + is_literal, size - 2 * (size_t)is_literal};
    if (name.size == 0 || has_bracket(name))
        return false;
    return size == text.size || is_port(od_slice_from(text, size));
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

od_slice od_http_trim(od_slice text)
{
    while (text.size > 0 && is_blank(text.at[text.size - 1]))
        text.size--;
    while (text.size > 0 && is_blank(text.at[0])) {
        text.at++;
        text.size--;
    }
    return text;
}

bool od_http_number(od_slice text, uint64_t *number)
{
    enum {
        DIGITS_MAX = 18,
    };
    if (text.size == 0 || text.size > DIGITS_MAX)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(text.at[i] - '0');
    }
    *number = sum;
    return true;
}

bool od_http_list_next(od_slice *rest, od_slice *member)
{
    while (rest->size > 0) {
        const char *comma = memchr(rest->at, ',', rest->size);
        size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->at);
        *member = od_http_trim((od_slice){rest->at, size});
        *rest = od_slice_from(*rest, size + 1);
        if (member->size > 0)
            return true;
    }
    return false;
}

bool od_http_list_has(od_slice list, od_slice token)
{
    od_slice member;
    while (od_http_list_next(&list, &member)) {
        if (od_slice_equal_nocase(member, token))
            return true;
    }
    return false;
}
