// A moment as people write it: 2026-11-29T12:50:11.123Z.

#ifndef OD_BASE_MOMENT_H
#define OD_BASE_MOMENT_H

#include "base/clock.h"
#include "base/error.h"

#define OD_MOMENT_BYTES 32u

const char *od_moment_text(od_time_ms ms, char text[OD_MOMENT_BYTES]); // Returns [text].

// That, with or without seconds, parts of them, and with Z or an offset like +01:00; or
// milliseconds since 1970.
OD_MUST_CHECK bool od_moment_parse(const char *text, od_time_ms *ms, struct od_error *err);

#endif
