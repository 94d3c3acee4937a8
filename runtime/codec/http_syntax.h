// The small words of HTTP: which bytes may stand where, tokens and comma lists.
//
// HTTP has one alphabet for names (tokens) and one for values, and most attacks on it are bytes
// that one side counts as part of a word and the other does not. So there is one table, and the
// head, the answer and the handshake all ask it. Nothing here allocates or keeps a state.
//
// Thread: any.

#ifndef OD_CODEC_HTTP_SYNTAX_H
#define OD_CODEC_HTTP_SYNTAX_H

#include "base/slice.h"

// What was wrong with what a client sent: the status it is answered with, and a sentence for a
// person.
struct od_http_fault {
    uint16_t status;
    const char *text; // Static; ends without a full stop.
};

// What a decoder has to say after each piece of input.
enum od_http_outcome {
    OD_HTTP_MORE, // Not all is there yet.
    OD_HTTP_DONE,
    OD_HTTP_BAD, // See the fault; the connection cannot be used any more after the answer.
};

bool od_http_is_token(od_slice text); // At least one character, all of them of a name.
bool od_http_is_value(
    od_slice text); // No control character but the tab; bytes from 0x80 are allowed.
bool od_http_is_host(od_slice text); // A name, an address or "[v6]", with or without ":port".

od_slice od_http_trim(od_slice text); // Without spaces and tabs at both ends.

// All digits, at least one, and no more than 18, so that it cannot overflow.
bool od_http_number(od_slice text, uint64_t *number);

// Takes the first member of the comma list [rest], trimmed; empty members are passed over. False
// when there is none left. Does not know quoted strings: no list that is read with it has them.
bool od_http_list_next(od_slice *rest, od_slice *member);
bool od_http_list_has(od_slice list, od_slice token); // In any letter case.

#endif
