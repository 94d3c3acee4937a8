// Reading the data file where it is mapped, though its pages may be damaged or gone.
//
// LMDB reads its file as memory and believes what stands there. A file that was cut has pages that
// are not there (SIGBUS); a page with wrong numbers sends LMDB to an address that is nobody's
// (SIGSEGV) or to an assertion of its own. What ran on such a page ends with MDB_CORRUPTED here,
// and with it one question of one object, not the process.
//
// The alternative, reading through calls of the system, costs a copy and a call a page, always, for
// what almost never happens.
//
// A signal outside of a call meets whom it met before, so a crash stays a crash; that it came from
// a mapped page is said.
//
// Thread: any; each has its own calls, one at a time.

#ifndef OD_STORE_MAPPED_H
#define OD_STORE_MAPPED_H

#include <lmdb.h>

// Runs [call] and returns its code. It is left in the middle when it meets damage: it must hold no
// lock and nothing that only it can free. A transaction for reading may be used on after that; one
// for writing must not be touched again, and its thread has to end. Calls may nest.
int od_mapped_call(int (*call)(void *argument), void *argument);

// Cursors for reading; those that a call leaves open are closed behind it. Last opened, first
// closed.
#define OD_MAPPED_CURSORS_MAX 16u
int od_mapped_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **cursor);
void od_mapped_cursor_close(MDB_cursor *cursor);

// Once per environment, before its pages are read.
void od_mapped_prepare(MDB_env *lmdb);

// Looks at each page of a value, so that whoever reads it later finds them there.
void od_mapped_touch(MDB_val value);

#endif
