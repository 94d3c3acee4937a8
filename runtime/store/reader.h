// What a worker reads of LMDB: one read transaction, begun when it is first needed and given back
// at the end of the turn, or when there is something newer to see.
//
// The transaction is reset and renewed, never ended, so it keeps its place among LMDB's readers and
// renewing costs a third of a microsecond. Because that place was taken at opening, what can fail
// later is damage to the file or a lack of address space. Then the one question has no answer: it
// says "there is none", and od_reader_has_failed says that this is not so (mapped.h).
//
// Main has one too: its clock reads when alarms are due. Slices it returns live until
// od_reader_reset.

#ifndef OD_STORE_READER_H
#define OD_STORE_READER_H

#include "base/error.h"
#include "store/alarm.h"
#include "store/files.h"
#include "store/identity.h"
#include "store/journal_visit.h"
#include "store/keys.h"
#include "store/measure.h"
#include "store/range.h"

struct od_reader;

OD_MUST_CHECK bool od_reader_open(struct od_reader **reader, const char *directory,
                                  struct od_error *err);
OD_MUST_CHECK bool od_reader_has_files(const struct od_reader *reader,
                                       const struct od_store_files *files, struct od_error *err);
void od_reader_close(struct od_reader *reader);
const char *od_reader_directory(const struct od_reader *reader);
void od_reader_reset(struct od_reader *reader);

// Whether the last question had no answer, and why, with what to do.
bool od_reader_has_failed(const struct od_reader *reader, struct od_error *err);

// False when the directory does not know the id.
bool od_reader_find(struct od_reader *reader, const uint8_t id[OD_ID_BYTES], uint64_t *number,
                    struct od_identity *identity);
void od_reader_list(struct od_reader *reader, od_slice space, struct od_bytes *identities);

// Calls [visit] for each object of the directory behind the place [after] (empty: from the first),
// until it returns false.
void od_reader_walk_directory(struct od_reader *reader, od_slice after,
                              bool (*visit)(void *context, od_slice place,
                                            const struct od_identity *identity),
                              void *context);
// The journal, and up to where what is read has it.
bool od_reader_mark(struct od_reader *reader, struct od_journal_mark *mark);
bool od_reader_get(struct od_reader *reader, od_slot slot, uint64_t number, od_slice key,
                   od_slice *value);

bool od_reader_get_page(struct od_reader *reader, od_slot slot, uint64_t number, uint32_t page,
                        od_slice *squeezed);

// False: the object with that number has no alarm [name].
bool od_reader_alarm(struct od_reader *reader, od_slot slot, uint64_t number, od_slice name,
                     struct od_alarm_row *row);

// What the rows of the object with that number take (rows.h).
void od_reader_measure(struct od_reader *reader, od_slot slot, uint64_t number, uint64_t rows_max,
                       struct od_measure *measure);

// Of all objects; both cost no walk.
uint64_t od_reader_count_alarms(struct od_reader *reader);
uint64_t od_reader_count_objects(struct od_reader *reader);

// Calls [visit] for each alarm in the order of their time, from [place] on, until it returns false.
void od_reader_walk_alarms(struct od_reader *reader, const struct od_alarm_place *place,
                           bool (*visit)(void *context, const struct od_alarm_place *place),
                           void *context);

// Calls [visit] for each pair within [bounds] until it returns false; or, instead of keys and
// values, for names and rows of alarms.
void od_reader_walk(struct od_reader *reader, od_slot slot, uint64_t number, enum od_row_kind kind,
                    const struct od_bounds *bounds, bool reverse,
                    bool (*visit)(void *context, od_slice key, od_slice value), void *context);

#endif
