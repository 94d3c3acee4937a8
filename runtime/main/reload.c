#include "main/reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "main/limits.h"
#include "main/version_messages.h"

// --- States --------------------------------------------------------------------------------------

static void move_to(struct od_reload *reload, enum od_reload_state state)
{
    static const bool may_move[OD_RELOAD_STOPPED + 1][OD_RELOAD_STOPPED + 1] = {
        [OD_RELOAD_STARTING] = {[OD_RELOAD_IDLE] = true},
        [OD_RELOAD_IDLE] = {[OD_RELOAD_TRYING] = true, [OD_RELOAD_STARTING] = true},
        [OD_RELOAD_TRYING] = {[OD_RELOAD_TRYING] = true, [OD_RELOAD_JUDGED] = true},
        [OD_RELOAD_JUDGED] =
            {[OD_RELOAD_TRYING] = true, [OD_RELOAD_LOADING] = true, [OD_RELOAD_IDLE] = true},
        [OD_RELOAD_LOADING] = {[OD_RELOAD_SWITCHING] = true, [OD_RELOAD_IDLE] = true},
        [OD_RELOAD_SWITCHING] = {[OD_RELOAD_IDLE] = true},
    };
    OD_ASSERT(may_move[reload->state][state] || state == OD_RELOAD_STOPPED);
    reload->state = state;
}

static bool is_open(const struct od_reload *reload)
{
    return reload->state != OD_RELOAD_STARTING && reload->state != OD_RELOAD_STOPPED;
}

static void check(const struct od_reload *reload)
{
    bool has_verdict = reload->state == OD_RELOAD_JUDGED || reload->state == OD_RELOAD_LOADING ||
                       reload->state == OD_RELOAD_SWITCHING;
    OD_ASSERT(!has_verdict || reload->next.size > 0);
    OD_ASSERT(!has_verdict || reload->request != OD_REQUEST_NONE);
    OD_ASSERT(reload->state != OD_RELOAD_IDLE || reload->request == OD_REQUEST_NONE);
    OD_ASSERT(!is_open(reload) || reload->version > 0);
    OD_ASSERT(reload->version > 0 || reload->files.size == 0);
}

// The request that is more, as one reload fulfils both.
static void add_request(enum od_reload_request *request, enum od_reload_request other)
{
    if (other > *request)
        *request = other;
}

// --- What came of it -----------------------------------------------------------------------------

static const char *script_name(const struct od_reload *reload)
{
    const char *slash = strrchr(reload->options->script, '/');
    return slash == NULL ? reload->options->script : slash + 1;
}

static void tell_askers(struct od_reload *reload, bool ok, od_slice text)
{
    struct od_list all;
    od_list_init(&all);
    od_list_move_all(&all, &reload->askers);
    struct od_list *link;
    while ((link = od_list_pop_front(&all)) != NULL) {
        struct od_reload_asker *asker = OD_LIST_MEMBER(link, struct od_reload_asker, link);
        asker->done(asker, ok, text);
    }
}

static void prepare(struct od_reload *reload)
{
    if (is_open(reload) && reload->options->watch)
        od_dry_run_prepare(&reload->dry_run);
}

static void try_it(struct od_reload *reload)
{
    move_to(reload, OD_RELOAD_TRYING);
    od_dry_run_start(&reload->dry_run);
}

// IDLE follows; or TRYING, when somebody has asked meanwhile, and askers wait for what comes of
// that.
static void rest(struct od_reload *reload, bool ok, const char *text)
{
    move_to(reload, OD_RELOAD_IDLE);
    reload->failures += !ok;
    od_log(ok ? OD_LOG_INFO : OD_LOG_ERROR, NULL, "%s", text);
    reload->request = reload->next_request;
    reload->next_request = OD_REQUEST_NONE;
    if (reload->request != OD_REQUEST_NONE) {
        try_it(reload);
        return;
    }
    tell_askers(reload, ok, od_slice_of(text));
    prepare(reload);
}

// Somebody saved without a change: nobody has asked for more, and a line would say nothing.
static void rest_silently(struct od_reload *reload)
{
    OD_ASSERT(reload->next_request == OD_REQUEST_NONE);
    move_to(reload, OD_RELOAD_IDLE);
    reload->request = OD_REQUEST_NONE;
    prepare(reload);
}

static void rest_with_old(struct od_reload *reload, od_slice why)
{
    char text[OD_ERROR_BYTES_MAX + 128];
    snprintf(text, sizeof text, "reload failed, version %u still serves: %.*s", reload->version,
             (int)why.size, why.at);
    rest(reload, false, text);
}

static void rest_with_new(struct od_reload *reload)
{
    char text[256];
    size_t sockets = reload->events->count_sockets(reload->owner);
    snprintf(text, sizeof text, "version %u of %s serves after %d ms, %zu WebSocket%s kept",
             reload->version, script_name(reload),
             (int)(od_clock_monotonic_ms() - reload->since_ms), sockets, sockets == 1 ? "" : "s");
    rest(reload, true, text);
}

// --- LOADING -------------------------------------------------------------------------------------

static struct od_verdict next_verdict(const struct od_reload *reload)
{
    struct od_cursor cursor = od_cursor_of(od_bytes_slice(&reload->next));
    struct od_verdict verdict;
    bool ok = od_verdict_read(&cursor, &verdict);
    OD_ASSERT(ok);
    return verdict;
}

static void take_version(struct od_reload *reload)
{
    struct od_verdict verdict = next_verdict(reload);
    reload->version++;
    od_bytes_clear(&reload->served);
    od_bytes_put_slice(&reload->served, od_bytes_slice(&reload->next));
    od_bytes_clear(&reload->required);
    od_bytes_clear(&reload->files);
    od_bytes_put_slice(&reload->files, verdict.files);
    reload->events->switched(reload->owner, &verdict);
}

static bool all_have_answered(const struct od_reload *reload)
{
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++) {
        if (reload->is_loading[i])
            return false;
    }
    return true;
}

// A worker that was born after the decision loads the new version anyway.
static void commit(struct od_reload *reload)
{
    take_version(reload);
    move_to(reload, OD_RELOAD_SWITCHING);
    od_version_send_to_all(reload->supervisor, OD_KIND_SWITCH, reload->version);
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++)
        reload->is_loading[i] = od_version_is_heard(&reload->supervisor->children[i]);
    if (all_have_answered(reload))
        rest_with_new(reload);
}

static void give_up(struct od_reload *reload)
{
    od_version_send_to_all(reload->supervisor, OD_KIND_DISCARD, reload->version + 1);
    rest_with_old(reload, od_bytes_slice(&reload->failure));
}

// Also a failure waits for all answers, so that none is left over for the next round.
static void decide_when_all_said(struct od_reload *reload)
{
    if (!all_have_answered(reload))
        return;
    od_loop_clear_timer(reload->loop, &reload->timer);
    if (reload->failure.size > 0)
        give_up(reload);
    else
        commit(reload);
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
    od_version_send_load(child, reload->version + 1, next_verdict(reload).files);
    reload->is_loading[child->index] = true;
}

static void load_in_all(struct od_reload *reload)
{
    move_to(reload, OD_RELOAD_LOADING);
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
static void on_load_late(struct od_timer *timer)
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
    if (reload->state != OD_RELOAD_LOADING || !reload->is_loading[child->index] ||
        version != reload->version + 1)
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
    if (all_have_answered(reload))
        rest_with_new(reload);
}

// --- TRYING --------------------------------------------------------------------------------------

static void watch_files(struct od_reload *reload, const struct od_verdict *verdict)
{
    if (!reload->options->watch || verdict->files.size == 0)
        return;
    od_watch_set(&reload->watch, verdict->files);
    od_watch_add(&reload->watch, od_bytes_slice(&reload->required));
}

static void try_first_again(struct od_reload *reload)
{
    reload->waits_for_first = false;
    reload->next_request = OD_REQUEST_NONE;
    od_dry_run_start(&reload->dry_run);
}

static void begin_first(struct od_reload *reload, const struct od_verdict *verdict)
{
    reload->waits_for_first =
        !verdict->ok && reload->options->command == OD_COMMAND_DEV && verdict->files.size > 0;
    if (!verdict->ok) {
        watch_files(reload, verdict);
        reload->events->first_failed(reload->owner, verdict->why, reload->waits_for_first);
        if (reload->waits_for_first &&
            reload->next_request != OD_REQUEST_NONE) // It has changed since.
            try_first_again(reload);
        return;
    }
    take_version(reload);
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++) {
        if (od_version_is_heard(&reload->supervisor->children[i]))
            od_version_send_load(&reload->supervisor->children[i], reload->version, verdict->files);
    }
    watch_files(reload, verdict);
}

static bool is_the_same(const struct od_reload *reload, const struct od_verdict *verdict)
{
    return reload->request == OD_REQUEST_CHANGES &&
           od_files_same(verdict->files, od_bytes_slice(&reload->files)) &&
           !od_watch_differs(&reload->watch, od_bytes_slice(&reload->required));
}

static void rest_as_before(struct od_reload *reload)
{
    char text[128];
    snprintf(text, sizeof text, "%s is that of version %u again, which serves", script_name(reload),
             reload->version);
    bool had_failed = reload->failure.size > 0;
    od_bytes_clear(&reload->failure);
    if (had_failed)
        rest(reload, true, text);
    else
        rest_silently(reload);
}

// The files that were read are watched from here on; of later changes the watch has told already.
static void take_verdict(struct od_reload *reload)
{
    struct od_verdict verdict = next_verdict(reload);
    bool is_same = verdict.ok && is_the_same(reload, &verdict);
    check(reload);
    watch_files(reload, &verdict);
    if (!verdict.ok) {
        od_bytes_clear(&reload->failure);
        od_bytes_put_slice(&reload->failure, verdict.why);
        rest_with_old(reload, verdict.why);
    } else if (is_same) {
        rest_as_before(reload);
    } else {
        load_in_all(reload);
    }
}

static void on_judged(void *owner, const struct od_verdict *borrowed)
{
    struct od_reload *reload = owner;
    if (reload->state == OD_RELOAD_STOPPED)
        return;
    od_bytes_clear(&reload->next);
    od_verdict_put(&reload->next, borrowed);
    if (reload->state == OD_RELOAD_STARTING) {
        struct od_verdict verdict = next_verdict(reload);
        begin_first(reload, &verdict);
        return;
    }
    move_to(reload, OD_RELOAD_JUDGED);
    if (!reload->watch.is_changing)
        take_verdict(reload);
}

// --- Asking --------------------------------------------------------------------------------------

// What a trial that runs has seen is older, so it begins anew. What is being loaded is brought to
// its end first: its workers would not know which of two versions to switch to.
static void ask(struct od_reload *reload, enum od_reload_request request)
{
    check(reload);
    if (reload->state == OD_RELOAD_STOPPED)
        return;
    if (reload->waits_for_first) {
        try_first_again(reload);
        return;
    }
    if (reload->state != OD_RELOAD_IDLE && reload->state != OD_RELOAD_TRYING &&
        reload->state != OD_RELOAD_JUDGED) {
        add_request(&reload->next_request, request);
        return;
    }
    if (reload->state == OD_RELOAD_IDLE)
        reload->since_ms = od_clock_monotonic_ms();
    add_request(&reload->request, request);
    reload->retries = 1;
    try_it(reload);
}

void od_reload_ask(struct od_reload *reload, struct od_reload_asker *asker)
{
    if (!is_open(reload)) {
        od_slice why = OD_SLICE("the script is not reloaded: the server is starting or stopping");
        od_log_slice(OD_LOG_WARN, (od_slice){NULL, 0}, why);
        if (asker != NULL)
            asker->done(asker, false, why);
        return;
    }
    if (asker != NULL) {
        od_list_init(&asker->link);
        od_list_push_back(&reload->askers, &asker->link);
    }
    ask(reload, OD_REQUEST_LOAD);
}

static void on_files_began(void *owner)
{
    ask(owner, OD_REQUEST_CHANGES);
}

static void on_files_ended(void *owner, bool changed_again)
{
    struct od_reload *reload = owner;
    if (changed_again)
        ask(reload, OD_REQUEST_CHANGES);
    else if (reload->state == OD_RELOAD_JUDGED)
        take_verdict(reload);
}

static const struct od_watch_events watch_events = {on_files_began, on_files_ended};

void od_reload_looked_at(struct od_reload *reload, od_slice files)
{
    struct od_cursor cursor = od_cursor_of(files);
    struct od_file file, known;
    while (od_files_next(&cursor, &file)) {
        if (od_files_find(od_bytes_slice(&reload->required), file.path, &known))
            continue; // Another worker was first.
        size_t before = reload->required.size;
        file.text = (od_slice){NULL, 0};
        od_files_put(&reload->required, &file);
        if (reload->options->watch)
            od_watch_add(&reload->watch, od_slice_from(od_bytes_slice(&reload->required), before));
    }
}

// --- The lives of workers ------------------------------------------------------------------------

void od_reload_born(struct od_reload *reload, struct od_child *child)
{
    if (reload->version == 0)
        return; // It hears of the first version with all others.
    od_version_send_load(child, reload->version, od_bytes_slice(&reload->files));
    if (reload->state == OD_RELOAD_LOADING)
        load_in(reload, child);
}

void od_reload_ended(struct od_reload *reload, struct od_child *child, bool was_running)
{
    od_reload_switched(reload, child);
    if (!reload->is_loading[child->index])
        return;
    reload->is_loading[child->index] = false;
    if (reload->state != OD_RELOAD_LOADING)
        return;
    if (!was_running) {
        fail(reload, child, OD_SLICE("it ended while it loaded the script"));
        if (reload->retries > 0)
            add_request(&reload->next_request, reload->request);
        reload->retries = 0;
    }
    decide_when_all_said(reload);
}

// --- From birth to death -------------------------------------------------------------------------

void od_reload_init(struct od_reload *reload, struct od_loop *loop,
                    const struct od_options *options, struct od_supervisor *supervisor,
                    const struct od_reload_events *events, void *owner)
{
    *reload = (struct od_reload){.loop = loop,
                                 .options = options,
                                 .supervisor = supervisor,
                                 .events = events,
                                 .owner = owner,
                                 .timer = {.fire = on_load_late}};
    od_list_init(&reload->askers);
    reload->state = OD_RELOAD_STARTING;
    reload->is_loading = od_allocate_zeroed(options->workers * sizeof *reload->is_loading);
    od_dry_run_open(&reload->dry_run, loop, options, on_judged, reload);
    od_watch_open(&reload->watch, loop, options->script, &watch_events, reload);
}

void od_reload_start(struct od_reload *reload)
{
    OD_ASSERT(reload->state == OD_RELOAD_STARTING);
    od_dry_run_start(&reload->dry_run);
}

void od_reload_serve(struct od_reload *reload, uint32_t version, const struct od_verdict *verdict)
{
    od_verdict_put(&reload->next, verdict);
    struct od_verdict next = next_verdict(reload);
    reload->version = version - 1;
    begin_first(reload, &next);
}

void od_reload_hold(struct od_reload *reload)
{
    move_to(reload, OD_RELOAD_STARTING);
    od_dry_run_rest(&reload->dry_run);
}

void od_reload_open(struct od_reload *reload)
{
    enum od_reload_request request = reload->next_request;
    move_to(reload, OD_RELOAD_IDLE);
    reload->next_request = OD_REQUEST_NONE;
    prepare(reload);
    if (request != OD_REQUEST_NONE)
        ask(reload, request);
}

void od_reload_stop(struct od_reload *reload)
{
    move_to(reload, OD_RELOAD_STOPPED);
    reload->request = reload->next_request = OD_REQUEST_NONE;
    od_loop_clear_timer(reload->loop, &reload->timer);
    tell_askers(reload, false, OD_SLICE("the server is stopping"));
}

void od_reload_close(struct od_reload *reload)
{
    od_reload_stop(reload);
    od_dry_run_close(&reload->dry_run);
    od_watch_close(&reload->watch);
    od_bytes_deinit(&reload->served);
    od_bytes_deinit(&reload->files);
    od_bytes_deinit(&reload->required);
    od_bytes_deinit(&reload->next);
    od_bytes_deinit(&reload->failure);
    free(reload->is_loading);
}
