// A reload on all nodes of a cluster or on none: what is proposed and decided (cluster/ballot.h),
// and what this node makes of it.

#include <stdio.h>

#include "base/log.h"
#include "main/versions/reload_inner.h"

static void keep(struct od_reload *reload, const struct od_cluster_version *version)
{
    struct od_reload_others *others = &reload->others;
    others->version = version->version;
    others->state = version->state;
    others->node = version->node;
    if (version->state == OD_VERSION_SERVES)
        others->serves = version->version;
    if (version->files.size == 0)
        return; // They came with an earlier state.
    od_bytes_clear(&others->files);
    od_bytes_put_slice(&others->files, version->files);
}

static void vote(struct od_reload *reload, enum od_vote vote, od_slice text)
{
    reload->events->vote(reload->owner, vote, reload->others.version, text);
}

static void propose(struct od_reload *reload, od_slice files, uint32_t before)
{
    OD_ASSERT(files.size > 0);
    reload->events->vote(reload->owner, OD_VOTE_PROPOSE, before, files);
}

static void withdraw(struct od_reload *reload)
{
    vote(reload, OD_VOTE_PROPOSE, (od_slice){NULL, 0});
}

static bool is_own(const struct od_reload *reload)
{
    return reload->others.node == reload->others.self;
}

// By its name the script is found among the files; what is not found there is read from the disk.
static bool has_script(const struct od_reload *reload, struct od_error *err)
{
    struct od_file file;
    const char *name = od_reload_script_name(reload);
    return od_files_find(od_bytes_slice(&reload->others.files), od_slice_of(name), &file) ||
           od_error_set(err, "the script is called %s here, and otherwise at node %u", name,
                        reload->others.node);
}

// --- The first version ---------------------------------------------------------------------------

// So that all serve the same, whatever has been put on the disks meanwhile.
static void follow(struct od_reload *reload)
{
    struct od_reload_others *others = &reload->others;
    od_log(OD_LOG_WARN, NULL,
           "%s is not what the other nodes serve: that is served here too, as version %u "
           "(open-do reload proposes what is on this disk)",
           reload->options->script, others->version);
    reload->waits_for_first = false;
    others->following = others->version;
    od_reload_give_files(reload, od_bytes_slice(&others->files));
    od_dry_run_start(&reload->dry_run);
}

static void propose_first(struct od_reload *reload, const struct od_verdict *verdict)
{
    reload->others.is_proposing = verdict->ok;
    if (verdict->ok)
        propose(reload, verdict->files, reload->others.serves);
    else
        od_reload_begin_first(reload, verdict, 0);
}

static void begin_when_known(struct od_reload *reload)
{
    struct od_reload_others *others = &reload->others;
    if (!others->is_told || !others->has_verdict || others->following != 0)
        return;
    struct od_verdict verdict = od_reload_next_verdict(reload);
    bool is_served = others->version != 0 && others->state == OD_VERSION_SERVES;
    if (is_served && verdict.ok && od_files_same(verdict.files, od_bytes_slice(&others->files)))
        od_reload_begin_first(reload, &verdict, others->version);
    else if (is_served && others->have_loaded)
        follow(reload);
    else
        propose_first(reload, &verdict);
}

static void end_following(struct od_reload *reload, const struct od_verdict *verdict)
{
    char text[OD_ERROR_BYTES_MAX + 128];
    struct od_error err;
    uint32_t version = reload->others.following;
    bool is_named = has_script(reload, &err);
    od_slice why = is_named ? verdict->why : od_slice_of(err.text);
    od_reload_give_files(reload, (od_slice){NULL, 0});
    if (verdict->ok && is_named) {
        od_reload_begin_first(reload, verdict, version);
        return;
    }
    snprintf(text, sizeof text,
             "version %u of the script, which the other nodes serve, cannot be loaded here: %.*s",
             version, (int)why.size, why.at);
    reload->events->first_failed(reload->owner, od_slice_of(text), false);
}

void od_reload_first_judged(struct od_reload *reload)
{
    struct od_verdict verdict = od_reload_next_verdict(reload);
    if (reload->others.following != 0) {
        end_following(reload, &verdict);
        return;
    }
    od_reload_watch_files(reload, &verdict);
    reload->others.has_verdict = true;
    begin_when_known(reload);
}

static void told_first(struct od_reload *reload, const struct od_cluster_version *version)
{
    OD_ASSERT(!reload->others.is_told);
    keep(reload, version);
    reload->others.is_told = true;
    reload->others.have_loaded = version->has_others;
    begin_when_known(reload);
}

static void offered_first(struct od_reload *reload)
{
    struct od_verdict verdict;
    if (!reload->others.is_proposing || !is_own(reload))
        return; // It is decided soon.
    reload->others.is_proposing = false;
    verdict = od_reload_next_verdict(reload);
    od_reload_begin_first(reload, &verdict, reload->others.version);
}

// What it proposed itself it has begun with already.
static void decided_first(struct od_reload *reload, const struct od_cluster_version *version)
{
    struct od_reload_others *others = &reload->others;
    bool has_failed = version->state == OD_VERSION_FAILED;
    if (version->version == reload->version) {
        if (has_failed)
            reload->events->first_failed(reload->owner, version->why, false);
        return;
    }
    if (has_failed && version->version == others->version)
        others->version = 0;
    if (has_failed)
        return;
    keep(reload, version);
    if (reload->version != 0)
        return; // Taken when its workers are ready.
    if (others->is_proposing)
        withdraw(reload);
    others->is_proposing = false;
    others->have_loaded = true;
    begin_when_known(reload);
}

// --- Proposals -----------------------------------------------------------------------------------

void od_reload_propose(struct od_reload *reload)
{
    od_reload_move_to(reload, OD_RELOAD_PROPOSING);
    propose(reload, od_reload_next_verdict(reload).files, reload->version);
}

static void load_next(struct od_reload *reload)
{
    reload->next_version = reload->others.version;
    od_reload_load_in_all(reload);
}

bool od_reload_has_offer(const struct od_reload *reload)
{
    return reload->others.is_there && reload->others.version > reload->version;
}

// What was wanted here comes after it, with what is on the disk then.
void od_reload_take_offer(struct od_reload *reload)
{
    OD_ASSERT(od_reload_has_offer(reload));
    if (reload->state == OD_RELOAD_PROPOSING)
        withdraw(reload);
    od_reload_add_request(&reload->next_request, reload->request);
    reload->request = OD_REQUEST_LOAD;
    reload->retries = 0;
    reload->since_ms = od_clock_monotonic_ms();
    reload->others.is_tried = true;
    od_reload_try(reload, od_bytes_slice(&reload->others.files));
}

void od_reload_offer_judged(struct od_reload *reload)
{
    struct od_verdict verdict = od_reload_next_verdict(reload);
    struct od_error err;
    reload->others.is_tried = false;
    od_reload_give_files(reload, (od_slice){NULL, 0});
    bool is_named = has_script(reload, &err);
    if (verdict.ok && is_named) {
        load_next(reload);
        return;
    }
    od_reload_note_failure(reload, is_named ? verdict.why : od_slice_of(err.text));
    od_reload_agree(reload);
}

static bool can_take(const struct od_reload *reload)
{
    return reload->state == OD_RELOAD_IDLE || reload->state == OD_RELOAD_TRYING ||
           reload->state == OD_RELOAD_JUDGED || reload->state == OD_RELOAD_PROPOSING;
}

static bool is_what_was_proposed(const struct od_reload *reload)
{
    return reload->state == OD_RELOAD_PROPOSING && is_own(reload) &&
           od_files_same(od_reload_next_verdict(reload).files,
                         od_bytes_slice(&reload->others.files));
}

static void offered(struct od_reload *reload, const struct od_cluster_version *version)
{
    keep(reload, version);
    if (reload->state == OD_RELOAD_STARTING)
        offered_first(reload);
    else if (is_what_was_proposed(reload))
        load_next(reload);
    else if (can_take(reload))
        od_reload_take_offer(reload);
}

// --- The outcome ---------------------------------------------------------------------------------

void od_reload_agree(struct od_reload *reload)
{
    OD_ASSERT(reload->others.is_there);
    od_slice failure = od_bytes_slice(&reload->failure);
    if (reload->others.state == OD_VERSION_FAILED) {
        od_reload_give_up(reload);
    } else if (reload->others.state == OD_VERSION_PROPOSED) {
        od_reload_move_to(reload, OD_RELOAD_AGREEING);
        vote(reload, failure.size > 0 ? OD_VOTE_REFUSE : OD_VOTE_LOADED, failure);
    } else if (failure.size > 0) {
        reload->events->left_behind(reload->owner, failure);
    } else {
        od_reload_commit(reload);
        if (reload->state != OD_RELOAD_STOPPED)
            vote(reload, OD_VOTE_LOADED, failure);
    }
}

static void forget_trial(struct od_reload *reload)
{
    reload->others.is_tried = false;
    od_reload_give_files(reload, (od_slice){NULL, 0});
    od_reload_give_up(reload);
}

static void decided_later(struct od_reload *reload, const struct od_cluster_version *version)
{
    bool has_failed = version->state == OD_VERSION_FAILED;
    bool is_loading = reload->state == OD_RELOAD_LOADING || reload->state == OD_RELOAD_AGREEING;
    if (!is_loading && !reload->others.is_tried) {
        if (has_failed)
            reload->others.version = 0;
        else if (od_reload_has_offer(reload) && can_take(reload))
            od_reload_take_offer(reload);
        return;
    }
    if (has_failed)
        od_reload_note_failure(reload, version->why);
    if (has_failed && reload->others.is_tried)
        forget_trial(reload);
    else if (reload->state == OD_RELOAD_AGREEING && od_reload_all_have_answered(reload))
        od_reload_agree(reload);
}

static void decided(struct od_reload *reload, const struct od_cluster_version *version)
{
    if (reload->state == OD_RELOAD_STARTING) {
        decided_first(reload, version);
        return;
    }
    if (version->version == reload->version && version->state == OD_VERSION_FAILED)
        reload->events->left_behind(reload->owner, version->why); // It began with that by itself.
    if (version->version <= reload->version)
        return;
    keep(reload, version);
    decided_later(reload, version);
}

static void not_proposed(struct od_reload *reload, od_slice why)
{
    char text[OD_ERROR_BYTES_MAX];
    snprintf(text, sizeof text, "PostgreSQL does not take it: %.*s", (int)why.size, why.at);
    if (reload->state == OD_RELOAD_STARTING)
        reload->events->first_failed(reload->owner, od_slice_of(text), false);
    else if (reload->state == OD_RELOAD_PROPOSING)
        od_reload_rest_with_old(reload, od_slice_of(text));
}

// --- What the server is told ---------------------------------------------------------------------

void od_reload_join(struct od_reload *reload, od_node_id self)
{
    OD_ASSERT(reload->state == OD_RELOAD_STARTING);
    reload->others.is_there = true;
    reload->others.self = self;
}

void od_reload_told(struct od_reload *reload, const struct od_cluster_version *version)
{
    if (reload->state == OD_RELOAD_STOPPED)
        return;
    if (version->is_first)
        told_first(reload, version);
    else if (version->version == 0)
        not_proposed(reload, version->why);
    else if (version->state == OD_VERSION_PROPOSED)
        offered(reload, version);
    else
        decided(reload, version);
}

void od_reload_wait_long(struct od_reload *reload)
{
    if (reload->state == OD_RELOAD_PROPOSING || reload->state == OD_RELOAD_AGREEING)
        od_reload_tell_askers(reload, false,
                              OD_SLICE("PostgreSQL does not answer: what becomes of the new "
                                       "version is decided when it does"));
}
