#include "codec/url_host.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

// --- IPv6 ----------------------------------------------------------------------------------------

enum {
    PIECES = 8
};

// Where the longest run of zeros begins, of two pieces at least; PIECES: nowhere.
static int longest_run(const unsigned piece[PIECES], int *length)
{
    int best = PIECES;
    *length = 1;
    for (int i = 0, run = 0; i < PIECES; i++) {
        run = piece[i] == 0 ? run + 1 : 0;
        if (run > *length) {
            *length = run;
            best = i - run + 1;
        }
    }
    return best;
}

static void put_ipv6(struct od_bytes *out, const unsigned char address[16])
{
    unsigned piece[PIECES];
    int length;
    for (int i = 0; i < PIECES; i++)
        piece[i] = (unsigned)address[(size_t)i * 2] << 8 | address[(size_t)i * 2 + 1];
    int run = longest_run(piece, &length);
    OD_ASSERT(run == PIECES || run + length <= PIECES);
    od_bytes_put_u8(out, '[');
    for (int i = 0; i < PIECES; i++) {
        char text[8];
        if (i == run) {
            od_bytes_put_slice(out, i == 0 ? OD_SLICE("::") : OD_SLICE(":"));
            i += length - 1;
            continue;
        }
        snprintf(text, sizeof text, i == PIECES - 1 ? "%x" : "%x:", piece[i]);
        od_bytes_put_slice(out, od_slice_of(text));
    }
    od_bytes_put_u8(out, ']');
}

static bool put_literal(struct od_bytes *out, od_slice text)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (text.size < 2 || text.at[text.size - 1] != ']' || text.size - 2 >= sizeof copy ||
        memchr(text.at, '\0', text.size) != NULL)
        return false;
    memcpy(copy, text.at + 1, text.size - 2);
    copy[text.size - 2] = '\0';
    if (inet_pton(AF_INET6, copy, address) != 1)
        return false;
    put_ipv6(out, address);
    return true;
}

// --- IPv4 ----------------------------------------------------------------------------------------

// The part behind the last dot; one dot at the very end does not count.
static od_slice last_part(od_slice host)
{
    if (host.size > 0 && host.at[host.size - 1] == '.')
        host.size--;
    const char *dot = host.size == 0 ? NULL : memrchr(host.at, '.', host.size);
    return dot == NULL ? host : od_slice_from(host, (size_t)(dot + 1 - host.at));
}

// Decimal, octal behind "0" or hexadecimal behind "0x", which may be empty. What is larger than
// any address becomes UINT64_MAX.
static bool read_number(od_slice text, uint64_t *number)
{
    unsigned radix = 10;
    if (text.size == 0)
        return false;
    if (text.size >= 2 && text.at[0] == '0' && (text.at[1] == 'x' || text.at[1] == 'X')) {
        text = od_slice_from(text, 2);
        radix = 16;
    } else if (text.size >= 2 && text.at[0] == '0') {
        text = od_slice_from(text, 1);
        radix = 8;
    }
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        unsigned digit = isdigit(byte) ? (unsigned)byte - '0' : (unsigned)(byte | 0x20) - 'a' + 10;
        if (!isxdigit(byte) || digit >= radix)
            return false;
        *number = *number > UINT32_MAX ? UINT64_MAX : *number * radix + digit;
    }
    return true;
}

// Then the whole host must be an address: no name of the world ends in a number.
static bool ends_in_number(od_slice host)
{
    uint64_t number;
    od_slice part = last_part(host);
    bool all_digits = part.size > 0;
    for (size_t i = 0; i < part.size; i++)
        all_digits = all_digits && isdigit((unsigned char)part.at[i]);
    return all_digits || read_number(part, &number);
}

static bool put_ipv4(struct od_bytes *out, od_slice host)
{
    uint64_t address = 0, number = 0;
    int count = 0;
    if (host.size > 0 && host.at[host.size - 1] == '.')
        host.size--;
    for (bool more = true; more; count++) {
        const char *dot = host.size == 0 ? NULL : memchr(host.at, '.', host.size);
        od_slice part = {host.at, dot == NULL ? host.size : (size_t)(dot - host.at)};
        host = od_slice_from(host, part.size + 1);
        more = dot != NULL;
        if (count == 4 || !read_number(part, &number) || (more && number > 255))
            return false;
        if (more)
            address |= number << (24 - 8 * (count < 3 ? count : 3));
    }
    OD_ASSERT(count >= 1 && count <= 4);
    if (number >= (uint64_t)1 << (8 * (5 - count)))
        return false;
    char text[32];
    address |= number;
    snprintf(text, sizeof text, "%u.%u.%u.%u", (unsigned)(address >> 24 & 255),
             (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
             (unsigned)(address & 255));
    od_bytes_put_slice(out, od_slice_of(text));
    return true;
}

// --- Names ---------------------------------------------------------------------------------------

static bool is_forbidden(unsigned char byte)
{
    return byte == '\0' || strchr("\t\n\r #/:<>?@[\\]^|", byte) != NULL;
}

static void put_decoded(struct od_bytes *out, od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool may_be_code = text.at[i] == '%' && text.size - i >= 3;
        int code = may_be_code ? od_hex_pair(text.at + i + 1) : -1;
        int byte = code >= 0 ? code : (unsigned char)text.at[i];
        od_bytes_put_u8(out, (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte));
        i += code >= 0 ? 2 : 0;
    }
}

static bool put_name(struct od_bytes *out, od_slice text)
{
    struct od_bytes name = {0};
    put_decoded(&name, text);
    od_slice host = od_bytes_slice(&name);
    bool ok = host.size > 0;
    for (size_t i = 0; i < host.size; i++) {
        unsigned char byte = (unsigned char)host.at[i];
        ok = ok && byte > 0x20 && byte < 0x7f && byte != '%' && !is_forbidden(byte);
    }
    if (ok && ends_in_number(host))
        ok = put_ipv4(out, host);
    else if (ok)
        od_bytes_put_slice(out, host);
    od_bytes_deinit(&name);
    return ok;
}

static bool put_opaque(struct od_bytes *out, od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        char code[4];
        if (is_forbidden(byte))
            return false;
        snprintf(code, sizeof code, "%%%02X", byte);
        od_bytes_put(out, byte < 0x20 || byte >= 0x7f ? code : text.at + i,
                     byte < 0x20 || byte >= 0x7f ? 3 : 1);
    }
    return text.size > 0;
}

bool od_url_put_host(struct od_bytes *out, od_slice text, bool is_special)
{
    if (text.size > 0 && text.at[0] == '[')
        return put_literal(out, text);
    return is_special ? put_name(out, text) : put_opaque(out, text);
}
