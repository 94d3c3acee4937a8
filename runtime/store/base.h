// A base: all that LMDB had up to one group of the journal, in a file that nobody changes. With the
// segments behind it, it is every moment from then on.
//
// The file is one of LMDB without free pages, and behind its last page one of OD_BASE_TAIL_BYTES
// that says what it is: 8 bytes OD_BASE_MAGIC, u32 version, u32 check sum of what follows: 16 bytes
// id of the data directory, u64 sequence and u64 time of the last group, u64 bytes and u32 check
// sum of what stands before this page; and, not summed, u32 check sum of that group, 0 if it is not
// known. It is called by the sequence, as a segment is, and ".base".
//
// Process: any that may block.

#ifndef OD_STORE_BASE_H
#define OD_STORE_BASE_H

#include "store/copy.h"
#include "store/journal_visit.h"

#define OD_BASE_NAME_BYTES 26u // Twenty digits, ".base" and a zero.

struct od_base {
    struct od_journal_mark mark;
    uint64_t bytes; // Without the page at the end.
    uint32_t sum;
    bool is_damaged; // After a look or a read that failed: it was read, and is not whole.
};

struct od_env;

void od_base_name(char name[OD_BASE_NAME_BYTES], uint64_t sequence);

// Makes the file [path], which must not be there, of what [env] has now. Others may write to it
// meanwhile.
OD_MUST_CHECK bool od_base_make(struct od_base *base, const char *path, struct od_env *env,
                                struct od_progress *progress, struct od_error *err);

// What the end of the file says.
OD_MUST_CHECK bool od_base_look(struct od_base *base, const char *path, struct od_error *err);

// Reads all of it, and makes of it a data file [to] unless that is NULL. False when a byte of it is
// another than it was.
OD_MUST_CHECK bool od_base_unpack(struct od_base *base, const char *path, const char *to,
                                  struct od_progress *progress, struct od_error *err);

#endif
