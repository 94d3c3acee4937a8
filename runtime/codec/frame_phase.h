// The phases of a frame decoder, for frame.c and frame_rest.c only:
//
//   HEAD ─► PAYLOAD ─► HEAD ...         a frame, its payload, the next frame
//     └────────┴─────► OVER             after a close frame or an error, for ever

#ifndef OD_CODEC_FRAME_PHASE_H
#define OD_CODEC_FRAME_PHASE_H

enum od_frame_phase {
    OD_FRAME_PHASE_HEAD,
    OD_FRAME_PHASE_PAYLOAD,
    OD_FRAME_PHASE_OVER,
};

#endif
