#include "codec/offer.h"

#include "codec/deflate.h"
#include "codec/http_syntax.h"

// ---- Words of a header: tokens, quoted strings, and the marks between them

struct words {
    const char *at, *end;
    bool is_wrong; // Not well-formed; everything reads as empty from then on.
};

static void pass_blanks(struct words *words)
{
    while (words->at < words->end && (*words->at == ' ' || *words->at == '\t'))
        words->at++;
}

static bool take_mark(struct words *words, char mark)
{
    pass_blanks(words);
    if (words->is_wrong || words->at == words->end || *words->at != mark)
        return false;
    words->at++;
    return true;
}

static od_slice take_token(struct words *words)
{
    pass_blanks(words);
    od_slice token = {words->at, 0};
    while (words->at + token.size < words->end &&
           od_http_is_token((od_slice){words->at + token.size, 1}))
        token.size++;
    words->at += token.size;
    words->is_wrong |= token.size == 0;
    return words->is_wrong ? (od_slice){NULL, 0} : token;
}

// RFC 6455, 9.1: what is quoted must be a token once it is unquoted. So no escape is worth reading:
// "1\0" would be legal for 10, but nobody writes it.
static od_slice take_value(struct words *words)
{
    bool is_quoted = take_mark(words, '"');
    if (is_quoted && words->at < words->end && (*words->at == ' ' || *words->at == '\t'))
        words->is_wrong = true;
    od_slice value = take_token(words);
    if (is_quoted && (words->at == words->end || *words->at++ != '"'))
        words->is_wrong = true;
    return value;
}

// ---- Parameters

struct parameters {
    struct od_offer offer;
    unsigned seen; // A bit for each row of [known].
};

// 8 to 15, without a leading zero (RFC 7692, 7.1.2.1); 0: it is not such a number.
static uint8_t window_bits_of(od_slice value)
{
    uint64_t bits = 0;
    if (!od_http_number(value, &bits) || value.at[0] == '0')
        return 0;
    bool is_right = bits >= OD_DEFLATE_WINDOW_BITS_MIN && bits <= OD_DEFLATE_WINDOW_BITS_MAX;
    return is_right ? (uint8_t)bits : 0;
}

static bool take_flag(struct od_offer *offer, const od_slice *value)
{
    (void)offer; // We never take context over, asked or not.
    return value == NULL;
}

static bool take_server_window(struct od_offer *offer, const od_slice *value)
{
    uint8_t bits = value == NULL ? 0 : window_bits_of(*value);
    OD_ASSERT(bits <= OD_DEFLATE_WINDOW_BITS_MAX);
    offer->window_bits = bits;
    offer->names_window = true;
    return bits != 0;
}

// A hint that we may limit the client's window. We have one decompressor, so there is nothing to
// save.
static bool take_client_window(struct od_offer *offer, const od_slice *value)
{
    (void)offer;
    return value == NULL || window_bits_of(*value) != 0;
}

static const struct {
    od_slice name;
    bool (*take)(struct od_offer *offer, const od_slice *value);
} known[] = {
    {{"server_no_context_takeover", 26}, take_flag},
    {{"client_no_context_takeover", 26}, take_flag},
    {{"server_max_window_bits", 22}, take_server_window},
    {{"client_max_window_bits", 22}, take_client_window},
};

static bool take_parameter(struct parameters *parameters, od_slice name, const od_slice *value)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!od_slice_equal(name, known[i].name))
            continue;
        bool is_first = (parameters->seen & 1u << i) == 0;
        parameters->seen |= 1u << i;
        return is_first && known[i].take(&parameters->offer, value);
    }
    return false;
}

// One offer, up to the comma behind it. Also a declined one is read to its end.
static struct od_offer read_offer(struct words *words, unsigned *seen)
{
    struct parameters parameters = {.offer.window_bits = OD_DEFLATE_WINDOW_BITS_MAX};
    bool is_taken = od_slice_equal(take_token(words), OD_SLICE("permessage-deflate"));
    while (take_mark(words, ';')) {
        od_slice name = take_token(words);
        bool has_value = take_mark(words, '=');
        od_slice value = has_value ? take_value(words) : (od_slice){NULL, 0};
        is_taken = is_taken && take_parameter(&parameters, name, has_value ? &value : NULL);
    }
    *seen = parameters.seen;
    return is_taken ? parameters.offer : (struct od_offer){0};
}

struct od_offer od_offer_choose(od_slice extensions)
{
    struct od_offer chosen = {0};
    if (extensions.size == 0) // And perhaps nowhere.
        return chosen;
    struct words words = {extensions.at, extensions.at + extensions.size, false};
    do {
        unsigned seen;
        struct od_offer offer = read_offer(&words, &seen);
        if (chosen.window_bits == 0)
            chosen = offer;
    } while (take_mark(&words, ','));
    pass_blanks(&words);
    bool is_well_formed = !words.is_wrong && words.at == words.end;
    return is_well_formed ? chosen : (struct od_offer){0};
}

// The rows of [known] that an answer may name: what was offered, no window that was not.
enum {
    SERVER_NO_CONTEXT = 1,
    CLIENT_NO_CONTEXT = 2
};

bool od_offer_read_answer(od_slice extensions, bool *keeps_no_context)
{
    struct words words = {extensions.at, extensions.at + extensions.size, false};
    unsigned seen = 0;
    struct od_offer answer = read_offer(&words, &seen);
    pass_blanks(&words);
    *keeps_no_context = (seen & SERVER_NO_CONTEXT) != 0;
    return answer.window_bits != 0 && !words.is_wrong && words.at == words.end &&
           (seen & ~(unsigned)(SERVER_NO_CONTEXT | CLIENT_NO_CONTEXT)) == 0;
}

void od_offer_put_answer(struct od_offer offer, struct od_bytes *out)
{
    OD_ASSERT(offer.window_bits >= OD_DEFLATE_WINDOW_BITS_MIN);
    OD_ASSERT(offer.window_bits <= OD_DEFLATE_WINDOW_BITS_MAX);
    od_bytes_put_slice(out, OD_SLICE("permessage-deflate; server_no_context_takeover; "
                                     "client_no_context_takeover"));
    if (!offer.names_window)
        return;
    od_bytes_put_slice(out, OD_SLICE("; server_max_window_bits="));
    if (offer.window_bits >= 10)
        od_bytes_put_u8(out, '1');
    od_bytes_put_u8(out, (uint8_t)('0' + offer.window_bits % 10));
}
