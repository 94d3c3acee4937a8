#include "codec/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LEVEL = 1,        // Most of the gain for a fraction of the work.
    MEMORY_LEVEL = 6, // Its tables are cleared for every message, so larger ones are slower here.
    INFLATE_STEP_BYTES = 16384,
    BETWEEN_BLOCKS = 128, // A bit of data_type; see inflate() in zlib.h.
};

// The end of what a flush writes; RFC 7692 leaves it out on the wire (7.2.1).
static const unsigned char flush_tail[4] = {0x00, 0x00, 0xff, 0xff};

struct od_inflater {
    z_stream stream;
    od_slice left;     // What is to be read: of the payload, then of the tail.
    size_t bytes_left; // What may still be written.
    size_t work_bytes; // Read and written since the piece began.
    bool is_in_tail;
    bool has_ended; // A block said to be the last.
    bool is_read;   // All of [left], and what that was worth is written.
};

struct od_deflate {
    z_stream compressor;
    struct od_inflater inflater;
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

// A negative window: bare deflate, without the frame of zlib.
static void init_inflater(struct od_inflater *inflater)
{
    inflater->stream.zalloc = allocate;
    inflater->stream.zfree = release;
    int result = inflateInit2(&inflater->stream, -OD_DEFLATE_WINDOW_BITS_MAX);
    OD_ASSERT(result == Z_OK);
}

struct od_deflate *od_deflate_new(void)
{
    struct od_deflate *codec = od_allocate_zeroed(sizeof(*codec));
    codec->compressor.zalloc = allocate;
    codec->compressor.zfree = release;
    int result = deflateInit2(&codec->compressor, LEVEL, Z_DEFLATED, -OD_DEFLATE_WINDOW_BITS_MAX,
                              MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    OD_ASSERT(result == Z_OK);
    init_inflater(&codec->inflater);
    return codec;
}

void od_deflate_free(struct od_deflate *codec)
{
    if (codec == NULL)
        return;
    deflateEnd(&codec->compressor);
    inflateEnd(&codec->inflater.stream);
    free(codec);
}

bool od_deflate_is_worth_it(size_t size, uint8_t window_bits)
{
    if (window_bits == 0 || size < OD_DEFLATE_BYTES_MIN || size > OD_DEFLATE_BYTES_MAX)
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

static void begin(struct od_inflater *inflater, od_slice payload, size_t bytes_max)
{
    OD_ASSERT(bytes_max <= SIZE_MAX / 8);
    inflater->left = payload;
    inflater->bytes_left = bytes_max;
    inflater->is_in_tail = false;
    // No payload should be one zero byte, but what is meant is clear.
    inflater->has_ended = inflater->is_read = payload.size == 0;
}

// Calls inflate() once. Senders may close a block for good and go on with another (RFC 7692,
// 7.2.3.4).
static enum od_inflate_outcome step(struct od_inflater *inflater, struct od_bytes *out)
{
    z_stream *stream = &inflater->stream;
    if (inflater->has_ended)
        inflateReset(stream);
    size_t room = inflater->bytes_left + 1; // One more than allowed, to see it come.
    room = room < INFLATE_STEP_BYTES ? room : INFLATE_STEP_BYTES;
    size_t given = inflater->left.size;
    given = given < INFLATE_STEP_BYTES ? given : INFLATE_STEP_BYTES;
    stream->next_in = (z_const Bytef *)inflater->left.at;
    stream->avail_in = (uInt)given;
    stream->next_out = (Bytef *)od_bytes_reserve(out, room);
    stream->avail_out = (uInt)room;
    int result = inflate(stream, Z_SYNC_FLUSH);
    size_t written = room - stream->avail_out;
    out->size += written;
    inflater->left = od_slice_from(inflater->left, given - stream->avail_in);
    inflater->work_bytes += given - stream->avail_in + written;
    inflater->has_ended = result == Z_STREAM_END;
    inflater->is_read = inflater->left.size == 0 && stream->avail_out > 0;
    if (written > inflater->bytes_left)
        return OD_INFLATE_TOO_BIG;
    inflater->bytes_left -= written;
    bool is_fine = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    return is_fine ? OD_INFLATE_MORE : OD_INFLATE_CORRUPT;
}

// The payload is read, or the tail behind it.
static enum od_inflate_outcome end_part(struct od_inflater *inflater)
{
    static const od_slice tail = {(const char *)flush_tail, sizeof(flush_tail)};
    bool is_between_blocks = (inflater->stream.data_type & BETWEEN_BLOCKS) != 0;
    if (inflater->is_in_tail) // Else the payload was cut off in the middle of a block.
        return is_between_blocks ? OD_INFLATE_DONE : OD_INFLATE_CORRUPT;
    if (inflater->has_ended)
        return OD_INFLATE_DONE;
    inflater->left = tail;
    inflater->is_in_tail = true;
    inflater->is_read = false;
    return OD_INFLATE_MORE;
}

enum od_inflate_outcome od_inflater_go_on(struct od_inflater *inflater, size_t piece_bytes,
                                          struct od_bytes *out)
{
    enum od_inflate_outcome outcome = OD_INFLATE_MORE;
    inflater->work_bytes = 0;
    while (outcome == OD_INFLATE_MORE && inflater->work_bytes < piece_bytes)
        outcome = inflater->is_read ? end_part(inflater) : step(inflater, out);
    return outcome;
}

struct od_inflater *od_inflater_new(od_slice payload, size_t bytes_max)
{
    struct od_inflater *inflater = od_allocate_zeroed(sizeof *inflater);
    init_inflater(inflater);
    begin(inflater, payload, bytes_max);
    return inflater;
}

void od_inflater_free(struct od_inflater *inflater)
{
    if (inflater == NULL)
        return;
    inflateEnd(&inflater->stream);
    free(inflater);
}

enum od_inflate_outcome od_inflate_message(struct od_deflate *codec, od_slice payload,
                                           size_t bytes_max, struct od_bytes *out)
{
    size_t before = out->size;
    inflateReset(&codec->inflater.stream);
    begin(&codec->inflater, payload, bytes_max);
    enum od_inflate_outcome outcome = od_inflater_go_on(&codec->inflater, SIZE_MAX, out);
    if (outcome != OD_INFLATE_DONE)
        out->size = before;
    return outcome;
}
