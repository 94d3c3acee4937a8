// The phases of a frame decoder, for the files that are its body only:
//
//   HEAD ─► PAYLOAD ─► HEAD ...         a frame, its payload, the next frame
//     └────────┴─────► OVER             after a close frame or an error, for ever

#ifndef OD_CODEC_FRAME_PHASE_H
#define OD_CODEC_FRAME_PHASE_H

#include <stdbool.h>
#include <stddef.h>

struct od_frame_decoder;
struct od_frame_message;

enum od_frame_phase {
    OD_FRAME_PHASE_HEAD,
    OD_FRAME_PHASE_PAYLOAD,
    OD_FRAME_PHASE_OVER,
};

// frame_whole.c: if [in] begins with a whole message in one frame, unmasks it and tells it. Its
// code is 0, or OD_FRAME_CODE_NOT_UTF8. False: nothing has happened.
bool od_frame_whole(const struct od_frame_decoder *decoder, char *in, size_t size, size_t *consumed,
                    struct od_frame_message *message);

#endif
