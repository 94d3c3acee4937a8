// WebSocket frames (RFC 6455, section 5): bytes of a peer become messages.
//
// The peer is a client, whose frames are masked, or, with [is_client], a server, whose are not.
//
// The decoder takes what was read from a socket, in any pieces, and gives one event at a time. The
// ordinary case, a whole message that lies in the input, is unmasked where it is and given as a
// slice of the input: no copy, no memory. Only what is cut (a frame by the end of the input, a
// message by fragmentation) is gathered in a buffer, which is made when it is needed and freed
// with the message, so an idle connection has none. The buffer grows with what has come, never
// with what was announced.
//
// It refuses everything the RFC tells a server to refuse, as early as it can be known: text that
// is not UTF-8 is refused at the first wrong byte, inside a fragment and inside a frame that is
// still arriving.
//
//   enum od_frame_event event;
//   do {
//       event = od_frame_decode(&decoder, at, size, &consumed, &message);
//       at += consumed, size -= consumed;
//       ... the message is valid until the next call ...
//   } while (event != OD_FRAME_EVENT_MORE);
//
// Always go on until OD_FRAME_EVENT_MORE: that call takes all that is left of the input and also
// frees the buffer of the last message. Who has to stop in between (no room in the inbox) keeps
// the rest of the input, which is as it was read: only what was consumed has been unmasked.
//
// Compressed messages (RFC 7692) are given as they came, marked; the caller inflates them with
// deflate.h and, if they are text, asks od_utf8_is_valid then: wrong is close code 1007.
//
// Owner: embedded; deinit frees the buffer. What it has taken and not told can be put as bytes
// again, so that another process can go on in the middle of a frame.

#ifndef OD_CODEC_FRAME_H
#define OD_CODEC_FRAME_H

#include "base/bytes.h"
#include "base/check.h"

enum od_frame_opcode {
    OD_FRAME_CONTINUATION = 0,
    OD_FRAME_TEXT = 1,
    OD_FRAME_BINARY = 2,
    OD_FRAME_CLOSE = 8,
    OD_FRAME_PING = 9,
    OD_FRAME_PONG = 10,
};

enum {
    OD_FRAME_HEAD_BYTES_MAX = 14,     // With the mask of a client.
    OD_FRAME_CONTROL_BYTES_MAX = 125, // Payload of a control frame.
    OD_FRAME_REASON_BYTES_MAX = 123,  // Of a close frame.
    OD_FRAME_CODE_NONE = 1005,        // The event of a close frame without a code. Never sent.
    OD_FRAME_CODE_PROTOCOL_ERROR = 1002,
    OD_FRAME_CODE_NOT_UTF8 = 1007,
    OD_FRAME_CODE_POLICY = 1008,
    OD_FRAME_CODE_TOO_BIG = 1009,
};

enum od_frame_event {
    OD_FRAME_EVENT_MORE,    // All input is taken; nothing more to tell.
    OD_FRAME_EVENT_MESSAGE, // A text or a binary message, whole.
    OD_FRAME_EVENT_PING,    // To be answered with a pong of the same payload.
    OD_FRAME_EVENT_PONG,
    OD_FRAME_EVENT_CLOSE, // The client closes. Whatever it sends after this is taken and ignored.
    OD_FRAME_EVENT_ERROR, // We must close with [code]. What follows is taken and ignored as well.
};

struct od_frame_message {
    // Of MESSAGE, PING and PONG; of CLOSE the reason; of ERROR what was wrong, for a log and as the
    // reason of our close frame. Into the input, the decoder's buffer or static text.
    od_slice payload;
    uint16_t code;      // Of CLOSE (1005: the frame had none) and ERROR (1002, 1007 or 1009).
    bool is_text;       // Of MESSAGE.
    bool is_compressed; // Of MESSAGE: to be inflated.
};

struct od_frame_decoder {
    struct od_bytes gathered;   // The message so far; behind it the payload of a control frame.
    uint32_t message_bytes_max; // Of a whole message, as it comes over the wire.
    uint32_t message_bytes;     // Of the message so far, in whole frames.
    uint32_t left;              // Payload bytes of this frame that have not come yet.
    uint32_t mask; // In memory order, turned so that its first byte is the next to use.
    uint8_t head[OD_FRAME_HEAD_BYTES_MAX]; // A frame's head, while it is not whole.
    uint8_t head_bytes;
    uint8_t phase;          // See frame_phase.h.
    uint8_t opcode;         // Of the frame whose payload is arriving.
    uint8_t message_opcode; // Of the message whose fragments are arriving; 0: none.
    uint8_t utf8;           // State at the end of the text so far.
    bool is_final;          // The frame is its message's last.
    bool is_compressed;     // The message is.
    bool may_compress;      // Compression was negotiated.
    bool is_client;         // We are: frames come unmasked. Set after init.
    bool is_spent;          // [gathered] was given to the caller and goes at the next call.
};

// [may_compress]: permessage-deflate was agreed on in the handshake.
void od_frame_decoder_init(struct od_frame_decoder *decoder, uint32_t message_bytes_max,
                           bool may_compress);
void od_frame_decoder_deinit(struct od_frame_decoder *decoder);

// Decodes up to the next event. [in] is changed: what is consumed is unmasked in place. [message]
// is set with every event but OD_FRAME_EVENT_MORE.
OD_MUST_CHECK enum od_frame_event od_frame_decode(struct od_frame_decoder *decoder, char *in,
                                                  size_t size, size_t *consumed,
                                                  struct od_frame_message *message);

// Moves the payload of [message], the last event, out of the decoder's buffer into [out], which is
// empty, instead of copying it. False: it lies in the input, and [out] stays empty.
bool od_frame_take(struct od_frame_decoder *decoder, const struct od_frame_message *message,
                   struct od_bytes *out);

// Whether a frame or a message is half here. Without: a saved state says nothing but the limits.
bool od_frame_decoder_is_amid(const struct od_frame_decoder *decoder);

// Whether it is as after init, so that another connection can go on with it; its own may find it
// like that again.
bool od_frame_decoder_is_fresh(const struct od_frame_decoder *decoder);

// Appends what was taken and not told yet, as bytes that the peer could have sent: a new decoder
// that is given them is where this one is, and goes on with what the peer sends next. So they mean
// the same to every version of the program. Nothing once the peer has closed, or failed.
void od_frame_decoder_put_rest(const struct od_frame_decoder *decoder, struct od_bytes *out);

// The same of a message that was told, by a decoder that [is_client].
void od_frame_put_message(bool is_client, od_slice payload, bool is_text, bool is_compressed,
                          struct od_bytes *out);

// Appends a whole frame, unmasked, as servers send them. [is_compressed] only for text and binary
// whose payload od_deflate_message made.
void od_frame_put(struct od_bytes *out, enum od_frame_opcode opcode, bool is_compressed,
                  od_slice payload);

// Makes the frame that [out] ends with, from [mark] on and unmasked, one of a client, masked with
// [key], which nobody can have foreseen.
void od_frame_mask(struct od_bytes *out, size_t mark, uint32_t key);

// Only the head, for a payload that is sent from where it lies.
void od_frame_put_head(struct od_bytes *out, enum od_frame_opcode opcode, bool is_compressed,
                       size_t payload_bytes);

// A close frame. [code] 0 or 1005: without code and reason, as a client is answered that gave
// none. A reason longer than 123 bytes is cut between two characters; one that is not UTF-8 is left
// out, for clients fail on it.
void od_frame_put_close(struct od_bytes *out, uint16_t code, od_slice reason);

// Whether a close frame may carry [code]: 1000 to 1003, 1007 to 1014, 3000 to 4999.
bool od_frame_code_is_valid(uint16_t code);

// Unmasks (or masks) in place; returns the mask for the byte behind the last. [mask] is in memory
// order.
uint32_t od_frame_unmask(char *at, size_t size, uint32_t mask);

#endif
