#include "store/replay.h"

#include <string.h>

#include "store/pending.h"

bool od_replay_end(struct od_applier *applier, struct od_error *err)
{
    int code = od_applier_is_empty(applier) ? 0 : od_applier_run(applier, NULL);
    return code == 0 ||
           od_error_set(err, "cannot put the journal into %s/data.mdb: %s%s",
                        applier->env->directory_path, od_env_reason(code), od_env_advice(code));
}

static bool is_much(const struct od_applier *applier)
{
    return applier->bytes > OD_STORE_UNAPPLIED_BYTES;
}

bool od_replay_take(void *context, const struct od_journal_moment *moment, od_slice submission,
                    struct od_error *err)
{
    struct od_applier *applier = context;
    OD_ASSERT(moment->sequence > applier->mark.moment.sequence);
    if (is_much(applier) && moment->sequence > applier->moment.sequence &&
        !od_replay_end(applier, err))
        return false;
    if (!od_submission_is_valid(submission))
        return od_error_set(err, "%s: group %llu of the journal is not one of ours",
                            applier->env->directory_path, (unsigned long long)moment->sequence);
    struct od_pending *pending = od_allocate_zeroed(sizeof *pending + submission.size);
    OD_ASSERT(moment->sequence >= applier->moment.sequence);
    pending->size = submission.size;
    if (submission.size > 0)
        memcpy(pending->batches, submission.at, submission.size);
    od_list_init(&pending->link);
    od_applier_add(applier, pending);
    applier->moment = *moment;
    return true;
}
