// An engine: who decides and remembers in place of the journal, where several machines serve
// (cluster/engine.h). LMDB is a cache of it then.
//
// The committer hands it groups; a group that is STORED is durable. It serves only slots that were
// taken. What they store comes from the engine into LMDB as submissions: that of an object when
// somebody asks for it, and little by little all of it. A group with
// batches of a slot that another node has taken is FENCED: this node is dead to the others, and
// nothing more can be written.
//
// Thread: the committer's, which waits as long as it takes; how long nobody is told it is durable.
// Owner: whoever made it; it outlives the committer.

#ifndef OD_STORE_ENGINE_H
#define OD_STORE_ENGINE_H

#include "base/error.h"
#include "base/slice.h"
#include "store/slot.h"

struct od_engine_slot {
    od_slot slot;
    uint64_t epoch, seq; // As it was claimed.
};

struct od_engine_filled { // What is to come, or the rest of it.
    const od_slot *slots;
    size_t count;
    bool only_alarms;
};

enum od_engine_outcome {
    OD_ENGINE_STORED,
    OD_ENGINE_FAILED, // Nothing of it is stored: [err].
    OD_ENGINE_FENCED, // Never again: [err].
    OD_ENGINE_ENDED,  // It is unknown, and this process ends.
};

// What is stored, on its way into LMDB, perhaps not for the first time. 0, or a code of LMDB's.
struct od_engine_sink {
    int (*put)(void *context, od_slice submission);
    void *context;
};

struct od_engine {
    // Whether all batches are of slots that were taken.
    bool (*has)(const struct od_engine *engine, od_slice submission);
    enum od_engine_outcome (*commit)(struct od_engine *engine, const od_slice *submissions,
                                     size_t count, struct od_error *err);
    void (*take)(struct od_engine *engine, const struct od_engine_slot *slots, size_t count);
    // The next portion of what slots store that were taken: [whole] says how many of them, from the
    // first, have come as a whole. The next one begins where it ended when it is asked for next.
    enum od_engine_outcome (*fill)(struct od_engine *engine, const struct od_engine_filled *filled,
                                   const struct od_engine_sink *sink, size_t *whole,
                                   struct od_error *err);
    // All that these objects store: [ids] of OD_ID_BYTES each, of slots that were taken.
    enum od_engine_outcome (*load)(struct od_engine *engine, od_slice ids,
                                   const struct od_engine_sink *sink, struct od_error *err);
    bool (*has_slot)(const struct od_engine *engine, od_slot slot); // It was taken.
    // Nothing of the slot is committed from now on.
    void (*give)(struct od_engine *engine, od_slot slot);
};

int od_engine_code(enum od_engine_outcome outcome); // As a code of env.h.

#endif
