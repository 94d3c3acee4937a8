// The stored times of an object: its alarm, and its schedules, which are alarms with a name. They
// lie beside its values and go into the same batches as these.
//
// Each stands in two places. The object's own row says all of it; *the order*, a table of its own,
// has one entry for each and is sorted by when they are due, so that whoever rings them takes the
// first and never looks at the others. Both are written by the same operation of a batch, so
// neither can be there without the other.
//
// One whose handler failed is due again later; what it was set to stays what getAlarm says.
//
// Row: u64 time, u64 due, u32 retries, u32 serial, body (of schedules: object/parts/schedule.h).
// Order: key due 8 big-endian | id 32 | name, no value.

#ifndef OD_STORE_ALARM_H
#define OD_STORE_ALARM_H

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "store/limits.h"
#include "store/slot.h"

#define OD_ALARM_BYTES 24          // Of a row without a body.
#define OD_ALARM_NONE_MS INT64_MAX // A time at which nothing is due.

struct od_alarm {
    od_time_ms time_ms; // What it was set to, on the wall clock.
    od_time_ms due_ms;  // When it is to ring: the same, or later after a try that failed.
    uint32_t retries;   // How many tries have failed.
    uint32_t serial;    // Another one each time it is set: a handler whose alarm has the serial it
                        // began with knows that nobody has set it anew.
};

// A place in the order. Zeroed: before all of it.
struct od_alarm_place {
    od_time_ms due_ms;
    uint8_t id[OD_ID_BYTES];
    uint16_t name_size; // 0: the alarm.
    char name[OD_STORE_ALARM_NAME_BYTES_MAX];
};

od_slice od_alarm_place_name(const struct od_alarm_place *place);

int od_alarm_place_compare(const struct od_alarm_place *a, const struct od_alarm_place *b);

// A whole row as it is read; [body] is borrowed from it.
struct od_alarm_row {
    struct od_alarm alarm;
    od_slice body;
};

void od_alarm_row_put(struct od_bytes *bytes, const struct od_alarm *alarm, od_slice body);
OD_MUST_CHECK bool od_alarm_row_read(od_slice bytes, struct od_alarm_row *row);

void od_alarm_put(struct od_bytes *bytes, const struct od_alarm *alarm);
void od_alarm_read(struct od_cursor *cursor, struct od_alarm *alarm); // Fails on times below zero.

#endif
