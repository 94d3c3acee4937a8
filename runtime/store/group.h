// A group: the submissions that one transaction writes, and what becomes of each of them.
//
// Also the memory of sources that failed: nothing of theirs is taken until a higher generation
// comes.
//
// Thread: the committer's.

#ifndef OD_STORE_GROUP_H
#define OD_STORE_GROUP_H

#include "base/list.h"
#include "store/apply.h"
#include "store/committer.h"
#include "store/env.h"
#include "store/reports.h"

enum od_fate {
    OD_FATE_WRITTEN, // Or to be written.
    OD_FATE_MALFORMED,
    OD_FATE_DAMAGED,   // It would go where the file is damaged.
    OD_FATE_DISCARDED, // After one of the same source that failed.
    OD_FATE_FORGET,    // No submission: the source is gone.
};

struct od_pending {
    struct od_list link;
    uint32_t source;
    uint32_t generation;
    od_seq seq;
    enum od_fate fate;
    size_t size;
    char batches[];
};

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
    struct od_changes changes; // Not before it is committed.
    uint64_t written, discarded;
};

void od_group_init(struct od_group *group, struct od_failed_sources *failed);

// Decides every fate, writes what is to be written as one transaction and reports. A submission
// that meets damage is left out, and the others are written without it. False when the transaction
// failed.
bool od_group_commit(struct od_group *group, struct od_env *env, struct od_reports *reports);

void od_failed_sources_deinit(struct od_failed_sources *failed);

#endif
