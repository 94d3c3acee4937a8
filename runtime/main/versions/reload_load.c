// A reload in the workers here: LOADING, SWITCHING, and the lives of workers meanwhile.

#include <stdio.h>

#include "base/log.h"
#include "main/versions/limits.h"
#include "main/versions/reload_inner.h"
#include "main/versions/version_messages.h"

struct od_verdict od_reload_next_verdict(const struct od_reload *reload)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&reload->next));
    struct od_verdict verdict;
    bool ok = od_verdict_read(&cursor, &verdict);
    OD_ASSERT(ok);
    return verdict;
}

void od_reload_take_version(struct od_reload *reload)
{
    struct od_verdict verdict = od_reload_next_verdict(reload);
    reload->version = reload->next_version;
    od_bytes_clear(&reload->served);
    od_bytes_put_slice(&reload->served, od_bytes_slice(&reload->next));
    od_bytes_clear(&reload->required);
    od_bytes_clear(&reload->files);
    od_bytes_put_slice(&reload->files, verdict.files);
    reload->events->switched(reload->owner, &verdict);
}

bool od_reload_all_have_answered(const struct od_reload *reload)
{
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++) {
        if (reload->is_loading[i])
            return false;
    }
    return true;
}

// A worker that was born after the decision loads the new version anyway.
void od_reload_commit(struct od_reload *reload)
{
    OD_ASSERT(reload->next_version > reload->version);
    od_reload_take_version(reload);
    od_reload_move_to(reload, OD_RELOAD_SWITCHING);
    od_version_send_to_all(reload->supervisor, OD_KIND_SWITCH, reload->version);
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++)
        reload->is_loading[i] = od_version_is_heard(&reload->supervisor->children[i]);
    if (od_reload_all_have_answered(reload))
        od_reload_rest_with_new(reload);
}

void od_reload_give_up(struct od_reload *reload)
{
    od_version_send_to_all(reload->supervisor, OD_KIND_DISCARD, reload->next_version);
    reload->others.version = 0;
    od_reload_rest_with_old(reload, od_bytes_slice(&reload->failure));
}

// Also a failure waits for all answers, so that none is left over for the next round.
static void decide_when_all_said(struct od_reload *reload)
{
    if (!od_reload_all_have_answered(reload))
        return;
    od_loop_clear_timer(reload->loop, &reload->timer);
    if (reload->others.is_there)
        od_reload_agree(reload);
    else if (reload->failure.size > 0)
        od_reload_give_up(reload);
    else
        od_reload_commit(reload);
}

static bool is_loading(const struct od_reload *reload)
{
    return reload->state == OD_RELOAD_LOADING || reload->state == OD_RELOAD_AGREEING;
}

static void fail(struct od_reload *reload, const struct od_child *child, od_slice why)
{
    char where[64];
    if (reload->failure.size > 0)
        return;
    snprintf(where, sizeof where, "worker %u: ", child->index);
    od_bytes_put_slice(&reload->failure, od_slice_of(where));
    od_bytes_put_slice(&reload->failure, why);
}

static void load_in(struct od_reload *reload, struct od_child *child)
{
    od_version_send_load(child, reload->next_version, od_reload_next_verdict(reload).files);
    reload->is_loading[child->index] = true;
}

void od_reload_load_in_all(struct od_reload *reload)
{
    od_reload_move_to(reload, OD_RELOAD_LOADING);
    od_bytes_clear(&reload->failure);
    od_loop_set_timer(reload->loop, &reload->timer, OD_RELOAD_LOAD_MS_MAX);
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++) {
        struct od_child *child = &reload->supervisor->children[i];
        if (od_version_is_heard(child))
            load_in(reload, child);
    }
    decide_when_all_said(reload);
}

// The dry run went well and this did not, so it is no mistake one could point at. A worker that
// hangs serves nobody.
void od_reload_load_late(struct od_timer *timer)
{
    struct od_reload *reload = OD_TIMER_MEMBER(timer, struct od_reload, timer);
    reload->retries = 0;
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++) {
        struct od_child *child = &reload->supervisor->children[i];
        if (!reload->is_loading[i] || child->page == NULL)
            continue;
        od_log(OD_LOG_ERROR, NULL, "worker %u has not loaded the script within %d s and is killed",
               i, OD_RELOAD_LOAD_MS_MAX / 1000);
        od_process_kill(&child->process);
    }
}

bool od_reload_loaded(struct od_reload *reload, struct od_child *child, struct od_cursor *body)
{
    struct od_verdict verdict;
    uint32_t version = od_cursor_u32(body);
    if (!od_verdict_read(body, &verdict))
        return false;
    if (!is_loading(reload) || !reload->is_loading[child->index] || version != reload->next_version)
        return true;
    reload->is_loading[child->index] = false;
    if (!verdict.ok)
        fail(reload, child, verdict.why);
    decide_when_all_said(reload);
    return true;
}

void od_reload_switched(struct od_reload *reload, struct od_child *child)
{
    if (reload->state != OD_RELOAD_SWITCHING || !reload->is_loading[child->index])
        return;
    reload->is_loading[child->index] = false;
    if (od_reload_all_have_answered(reload))
        od_reload_rest_with_new(reload);
}

// --- The lives of workers ------------------------------------------------------------------------

void od_reload_born(struct od_reload *reload, struct od_child *child)
{
    if (reload->version == 0)
        return; // It hears of the first version with all others.
    od_version_send_load(child, reload->version, od_bytes_slice(&reload->files));
    if (!is_loading(reload) || reload->failure.size > 0)
        return;
    od_loop_set_timer(reload->loop, &reload->timer, OD_RELOAD_LOAD_MS_MAX);
    load_in(reload, child);
}

void od_reload_ended(struct od_reload *reload, struct od_child *child, bool was_running)
{
    od_reload_switched(reload, child);
    if (!reload->is_loading[child->index])
        return;
    reload->is_loading[child->index] = false;
    if (!is_loading(reload))
        return;
    if (!was_running) {
        fail(reload, child, OD_SLICE("it ended while it loaded the script"));
        if (reload->retries > 0)
            od_reload_add_request(&reload->next_request, reload->request);
        reload->retries = 0;
    }
    decide_when_all_said(reload);
}
