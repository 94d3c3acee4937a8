#include "value/encodings.h"

#include <string.h>
#include <sys/random.h>

#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/slice.h"
#include "value/raise.h"

#define SHA256_BYTES 32

// Memory for a result that Lua frees, also after an error. [size] is bounded by a string of Lua's.
static char *new_buffer(lua_State *L, size_t size)
{
    return lua_newuserdata(L, size > 0 ? size : 1);
}

static void fill_random(char *place, size_t size)
{
    while (size > 0) {
        ssize_t got = getrandom(place, size, 0);
        OD_ASSERT(got > 0 || size > 256); // Up to 256 bytes are never interrupted.
        if (got > 0) {
            place += got;
            size -= (size_t)got;
        }
    }
}

static int random_bytes(lua_State *L)
{
    lua_Number count = luaL_checknumber(L, 1);
    if (!(count >= 0 && count <= OD_RANDOM_BYTES_MAX) || count != (lua_Number)(size_t)count)
        return luaL_error(L, "randomBytes takes a whole number from 0 to %d", OD_RANDOM_BYTES_MAX);
    char *place = new_buffer(L, (size_t)count);
    fill_random(place, (size_t)count);
    lua_pushlstring(L, place, (size_t)count);
    return 1;
}

static int random_uuid(lua_State *L)
{
    char bytes[16], hex[32], text[37];
    fill_random(bytes, sizeof bytes);
    bytes[6] = (char)((bytes[6] & 0x0f) | 0x40); // Version 4,
    bytes[8] = (char)((bytes[8] & 0x3f) | 0x80); // of RFC 9562.
    od_hex_put(hex, (od_slice){bytes, sizeof bytes});
    static const size_t group_ends[] = {8, 12, 16, 20, 32};
    size_t from = 0, used = 0;
    for (size_t i = 0; i < sizeof group_ends / sizeof group_ends[0]; i++) {
        memcpy(text + used, hex + from, group_ends[i] - from);
        used += group_ends[i] - from;
        text[used++] = '-';
        from = group_ends[i];
    }
    lua_pushlstring(L, text, used - 1);
    return 1;
}

static int sha256(lua_State *L)
{
    unsigned char digest[SHA256_BYTES];
    od_slice data = od_check_bytes(L, 1, "sha256");
    int ok = EVP_Digest(data.at, data.size, digest, NULL, EVP_sha256(), NULL);
    OD_ASSERT(ok == 1);
    lua_pushlstring(L, (const char *)digest, sizeof digest);
    return 1;
}

static int hmac_sha256(lua_State *L)
{
    unsigned char digest[SHA256_BYTES];
    od_slice key = od_check_bytes(L, 1, "hmacSha256"), data = od_check_bytes(L, 2, "hmacSha256");
    if (key.size > INT32_MAX)
        return luaL_argerror(L, 1, "the key is too long");
    unsigned char *made = HMAC(EVP_sha256(), key.at, (int)key.size, (const unsigned char *)data.at,
                               data.size, digest, NULL);
    OD_ASSERT(made != NULL);
    lua_pushlstring(L, (const char *)digest, sizeof digest);
    return 1;
}

static int timing_safe_equal(lua_State *L)
{
    static const char call[] = "timingSafeEqual";
    od_slice a = od_check_bytes(L, 1, call), b = od_check_bytes(L, 2, call);
    lua_pushboolean(L, a.size == b.size && CRYPTO_memcmp(a.at, b.at, a.size) == 0);
    return 1;
}

static int hex_encode(lua_State *L)
{
    od_slice bytes = od_check_bytes(L, 1, "hex.encode");
    char *text = new_buffer(L, bytes.size * 2);
    od_hex_put(text, bytes);
    lua_pushlstring(L, text, bytes.size * 2);
    return 1;
}

static int hex_decode(lua_State *L)
{
    od_slice text = od_check_bytes(L, 1, "hex.decode");
    if (text.size % 2 != 0)
        return luaL_error(L, "invalid hex: an odd number of digits");
    char *bytes = new_buffer(L, text.size / 2);
    for (size_t i = 0; i < text.size; i += 2) {
        int byte = od_hex_pair(text.at + i);
        if (byte < 0)
            return luaL_error(L, "invalid hex at byte %d",
                              (int)(i + 1 + (od_hex_value(text.at[i]) >= 0)));
        bytes[i / 2] = (char)byte;
    }
    lua_pushlstring(L, bytes, text.size / 2);
    return 1;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Up to three bytes as one number, and how many of the four letters they fill.
static size_t put_group(char *out, const char *alphabet, od_slice bytes)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 3; i++)
        group = group << 8 | (i < bytes.size ? (unsigned char)bytes.at[i] : 0);
    for (size_t i = 0; i < 4; i++)
        out[i] = alphabet[group >> (18 - 6 * i) & 63];
    return bytes.size >= 3 ? 4 : bytes.size + 1;
}

static int encode_base64(lua_State *L, const char *alphabet, bool has_padding)
{
    od_slice bytes = od_check_bytes(L, 1, has_padding ? "base64.encode" : "base64url.encode");
    char *text = new_buffer(L, bytes.size / 3 * 4 + 4);
    size_t used = 0;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t letters = put_group(text + used, alphabet, od_slice_from(bytes, i));
        memset(text + used + letters, '=', 4 - letters);
        used += has_padding ? 4 : letters;
    }
    OD_ASSERT(used <= bytes.size / 3 * 4 + 4);
    lua_pushlstring(L, text, used);
    return 1;
}

static int letter_value(const char *alphabet, char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    return letter == alphabet[62] ? 62 : letter == alphabet[63] ? 63 : -1;
}

// Two to four letters; one alone is no byte. Bits that belong to no byte must be zero, so that a
// text has one meaning and a meaning one text.
static bool take_group(char *out, const char *alphabet, od_slice text, size_t *bytes)
{
    uint32_t group = 0;
    size_t letters = text.size < 4 ? text.size : 4;
    if (letters < 2)
        return false;
    for (size_t i = 0; i < letters; i++) {
        int value = letter_value(alphabet, text.at[i]);
        if (value < 0)
            return false;
        group |= (uint32_t)value << (18 - 6 * i);
    }
    *bytes = letters - 1;
    for (size_t i = 0; i < *bytes; i++)
        out[i] = (char)(group >> (16 - 8 * i));
    return (group & (0xffffffu >> (8 * *bytes))) == 0;
}

static od_slice without_padding(od_slice text)
{
    for (int i = 0; i < 2 && text.size > 0 && text.at[text.size - 1] == '='; i++)
        text.size--;
    return text;
}

static int decode_base64(lua_State *L, const char *alphabet, const char *name)
{
    bool is_url = alphabet == base64url_alphabet;
    od_slice whole = od_check_bytes(L, 1, is_url ? "base64url.decode" : "base64.decode");
    od_slice text = whole.size % 4 == 0 ? without_padding(whole) : whole;
    char *bytes = new_buffer(L, text.size / 4 * 3 + 3);
    size_t used = 0;
    for (size_t i = 0; i < text.size; i += 4) {
        size_t count;
        if (!take_group(bytes + used, alphabet, od_slice_from(text, i), &count))
            return luaL_error(L, "invalid %s near byte %d", name, (int)(i + 1));
        used += count;
    }
    OD_ASSERT(used <= text.size / 4 * 3 + 3);
    lua_pushlstring(L, bytes, used);
    return 1;
}

static int base64_encode(lua_State *L)
{
    return encode_base64(L, base64_alphabet, true);
}

static int base64_decode(lua_State *L)
{
    return decode_base64(L, base64_alphabet, "base64");
}

static int base64url_encode(lua_State *L)
{
    return encode_base64(L, base64url_alphabet, false);
}

static int base64url_decode(lua_State *L)
{
    return decode_base64(L, base64url_alphabet, "base64url");
}

static void set_codec(lua_State *L, const char *name, lua_CFunction encode, lua_CFunction decode)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, encode);
    lua_setfield(L, -2, "encode");
    lua_pushcfunction(L, decode);
    lua_setfield(L, -2, "decode");
    lua_setfield(L, -2, name);
}

void od_lib_bytes_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"randomUUID", random_uuid}, {"randomBytes", random_bytes},          {"sha256", sha256},
        {"hmacSha256", hmac_sha256}, {"timingSafeEqual", timing_safe_equal}, {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    set_codec(L, "base64", base64_encode, base64_decode);
    set_codec(L, "base64url", base64url_encode, base64url_decode);
    set_codec(L, "hex", hex_encode, hex_decode);
}
