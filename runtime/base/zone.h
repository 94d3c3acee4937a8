// A time zone: how far its clocks are from UTC at any moment, as the system's tzdata has it.
//
// The C library knows one zone a process, and a worker needs many. So the files are read here:
// TZif as of RFC 8536, with the rule at its end for all years that it does not list.
//
// UTC needs no file: its zone is NULL. Other names are those of /usr/share/zoneinfo (Debian's
// package tzdata). Owner: who opened it.

#ifndef OD_BASE_ZONE_H
#define OD_BASE_ZONE_H

#include "base/civil.h"
#include "base/error.h"
#include "base/slice.h"

#define OD_ZONE_NAME_BYTES_MAX 64

struct od_zone;

// [err] says when there is no such zone, or no tzdata at all.
OD_MUST_CHECK bool od_zone_open(struct od_zone **zone, od_slice name, struct od_error *err);
void od_zone_free(struct od_zone *zone); // NULL is allowed.

int32_t od_zone_offset_s(const struct od_zone *zone, int64_t utc_s); // East of UTC is positive.

// The first moment behind [utc_s] at which the offset may be another; OD_NEVER_S: none.
int64_t od_zone_change_after_s(const struct od_zone *zone, int64_t utc_s);

// The moment at which its clocks first show [local_s], which is counted as if it were UTC. When
// they skip it, that is when they skip.
int64_t od_zone_moment_s(const struct od_zone *zone, int64_t local_s);

#endif
