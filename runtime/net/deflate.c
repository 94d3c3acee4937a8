#include "net/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LEVEL = 1,        // Most of the gain for a fraction of the work.
    MEMORY_LEVEL = 6, // Its tables are cleared for every message, so larger ones are slower here.
    INFLATE_STEP_BYTES = 16384,
};

// The end of what a flush writes; RFC 7692 leaves it out on the wire (7.2.1).
static const unsigned char flush_tail[4] = {0x00, 0x00, 0xff, 0xff};

struct od_deflate {
    z_stream compressor;
    z_stream decompressor;
};

static void *allocate(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return od_allocate((size_t)count * size);
}

static void release(void *opaque, void *memory)
{
    (void)opaque;
    free(memory);
}

struct od_deflate *od_deflate_new(void)
{
    struct od_deflate *codec = od_allocate_zeroed(sizeof(*codec));
    codec->compressor.zalloc = codec->decompressor.zalloc = allocate;
    codec->compressor.zfree = codec->decompressor.zfree = release;
    // A negative window: bare deflate, without the frame of zlib.
    int compressor = deflateInit2(&codec->compressor, LEVEL, Z_DEFLATED,
                                  -OD_DEFLATE_WINDOW_BITS_MAX, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    int decompressor = inflateInit2(&codec->decompressor, -OD_DEFLATE_WINDOW_BITS_MAX);
    OD_ASSERT(compressor == Z_OK);
    OD_ASSERT(decompressor == Z_OK);
    return codec;
}

void od_deflate_free(struct od_deflate *codec)
{
    if (codec == NULL)
        return;
    deflateEnd(&codec->compressor);
    inflateEnd(&codec->decompressor);
    free(codec);
}

bool od_deflate_is_worth_it(size_t size, uint8_t window_bits)
{
    if (window_bits == 0 || size < OD_DEFLATE_BYTES_MIN)
        return false;
    return window_bits == OD_DEFLATE_WINDOW_BITS_MAX || size <= (size_t)1 << window_bits;
}

void od_deflate_message(struct od_deflate *codec, od_slice message, struct od_bytes *out)
{
    OD_ASSERT(message.size <= UINT_MAX / 2);
    z_stream *stream = &codec->compressor;
    deflateReset(stream);
    // Room for all of it at once, and for the empty block that a flush adds.
    size_t room = deflateBound(stream, message.size) + 16;
    stream->next_in = (z_const Bytef *)message.at;
    stream->avail_in = (uInt)message.size;
    stream->next_out = (Bytef *)od_bytes_reserve(out, room);
    stream->avail_out = (uInt)room;
    int result = deflate(stream, Z_SYNC_FLUSH);
    OD_ASSERT(result == Z_OK);
    OD_ASSERT(stream->avail_out > 0); // Otherwise the flush is not complete.
    out->size += room - stream->avail_out - sizeof(flush_tail);
}

// Inflates [part], up to a size of [out] of [limit]. [has_ended]: at its end, with a final block.
static enum od_inflate_outcome inflate_part(z_stream *stream, od_slice part, size_t limit,
                                            struct od_bytes *out, bool *has_ended)
{
    int result = Z_OK;
    stream->next_in = (z_const Bytef *)part.at;
    stream->avail_in = (uInt)part.size;
    do {
        // Senders may close a block for good and go on with another (RFC 7692, 7.2.3.4).
        if (result == Z_STREAM_END)
            inflateReset(stream);
        size_t left = limit - out->size + 1; // One more than allowed, to see it come.
        size_t room = left < INFLATE_STEP_BYTES ? left : INFLATE_STEP_BYTES;
        stream->next_out = (Bytef *)od_bytes_reserve(out, room);
        stream->avail_out = (uInt)room;
        result = inflate(stream, Z_SYNC_FLUSH);
        out->size += room - stream->avail_out;
        if (out->size > limit)
            return OD_INFLATE_TOO_BIG;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return OD_INFLATE_CORRUPT;
    } while (stream->avail_out == 0 || (result == Z_STREAM_END && stream->avail_in > 0));
    *has_ended = result == Z_STREAM_END;
    return OD_INFLATE_DONE;
}

static enum od_inflate_outcome inflate_whole(z_stream *stream, od_slice payload, size_t limit,
                                             struct od_bytes *out)
{
    enum {
        BETWEEN_BLOCKS = 128, // A bit of data_type; see inflate() in zlib.h.
    };
    static const od_slice tail = {(const char *)flush_tail, sizeof(flush_tail)};
    bool has_ended = false;
    enum od_inflate_outcome outcome = inflate_part(stream, payload, limit, out, &has_ended);
    if (outcome != OD_INFLATE_DONE || has_ended)
        return outcome;
    outcome = inflate_part(stream, tail, limit, out, &has_ended);
    if (outcome == OD_INFLATE_DONE && (stream->data_type & BETWEEN_BLOCKS) == 0)
        return OD_INFLATE_CORRUPT; // The payload was cut off in the middle of a block.
    return outcome;
}

enum od_inflate_outcome od_inflate_message(struct od_deflate *codec, od_slice payload,
                                           size_t bytes_max, struct od_bytes *out)
{
    OD_ASSERT(payload.size <= UINT_MAX);
    OD_ASSERT(bytes_max <= SIZE_MAX / 8);
    if (payload.size == 0) // Should be one zero byte, but what is meant is clear.
        return OD_INFLATE_DONE;
    size_t before = out->size;
    inflateReset(&codec->decompressor);
    enum od_inflate_outcome outcome =
        inflate_whole(&codec->decompressor, payload, before + bytes_max, out);
    if (outcome != OD_INFLATE_DONE)
        out->size = before;
    return outcome;
}
