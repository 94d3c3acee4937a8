// A group: the submissions that become durable together, and what becomes of each of them.
//
// What would go where the data file is damaged is refused before it is promised: it is rehearsed
// (rehearsal.h). The rest is written to the journal in one piece; what it wrote gathers for LMDB.
// What failed is told only when LMDB has all that came before it (od_group_tell): whoever hears of
// a failure forgets what it laid over LMDB.
//
// Also the memory of sources that failed: nothing of theirs is taken until a higher generation
// comes.
//
// Thread: the committer's.

#ifndef OD_STORE_GROUP_H
#define OD_STORE_GROUP_H

#include "store/engine.h"
#include "store/journal.h"
#include "store/pending.h"
#include "store/rehearsal.h"
#include "store/reports.h"

struct od_failed_source {
    uint32_t source;
    uint32_t generation;
    bool is_reported;
};

struct od_failed_sources {
    struct od_failed_source *list; // Rarely more than a few.
    size_t size, capacity;
};

struct od_group {
    struct od_list pending;
    struct od_failed_sources *failed;
    struct od_engine *engine; // NULL: the journal has its place.
    struct od_env *env;       // What it was rehearsed on.
    size_t bytes, count;      // To be written.
    bool sets_alarm;
    int code;                   // Why it is not written; 0: it is.
    struct od_error engine_err; // What the engine says when it has not stored it.
    uint64_t written, discarded;
};

void od_group_init(struct od_group *group, struct od_failed_sources *failed,
                   struct od_engine *engine);
void od_group_deinit(struct od_group *group);

// What takes it, or without an engine the journal, and where it goes from there.
struct od_committing {
    struct od_journal *journal;
    struct od_rehearsal *rehearsal;
    struct od_gathering *gathering;
    struct od_unapplied unapplied; // In all.
};

// Decides every fate, writes what is to be written to the journal or to the engine, reports it as
// durable and lets it gather for LMDB. What is left then waits for od_group_tell.
void od_group_commit(struct od_group *group, const struct od_committing *by,
                     struct od_reports *reports);

// Something failed that has to be told.
bool od_group_has_failed(const struct od_group *group);

// Reports what is left: failures, and sources that are gone behind them. After a failure LMDB must
// have all that came before.
void od_group_tell(struct od_group *group, struct od_reports *reports);

void od_failed_sources_deinit(struct od_failed_sources *failed);

#endif
