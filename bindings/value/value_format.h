// The bytes of a stored value; see value.h for what they are for.
//
// Format 1, after the byte 1: one value. A value is a tag and what the tag says.
//
//   whole number           a varint, zigzag (up to 2^53)
//   double, int64, uint64  8 bytes, little-endian
//   string                 a varint, the bytes
//   short string           the bytes; the tag has their number
//   table                  u8 items, u8 pairs; the values at 1 .. items; the pairs, key and value
//   table32                the same with two u32
//   array, array32         like table and table32, with the mark of json.array
//   nil                    in a list only
//
// A list of values, which calls pass and nothing stores: after the byte 1, a varint and so many
// values, among which nil may be.
//
// Numbers of tags are on disk: they are added, never changed.

#ifndef OD_VALUE_VALUE_FORMAT_H
#define OD_VALUE_VALUE_FORMAT_H

enum od_tag {
    OD_TAG_NULL,
    OD_TAG_FALSE,
    OD_TAG_TRUE,
    OD_TAG_WHOLE,
    OD_TAG_DOUBLE,
    OD_TAG_SIGNED,
    OD_TAG_UNSIGNED,
    OD_TAG_STRING,
    OD_TAG_TABLE,
    OD_TAG_TABLE32,
    OD_TAG_ARRAY,
    OD_TAG_ARRAY32,
    OD_TAG_NIL,
    OD_TAG_SHORT = 0x20, // to 0x5f: a string of 0 to 63 bytes.
    OD_TAG_SHORT_END = 0x60,
};

#define OD_VALUE_FORMAT 1

#endif
