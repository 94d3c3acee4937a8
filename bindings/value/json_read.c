#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "value/json.h"

#define EXACT_POWER_MAX 22  // 10^22 is the last power of ten that a double holds exactly.
#define EXACT_DIGITS_MAX 18 // So many digits fit an integer of 64 bits.
#define WHOLE_MAX (1ull << 53)
#define UNESCAPED_ON_STACK 1024 // Bytes; longer strings with escapes take a buffer from Lua.

// The text ends with a zero byte, so one byte may always be looked at.
struct reader {
    lua_State *L;
    const char *start;
    const char *at;
    const char *end;
    int depth;
    int mark; // Stack index of the metatable of arrays.
    const char *problem;
};

static bool read_value(struct reader *reader);

static bool fail(struct reader *reader, const char *problem)
{
    OD_ASSERT(problem != NULL);
    OD_ASSERT(reader->at <= reader->end);
    reader->problem = problem;
    return false;
}

static bool fail_unexpected(struct reader *reader, const char *expected)
{
    return fail(reader, reader->at == reader->end ? "the text ends too early" : expected);
}

static void skip_space(struct reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t')
        reader->at++;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

struct decimal { // digits * 10^exponent
    uint64_t digits;
    int digit_count; // Without leading zeros; above EXACT_DIGITS_MAX [digits] is not complete.
    int exponent;
};

static bool read_digits(struct reader *reader, struct decimal *decimal)
{
    if (!is_digit(*reader->at))
        return fail_unexpected(reader, "a digit must come here");
    for (; is_digit(*reader->at); reader->at++) {
        if (decimal->digit_count < EXACT_DIGITS_MAX)
            decimal->digits = decimal->digits * 10 + (uint64_t)(*reader->at - '0');
        bool is_leading_zero = decimal->digits == 0;
        decimal->digit_count += !is_leading_zero && decimal->digit_count <= EXACT_DIGITS_MAX;
    }
    return true;
}

static bool read_fraction(struct reader *reader, struct decimal *decimal)
{
    if (*reader->at != '.')
        return true;
    const char *first = ++reader->at;
    if (!read_digits(reader, decimal))
        return false;
    decimal->exponent = -(int)(reader->at - first); // Texts are shorter than INT_MAX.
    return true;
}

static bool read_exponent(struct reader *reader, struct decimal *decimal)
{
    if (*reader->at != 'e' && *reader->at != 'E')
        return true;
    reader->at++;
    bool is_negative = *reader->at == '-';
    reader->at += *reader->at == '-' || *reader->at == '+';
    struct decimal power = {0, 0, 0};
    if (!read_digits(reader, &power))
        return false;
    int size = power.digits > 1000 ? 1000 : (int)power.digits;
    decimal->exponent += is_negative ? -size : size;
    return true;
}

// Exact when both parts are: one operation on exact numbers is rounded as the decimal text would
// be.
static bool decimal_value(const struct decimal *decimal, double *value)
{
    static const double powers[EXACT_POWER_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int power = abs(decimal->exponent);
    if (decimal->digit_count > EXACT_DIGITS_MAX || decimal->digits > WHOLE_MAX ||
        power > EXACT_POWER_MAX)
        return false;
    double digits = (double)decimal->digits;
    *value = decimal->exponent < 0 ? digits / powers[power] : digits * powers[power];
    return true;
}

static bool read_number(struct reader *reader)
{
    const char *first = reader->at;
    bool is_negative = *first == '-';
    struct decimal decimal = {0, 0, 0};
    double value;
    reader->at += is_negative;
    if (*reader->at == '0' && is_digit(reader->at[1]))
        return fail(reader, "a number must not begin with 0");
    if (!read_digits(reader, &decimal) || !read_fraction(reader, &decimal) ||
        !read_exponent(reader, &decimal))
        return false;
    if (decimal_value(&decimal, &value)) {
        lua_pushnumber(reader->L, is_negative ? -value : value);
        return true;
    }
    value = strtod(first, NULL);
    if (isinf(value)) {
        reader->at = first;
        return fail(reader, "the number is too large");
    }
    lua_pushnumber(reader->L, value);
    return true;
}

// Moves behind the closing quote and checks all but the escapes.
static bool scan_string(struct reader *reader, bool *has_escapes)
{
    *has_escapes = false;
    for (;;) {
        unsigned char byte = (unsigned char)*reader->at;
        if (byte == '"')
            return true;
        if (byte == '\\') {
            *has_escapes = true;
            reader->at += reader->at[1] == '\0' ? 1 : 2;
        } else if (byte < 0x20) {
            return fail_unexpected(reader, "a control character must be escaped");
        } else if (byte < 0x80) {
            reader->at++;
        } else {
            size_t size = od_utf8_size(reader->at, (size_t)(reader->end - reader->at));
            if (size == 0)
                return fail(reader, "the text is not UTF-8");
            reader->at += size;
        }
    }
}

// Four hex digits at [at]; the text around ends with a quote, so looking is safe. -1 for others.
static int32_t hex4(const char *at)
{
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = od_hex_value(at[i]);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

// [reader->at] is at the u of \uXXXX, or of the first of two that make one character.
static bool unescape_code(struct reader *reader, char **out)
{
    int32_t code = hex4(reader->at + 1);
    if (code < 0)
        return fail(reader, "\\u must be followed by four hex digits");
    if (code >= 0xdc00 && code < 0xe000)
        return fail(reader, "half of a surrogate pair is missing");
    if (code >= 0xd800 && code < 0xdc00) {
        int32_t low = reader->at[5] == '\\' && reader->at[6] == 'u' ? hex4(reader->at + 7) : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return fail(reader, "half of a surrogate pair is missing");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        reader->at += 6;
    }
    reader->at += 5;
    *out += od_utf8_put(*out, (uint32_t)code);
    return true;
}

static bool unescape_one(struct reader *reader, char **out)
{
    static const char values[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    char letter = *++reader->at;
    if (letter == 'u')
        return unescape_code(reader, out);
    if (values[(unsigned char)letter] == 0)
        return fail(reader, "there is no such escape");
    *(*out)++ = values[(unsigned char)letter];
    reader->at++;
    return true;
}

// From [reader->at] to the quote at [close], into [out], which has room for all of it.
static bool unescape(struct reader *reader, const char *close, char *out, size_t *size)
{
    OD_ASSERT(close <= reader->end);
    char *place = out;
    while (reader->at < close) {
        const char *escape = memchr(reader->at, '\\', (size_t)(close - reader->at));
        size_t run = (size_t)((escape == NULL ? close : escape) - reader->at);
        memcpy(place, reader->at, run);
        place += run;
        reader->at += run;
        if (escape != NULL && !unescape_one(reader, &place))
            return false;
    }
    *size = (size_t)(place - out);
    OD_ASSERT(reader->at == close);
    return true;
}

static bool push_unescaped(struct reader *reader, const char *first, const char *close)
{
    lua_State *L = reader->L;
    char small[UNESCAPED_ON_STACK];
    size_t size = (size_t)(close - first);
    bool is_small = size <= sizeof small;
    char *out = is_small ? small : lua_newuserdata(L, size);
    reader->at = first;
    if (!unescape(reader, close, out, &size))
        return false;
    lua_pushlstring(L, out, size);
    if (!is_small)
        lua_remove(L, -2);
    return true;
}

static bool read_string(struct reader *reader)
{
    const char *first = ++reader->at;
    bool has_escapes;
    if (!scan_string(reader, &has_escapes))
        return false;
    const char *close = reader->at;
    if (!has_escapes)
        lua_pushlstring(reader->L, first, (size_t)(close - first));
    else if (!push_unescaped(reader, first, close))
        return false;
    reader->at = close + 1;
    return true;
}

static bool enter(struct reader *reader)
{
    OD_ASSERT(reader->at < reader->end);
    reader->at++;
    if (++reader->depth > OD_JSON_DEPTH_MAX)
        return fail(reader, "there are too many arrays and objects inside each other");
    luaL_checkstack(reader->L, 8, "too many values");
    return true;
}

// After a value of an array or object: true and [*more] false at the closing bracket, true and
// [*more] true behind a comma.
static bool read_separator(struct reader *reader, char close, const char *expected, bool *more)
{
    skip_space(reader);
    *more = *reader->at == ',';
    if (!*more && *reader->at != close)
        return fail_unexpected(reader, expected);
    reader->at++;
    skip_space(reader);
    return true;
}

static bool read_array(struct reader *reader)
{
    lua_State *L = reader->L;
    if (!enter(reader))
        return false;
    lua_newtable(L);
    skip_space(reader);
    bool more = *reader->at != ']';
    reader->at += !more;
    for (int i = 1; more; i++) {
        if (!read_value(reader))
            return false;
        lua_rawseti(L, -2, i);
        if (!read_separator(reader, ']', "a comma or ] must come here", &more))
            return false;
    }
    lua_pushvalue(L, reader->mark);
    lua_setmetatable(L, -2);
    reader->depth--;
    return true;
}

static bool read_field(struct reader *reader)
{
    if (*reader->at != '"')
        return fail_unexpected(reader, "a name in quotes must come here");
    if (!read_string(reader))
        return false;
    skip_space(reader);
    if (*reader->at != ':')
        return fail_unexpected(reader, "a colon must come here");
    reader->at++;
    skip_space(reader);
    if (!read_value(reader))
        return false;
    lua_rawset(reader->L, -3);
    return true;
}

static bool read_object(struct reader *reader)
{
    if (!enter(reader))
        return false;
    lua_createtable(reader->L, 0, 4);
    skip_space(reader);
    bool more = *reader->at != '}';
    reader->at += !more;
    while (more) {
        if (!read_field(reader) ||
            !read_separator(reader, '}', "a comma or } must come here", &more))
            return false;
    }
    reader->depth--;
    return true;
}

static bool read_word(struct reader *reader, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(reader->at, word, size) != 0)
        return fail_unexpected(reader, "a value must come here");
    reader->at += size;
    return true;
}

static bool read_true(struct reader *reader)
{
    lua_pushboolean(reader->L, true);
    return read_word(reader, "true");
}

static bool read_false(struct reader *reader)
{
    lua_pushboolean(reader->L, false);
    return read_word(reader, "false");
}

static bool read_null(struct reader *reader)
{
    lua_pushlightuserdata(reader->L, NULL);
    return read_word(reader, "null");
}

typedef bool read_fn(struct reader *reader);

static read_fn *const readers[256] = {
    ['"'] = read_string, ['['] = read_array,          ['{'] = read_object, ['-'] = read_number,
    ['t'] = read_true,   ['0' ... '9'] = read_number, ['f'] = read_false,  ['n'] = read_null,
};

static bool read_value(struct reader *reader)
{
    read_fn *read = readers[(unsigned char)*reader->at];
    if (read == NULL)
        return fail_unexpected(reader, "a value must come here");
    return read(reader);
}

static bool read_text(struct reader *reader)
{
    skip_space(reader);
    if (!read_value(reader))
        return false;
    skip_space(reader);
    return reader->at == reader->end || fail(reader, "something follows the value");
}

static bool report(const struct reader *reader, struct od_error *err)
{
    size_t line = 1;
    const char *line_start = reader->start;
    for (const char *at = reader->start; at < reader->at; at++) {
        if (*at == '\n') {
            line++;
            line_start = at + 1;
        }
    }
    return od_error_set(err, "invalid JSON at line %zu, column %zu: %s", line,
                        (size_t)(reader->at - line_start) + 1, reader->problem);
}

bool od_json_decode(lua_State *L, od_slice text, struct od_error *err)
{
    int top = lua_gettop(L);
    if (text.size > OD_JSON_BYTES_MAX)
        return od_error_set(err, "the JSON is larger than %u bytes", OD_JSON_BYTES_MAX);
    struct reader reader = {L, text.at, text.at, text.at + text.size, 0, top + 1, NULL};
    OD_ASSERT(text.at[text.size] == '\0');
    luaL_checkstack(L, 8, "too many values");
    od_json_push_mark(L);
    bool ok = read_text(&reader);
    if (ok)
        lua_replace(L, top + 1);
    lua_settop(L, top + ok);
    return ok || report(&reader, err);
}
