#include "store/replay.h"

#include <string.h>

#include "store/limits.h"
#include "store/pending.h"

int od_replay_init(struct od_replay *replay, struct od_env *env)
{
    OD_ASSERT(env->is_writer);
    int code = od_applier_init(&replay->applier, env);
    od_gathering_init(&replay->gathering);
    replay->gathering.moment = replay->applier.mark.moment;
    return code;
}

void od_replay_deinit(struct od_replay *replay)
{
    od_gathering_deinit(&replay->gathering);
}

bool od_replay_end(struct od_replay *replay, struct od_error *err)
{
    const struct od_env *env = replay->applier.env;
    int code = 0;
    if (!od_gathering_is_empty(&replay->gathering))
        code = od_applier_run(&replay->applier, &replay->gathering, NULL);
    return code == 0 ||
           od_error_set(err, "cannot put the journal into %s/data.mdb: %s%s", env->directory_path,
                        od_env_reason(code), od_env_advice(env, code));
}

bool od_replay_take(void *context, const struct od_journal_moment *moment, od_slice submission,
                    struct od_error *err)
{
    struct od_replay *replay = context;
    struct od_gathering *gathering = &replay->gathering;
    OD_ASSERT(moment->sequence > replay->applier.mark.moment.sequence);
    if (gathering->bytes > OD_STORE_UNAPPLIED_BYTES &&
        moment->sequence > gathering->moment.sequence && !od_replay_end(replay, err))
        return false;
    if (!od_submission_is_valid(submission))
        return od_error_set(err, "%s: group %llu of the journal is not one of ours",
                            replay->applier.env->directory_path,
                            (unsigned long long)moment->sequence);
    struct od_pending *pending = od_allocate_zeroed(sizeof *pending + submission.size);
    OD_ASSERT(moment->sequence >= gathering->moment.sequence);
    pending->size = submission.size;
    if (submission.size > 0)
        memcpy(pending->batches, submission.at, submission.size);
    od_list_init(&pending->link);
    od_gathering_add(gathering, pending);
    gathering->moment = *moment;
    return true;
}
