// One LMDB environment: the data file of a directory, as a writer (main) or as a reader (a worker).
//
// The writer makes what is missing and checks the format number. It runs in LMDB's default mode, in
// which a commit is on disk when it returns: NOSYNC and NOMETASYNC lose commits in a power cut, and
// WRITEMAP lets a stray pointer damage the file.
//
// An environment must not be opened twice in one process (the second close drops the first one's
// file locks), so a second od_env_open of a directory gives the same environment. It must not cross
// a fork either: a process that forks must exec.
//
// After a commit that failed the writer opens its environment anew: LMDB may have declared it in
// doubt for good (a failed write of its meta page), and a sync that failed must not be tried again,
// for the kernel has forgotten what it could not write. Readers of the same process, which are
// known here, notice nothing; they are only kept from reading meanwhile.
//
// Private to the layer: lmdb.h is known only here and in what includes this.
// Thread: all on the loop's; a writer's functions and readers on others, too.
// Owner: counted; od_env_close gives one count back.

#ifndef OD_STORE_ENV_H
#define OD_STORE_ENV_H

#include <lmdb.h>
#include <pthread.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include "store/files.h"

// Raise it when an older program would misread what this one writes. A writer takes older formats
// and makes them its own: 1 knew no alarms, and would have left those of deleted objects behind; 2
// knew no pages, and would have taken an object with a database for one without; 3 knew no journal,
// and would have served without what is only there; 4 knew one alarm of an object, and would have
// stopped at the first with a name.
#define OD_STORE_FORMAT 5u
#define OD_STORE_FORMAT_OLDEST 1u

struct od_env {
    MDB_env *lmdb;
    MDB_dbi data;      // Rows of objects (keys.h).
    MDB_dbi directory; // Object ids (directory.h).
    MDB_dbi trash;     // Rows nobody owns any more (trash.h).
    MDB_dbi alarms;    // All alarms in the order of their time (alarm.h).
    MDB_dbi meta;      // Format and counters.
    pid_t pid;         // Where it was opened.
    bool is_writer;
    bool is_unsynced;
    unsigned users;
    pthread_rwlock_t gate;       // Read: somebody reads. Written: it is being opened anew.
    pthread_mutex_t mutex;       // For [readers]; the gate comes first.
    struct od_list readers;      // struct od_env_reader
    struct od_env *next;         // Of those open in this process.
    char *directory_path;        // Absolute.
    struct od_store_files files; // That it opened.
    _Atomic uint64_t commits;    // The writer has ended.
    _Atomic int lost;            // Why the writer can no longer write; 0: it can.
    const unsigned char *map;    // A writer's: where the file is mapped.
    size_t page_bytes, map_bytes;
};

// Beside LMDB's codes: pages are damaged without which nothing can be written.
#define OD_ENV_BASE_DAMAGED (-31000)
// And of the engine (engine.h): it has refused, another node has taken over, nobody waits any more.
#define OD_ENV_ENGINE_REFUSED (-31001)
#define OD_ENV_FENCED (-31002)
#define OD_ENV_ENGINE_ENDED (-31003)

// A read transaction that is kept and, between turns, reset.
struct od_env_reader {
    struct od_list link;
    MDB_txn *txn;
};

OD_MUST_CHECK bool od_env_open(struct od_env **env, const char *directory, bool as_writer,
                               struct od_error *err);
void od_env_close(struct od_env *env);

// A writer's: whether commits are synced. They need not be where an engine has all of it
// (engine.h), and the file is thrown away at each start.
void od_env_set_synced(struct od_env *env, bool is_synced);

// A writer's, after a failed commit. When it does not open again, the environment is lost.
void od_env_reopen(struct od_env *env);

// From now on nothing can be written; of several reasons the first is told.
void od_env_lose(struct od_env *env, int code);

// 0 while the files it opened have their names and it is not lost; otherwise it is from now on.
OD_MUST_CHECK int od_env_check_files(struct od_env *env);

// Functions return LMDB's codes. From begin to end a reader sees one moment.
OD_MUST_CHECK int od_env_reader_open(struct od_env *env, struct od_env_reader *reader);
void od_env_reader_close(struct od_env *env, struct od_env_reader *reader);
OD_MUST_CHECK int od_env_reader_begin(struct od_env *env, struct od_env_reader *reader);
void od_env_reader_end(struct od_env *env, struct od_env_reader *reader);

// What LMDB or the system said, for a person; and what to do about it, "" when that is plain.
const char *od_env_reason(int code);
bool od_env_is_damage(int code); // Of the file, and no other mishap.
const char *od_env_advice(const struct od_env *env, int code);

MDB_val od_env_value(od_slice slice);
od_slice od_env_slice(MDB_val value);

#endif
