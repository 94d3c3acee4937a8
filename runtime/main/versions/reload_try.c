// A reload up to the verdict, and what is said of it: states, trying, asking, from birth to death.

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "main/versions/reload_inner.h"
#include "main/versions/version_messages.h"

// --- States --------------------------------------------------------------------------------------

void od_reload_move_to(struct od_reload *reload, enum od_reload_state state)
{
    static const bool may_move[OD_RELOAD_STOPPED + 1][OD_RELOAD_STOPPED + 1] = {
        [OD_RELOAD_STARTING] = {[OD_RELOAD_IDLE] = true},
        [OD_RELOAD_IDLE] = {[OD_RELOAD_TRYING] = true, [OD_RELOAD_STARTING] = true},
        [OD_RELOAD_TRYING] =
            {[OD_RELOAD_TRYING] = true, [OD_RELOAD_JUDGED] = true, [OD_RELOAD_IDLE] = true},
        [OD_RELOAD_JUDGED] = {[OD_RELOAD_TRYING] = true,
                              [OD_RELOAD_PROPOSING] = true,
                              [OD_RELOAD_LOADING] = true,
                              [OD_RELOAD_AGREEING] = true,
                              [OD_RELOAD_IDLE] = true},
        [OD_RELOAD_PROPOSING] =
            {[OD_RELOAD_LOADING] = true, [OD_RELOAD_TRYING] = true, [OD_RELOAD_IDLE] = true},
        [OD_RELOAD_LOADING] =
            {[OD_RELOAD_AGREEING] = true, [OD_RELOAD_SWITCHING] = true, [OD_RELOAD_IDLE] = true},
        [OD_RELOAD_AGREEING] =
            {[OD_RELOAD_AGREEING] = true, [OD_RELOAD_SWITCHING] = true, [OD_RELOAD_IDLE] = true},
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
    bool has_verdict = reload->state >= OD_RELOAD_JUDGED && reload->state <= OD_RELOAD_SWITCHING;
    OD_ASSERT(!has_verdict || reload->next.size > 0);
    OD_ASSERT(!has_verdict || reload->request != OD_REQUEST_NONE);
    OD_ASSERT(reload->state != OD_RELOAD_IDLE || reload->request == OD_REQUEST_NONE);
    OD_ASSERT(!is_open(reload) || reload->version > 0);
    OD_ASSERT(reload->version > 0 || reload->files.size == 0);
}

// The request that is more, as one reload fulfils both.
void od_reload_add_request(enum od_reload_request *request, enum od_reload_request other)
{
    if (other > *request)
        *request = other;
}

// --- What came of it -----------------------------------------------------------------------------

void od_reload_note_failure(struct od_reload *reload, od_slice why)
{
    od_bytes_clear(&reload->failure);
    od_bytes_put_slice(&reload->failure, why);
}

const char *od_reload_script_name(const struct od_reload *reload)
{
    const char *slash = strrchr(reload->options->script, '/');
    return slash == NULL ? reload->options->script : slash + 1;
}

void od_reload_tell_askers(struct od_reload *reload, bool ok, od_slice text)
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

void od_reload_give_files(struct od_reload *reload, od_slice files)
{
    od_bytes_deinit(&reload->given); // They may be large.
    od_bytes_put_slice(&reload->given, files);
    reload->dry_run.files = od_bytes_slice(&reload->given);
}

// What is on the disk here, or what another node offers.
void od_reload_try(struct od_reload *reload, od_slice files)
{
    od_reload_give_files(reload, files);
    od_reload_move_to(reload, OD_RELOAD_TRYING);
    od_dry_run_start(&reload->dry_run);
}

static void rest_with_offer(struct od_reload *reload, bool ok, od_slice text)
{
    if (reload->next_request == OD_REQUEST_NONE)
        od_reload_tell_askers(reload, ok, text);
    reload->request = OD_REQUEST_NONE;
    od_reload_take_offer(reload);
}

// IDLE follows; or TRYING, when somebody has asked meanwhile, and askers wait for what comes of
// that.
static void rest(struct od_reload *reload, bool ok, const char *text)
{
    od_reload_move_to(reload, OD_RELOAD_IDLE);
    reload->failures += !ok;
    od_log(ok ? OD_LOG_INFO : OD_LOG_ERROR, NULL, "%s", text);
    if (od_reload_has_offer(reload)) {
        rest_with_offer(reload, ok, od_slice_of(text));
        return;
    }
    od_bytes_deinit(&reload->others.files);
    reload->request = reload->next_request;
    reload->next_request = OD_REQUEST_NONE;
    if (reload->request != OD_REQUEST_NONE) {
        od_reload_try(reload, (od_slice){NULL, 0});
        return;
    }
    od_reload_tell_askers(reload, ok, od_slice_of(text));
    prepare(reload);
}

// Somebody saved without a change: nobody has asked for more, and a line would say nothing.
static void rest_silently(struct od_reload *reload)
{
    OD_ASSERT(reload->next_request == OD_REQUEST_NONE);
    od_reload_move_to(reload, OD_RELOAD_IDLE);
    reload->request = OD_REQUEST_NONE;
    prepare(reload);
}

void od_reload_rest_with_old(struct od_reload *reload, od_slice why)
{
    char text[OD_ERROR_BYTES_MAX + 128];
    snprintf(text, sizeof text, "reload failed, version %u still serves: %.*s", reload->version,
             (int)why.size, why.at);
    rest(reload, false, text);
}

void od_reload_rest_with_new(struct od_reload *reload)
{
    char text[256], by[64] = "";
    const struct od_reload_others *others = &reload->others;
    size_t sockets = reload->events->count_sockets(reload->owner);
    if (others->is_there && others->node != others->self)
        snprintf(by, sizeof by, ", as node %u has proposed", others->node);
    snprintf(text, sizeof text, "version %u of %s serves after %d ms, %zu WebSocket%s kept%s",
             reload->version, od_reload_script_name(reload),
             (int)(od_clock_monotonic_ms() - reload->since_ms), sockets, sockets == 1 ? "" : "s",
             by);
    rest(reload, true, text);
}

// --- TRYING --------------------------------------------------------------------------------------

void od_reload_watch_files(struct od_reload *reload, const struct od_verdict *verdict)
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

void od_reload_begin_first(struct od_reload *reload, const struct od_verdict *verdict,
                           uint32_t version)
{
    reload->waits_for_first =
        !verdict->ok && reload->options->command == OD_COMMAND_DEV && verdict->files.size > 0;
    if (!verdict->ok) {
        od_reload_watch_files(reload, verdict);
        reload->events->first_failed(reload->owner, verdict->why, reload->waits_for_first);
        if (reload->waits_for_first &&
            reload->next_request != OD_REQUEST_NONE) // It has changed since.
            try_first_again(reload);
        return;
    }
    reload->next_version = version;
    od_reload_take_version(reload);
    for (uint32_t i = 0; i < reload->supervisor->child_count; i++) {
        if (od_version_is_heard(&reload->supervisor->children[i]))
            od_version_send_load(&reload->supervisor->children[i], reload->version, verdict->files);
    }
    if (reload->others.following == 0) // Else the files here are others.
        od_reload_watch_files(reload, verdict);
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
    snprintf(text, sizeof text, "%s is that of version %u again, which serves",
             od_reload_script_name(reload), reload->version);
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
    struct od_verdict verdict = od_reload_next_verdict(reload);
    bool is_same = verdict.ok && is_the_same(reload, &verdict);
    check(reload);
    od_reload_watch_files(reload, &verdict);
    if (!verdict.ok) {
        od_reload_note_failure(reload, verdict.why);
        od_reload_rest_with_old(reload, verdict.why);
    } else if (is_same) {
        rest_as_before(reload);
    } else if (reload->others.is_there) {
        od_reload_propose(reload);
    } else {
        reload->next_version = reload->version + 1;
        od_reload_load_in_all(reload);
    }
}

// A trial tells the files that it has read: of those it was given it tells nothing.
static void note_verdict(struct od_reload *reload, const struct od_verdict *borrowed)
{
    struct od_verdict verdict = *borrowed;
    struct od_bytes files = {0};
    od_bytes_put_slice(&files, od_bytes_slice(&reload->given));
    od_bytes_put_slice(&files, verdict.files);
    verdict.files = od_bytes_slice(&files);
    od_bytes_clear(&reload->next);
    od_verdict_put(&reload->next, &verdict);
    od_bytes_deinit(&files);
}

static void begin(struct od_reload *reload)
{
    struct od_verdict verdict = od_reload_next_verdict(reload);
    if (reload->others.is_there)
        od_reload_first_judged(reload);
    else
        od_reload_begin_first(reload, &verdict, 1);
}

static void on_judged(void *owner, const struct od_verdict *borrowed)
{
    struct od_reload *reload = owner;
    if (reload->state == OD_RELOAD_STOPPED || reload->state == OD_RELOAD_IDLE)
        return; // IDLE: what it tried has been refused elsewhere meanwhile.
    note_verdict(reload, borrowed);
    if (reload->state == OD_RELOAD_STARTING) {
        begin(reload);
        return;
    }
    od_reload_move_to(reload, OD_RELOAD_JUDGED);
    if (reload->others.is_tried)
        od_reload_offer_judged(reload);
    else if (!reload->watch.is_changing)
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
    bool can_begin = reload->state == OD_RELOAD_IDLE || reload->state == OD_RELOAD_TRYING ||
                     reload->state == OD_RELOAD_JUDGED;
    if (!can_begin || reload->others.is_tried) {
        od_reload_add_request(&reload->next_request, request);
        return;
    }
    if (reload->state == OD_RELOAD_IDLE)
        reload->since_ms = od_clock_monotonic_ms();
    od_reload_add_request(&reload->request, request);
    reload->retries = 1;
    od_reload_try(reload, (od_slice){NULL, 0});
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
                                 .timer = {.fire = od_reload_load_late}};
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
    struct od_verdict next = od_reload_next_verdict(reload);
    od_reload_begin_first(reload, &next, version);
}

void od_reload_hold(struct od_reload *reload)
{
    od_reload_move_to(reload, OD_RELOAD_STARTING);
    od_dry_run_rest(&reload->dry_run);
}

void od_reload_open(struct od_reload *reload)
{
    enum od_reload_request request = reload->next_request;
    od_reload_move_to(reload, OD_RELOAD_IDLE);
    reload->next_request = OD_REQUEST_NONE;
    prepare(reload);
    if (reload->others.is_there)
        reload->events->vote(reload->owner, OD_VOTE_LOADED, reload->version, (od_slice){NULL, 0});
    if (od_reload_has_offer(reload))
        od_reload_take_offer(reload);
    if (request != OD_REQUEST_NONE)
        ask(reload, request);
}

void od_reload_stop(struct od_reload *reload)
{
    od_reload_move_to(reload, OD_RELOAD_STOPPED);
    reload->request = reload->next_request = OD_REQUEST_NONE;
    od_loop_clear_timer(reload->loop, &reload->timer);
    od_reload_tell_askers(reload, false, OD_SLICE("the server is stopping"));
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
    od_bytes_deinit(&reload->given);
    od_bytes_deinit(&reload->others.files);
    free(reload->is_loading);
}
