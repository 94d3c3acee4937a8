#include "store/rehearsal.h"

#include "store/apply.h"
#include "store/limits.h"
#include "store/mapped.h"

int od_rehearsal_open(struct od_rehearsal *rehearsal, struct od_env *env)
{
    OD_ASSERT(env->is_writer);
    *rehearsal = (struct od_rehearsal){.env = env};
    return od_env_reader_open(env, &rehearsal->reader);
}

void od_rehearsal_close(struct od_rehearsal *rehearsal)
{
    OD_ASSERT(rehearsal->env != NULL);
    od_env_reader_close(rehearsal->env, &rehearsal->reader);
}

static int begin(struct od_rehearsal *rehearsal)
{
    int code = od_env_reader_begin(rehearsal->env, &rehearsal->reader);
    if (code != 0)
        return code;
    code = od_write_rehearse(&rehearsal->write, rehearsal->env, mdb_txn_id(rehearsal->reader.txn),
                             rehearsal->unapplied.operations);
    if (code != 0)
        od_rehearsal_end(rehearsal);
    return code;
}

// Where the trees of a transaction are is written over by the one after the next. That cannot have
// begun while no commit has ended; otherwise what was read may be of both.
int od_rehearsal_begin(struct od_rehearsal *rehearsal, const struct od_gathering *gathering,
                       const struct od_unapplied *unapplied)
{
    OD_ASSERT(rehearsal->env != NULL);
    OD_ASSERT(rehearsal->write.txn == NULL);
    rehearsal->write.newest = &gathering->newest;
    rehearsal->write.value_bytes = unapplied->value_bytes;
    rehearsal->unapplied = *unapplied;
    for (;;) {
        uint64_t commits = rehearsal->env->commits;
        int code = begin(rehearsal);
        if (commits == rehearsal->env->commits)
            return code;
        od_write_forget(&rehearsal->write);
        if (code == 0)
            od_rehearsal_end(rehearsal);
    }
}

struct looking {
    struct od_write *write;
    od_slice submission;
};

static int look(void *argument)
{
    const struct looking *looking = argument;
    struct od_changes changes = {0};
    return od_apply_submission(looking->write, looking->submission, &changes);
}

int od_rehearsal_look(struct od_rehearsal *rehearsal, od_slice submission)
{
    struct looking looking = {&rehearsal->write, submission};
    OD_ASSERT(rehearsal->write.txn == NULL);
    return od_mapped_call(look, &looking);
}

int od_rehearsal_reserve(struct od_rehearsal *rehearsal, size_t bytes, size_t count)
{
    OD_ASSERT(rehearsal->reader.txn != NULL);
    const struct od_unapplied *before = &rehearsal->unapplied;
    const struct od_unapplied all = {.bytes = before->bytes + bytes,
                                     .count = before->count + count,
                                     .operations = rehearsal->write.footing.changes,
                                     .value_bytes = rehearsal->write.value_bytes};
    return od_room_set_aside(&rehearsal->room, rehearsal->env, &all);
}

void od_rehearsal_end(struct od_rehearsal *rehearsal)
{
    OD_ASSERT(rehearsal->reader.txn != NULL);
    od_env_reader_end(rehearsal->env, &rehearsal->reader);
}

void od_rehearsal_forget(struct od_rehearsal *rehearsal)
{
    od_write_forget(&rehearsal->write);
}
