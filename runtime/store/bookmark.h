// A bookmark: a moment of one object, as a string that its code may keep. Strings compare as their
// times do.
//
//   12 digits time in ms, "-", 16 digits last group, "-", 8 digits check sum      all hexadecimal
//
// It names all groups of the journal up to that one and to that time. The check sum is of the text
// before it, of the journal and of the object, so that a bookmark of another object, or of a data
// directory that this one was restored from, is none here.

#ifndef OD_STORE_BOOKMARK_H
#define OD_STORE_BOOKMARK_H

#include "store/journal_visit.h"
#include "store/slot.h"

#define OD_BOOKMARK_BYTES 39u      // With the zero behind it.
#define OD_BOOKMARK_ALL UINT64_MAX // As its group: whatever came until that time.
#define OD_BOOKMARK_MS_MAX ((INT64_C(1) << 48) - 1)

// [mark]: the journal and the moment.
void od_bookmark_put(char text[OD_BOOKMARK_BYTES], const struct od_journal_mark *mark,
                     const uint8_t id[OD_ID_BYTES]);

// False: it is none of the object with that [id]. The journal of [mark] is known.
OD_MUST_CHECK bool od_bookmark_read(struct od_journal_mark *mark, const uint8_t id[OD_ID_BYTES],
                                    od_slice text);

#endif
