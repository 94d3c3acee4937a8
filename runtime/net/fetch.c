#include "net/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/fetch_inner.h"
#include "net/net.h"

// --- The multi handle on the loop ----------------------------------------------------------------

struct watch { // One descriptor of libcurl.
    uv_poll_t poll;
    struct od_fetches *fetches;
    curl_socket_t fd;
    int events; // What libcurl waits for.
};

static void settle(struct od_fetches *fetches);

static void act(struct od_fetches *fetches, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(fetches->multi, fd, what, &running);
    settle(fetches);
}

// A connection that was reset may still hold an answer: CURL_CSELECT_ERR would throw that away, and
// the right to try anew what nobody has answered. So libcurl is told to read, or to write when that
// is all it wants, and meets the error in its place. libuv has stopped to watch by then.
static int what_of_error(struct watch *watch)
{
    uv_poll_start(&watch->poll, watch->events, watch->poll.poll_cb);
    return (watch->events & UV_READABLE) != 0 ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = (struct watch *)poll;
    int what = status < 0 ? what_of_error(watch) : 0;
    what |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    what |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    act(watch->fetches, watch->fd, what);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle);
}

static struct watch *watch_new(struct od_fetches *fetches, curl_socket_t fd)
{
    OD_ASSERT(fd >= 0);
    struct watch *watch = od_allocate_zeroed(sizeof *watch);
    watch->fetches = fetches;
    watch->fd = fd;
    int failed = uv_poll_init(&fetches->net->loop->uv, &watch->poll, fd);
    if (failed == 0) {
        curl_multi_assign(fetches->multi, fd, watch);
        return watch;
    }
    od_log(OD_LOG_ERROR, NULL, "a connection of a fetch cannot be watched: %s",
           uv_strerror(failed));
    free(watch);
    return NULL;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *of_socket)
{
    struct od_fetches *fetches = owner;
    struct watch *watch = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        curl_multi_assign(fetches->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL)
        watch = watch_new(fetches, fd);
    if (watch == NULL)
        return 0; // It will run into its timeout.
    watch->events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    watch->events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    uv_poll_start(&watch->poll, watch->events, on_ready);
    return 0;
}

static int on_timeout(CURLM *multi, long ms, void *owner)
{
    struct od_fetches *fetches = owner;
    (void)multi;
    if (ms < 0)
        od_loop_clear_timer(fetches->net->loop, &fetches->timer);
    else
        od_loop_set_timer(fetches->net->loop, &fetches->timer, ms);
    return 0;
}

// Asked anew each time: libcurl does not repeat a deadline it has told already, and the clock of a
// spec may run ahead of the one libcurl looks at.
static void on_timer(struct od_timer *timer)
{
    struct od_fetches *fetches = OD_TIMER_MEMBER(timer, struct od_fetches, timer);
    long ms = -1;
    if (fetches->multi == NULL) {
        settle(fetches);
        return;
    }
    od_fetch_resume_some(fetches);
    act(fetches, CURL_SOCKET_TIMEOUT, 0);
    if (!od_timer_is_set(timer) && curl_multi_timeout(fetches->multi, &ms) == CURLM_OK)
        on_timeout(fetches->multi, ms, fetches);
}

static struct od_fetches *fetches_new(struct od_net *net)
{
    struct od_fetches *fetches = od_allocate_zeroed(sizeof *fetches);
    fetches->net = net;
    fetches->timer.fire = on_timer;
    od_list_init(&fetches->hopeless);
    od_list_init(&fetches->resuming);
    od_map_init(&fetches->by_number);
    return fetches;
}

// At the first fetch. False: this machine cannot.
static bool begin(struct od_fetches *fetches, struct od_error *err)
{
    if (fetches->multi != NULL)
        return true;
    if (!od_curl_load(err))
        return false;
    CURLcode failed = curl_global_init(CURL_GLOBAL_ALL);
    OD_ASSERT(failed == CURLE_OK);
    fetches->multi = curl_multi_init();
    OD_ASSERT(fetches->multi != NULL);
    curl_multi_setopt(fetches->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(fetches->multi, CURLMOPT_SOCKETDATA, fetches);
    curl_multi_setopt(fetches->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(fetches->multi, CURLMOPT_TIMERDATA, fetches);
    curl_multi_setopt(fetches->multi, CURLMOPT_MAXCONNECTS, (long)OD_FETCH_IDLE_CONNECTIONS_MAX);
    return true;
}

// --- One fetch -----------------------------------------------------------------------------------

static struct od_fetch *find(const struct od_fetches *fetches, uint64_t number)
{
    struct od_map_node *node = od_map_find_number(&fetches->by_number, number);
    return node == NULL ? NULL : OD_MAP_MEMBER(node, struct od_fetch, node);
}

static struct od_fetch *fetch_new(struct od_fetches *fetches, uint64_t number, od_slice request,
                                  struct od_fetch_way way)
{
    OD_ASSERT(way.redirect <= OD_FETCH_MANUAL);
    struct od_fetch *fetch = od_allocate_zeroed(sizeof *fetch);
    fetch->number = number;
    fetch->fetches = fetches;
    fetch->way = way;
    od_list_init(&fetch->resuming);
    od_list_init(&fetch->hopeless);
    od_bytes_put_slice(&fetch->message, request);
    bool is_request = od_request_read(od_bytes_slice(&fetch->message), &fetch->request);
    OD_ASSERT(is_request);
    od_map_put_number(&fetches->by_number, &fetch->node, number);
    return fetch;
}

static void check(const struct od_fetch *fetch)
{
    OD_ASSERT(fetch->easy != NULL);
    OD_ASSERT(fetch->redirect_count <= OD_FETCH_REDIRECTS_MAX);
    OD_ASSERT(fetch->body.size <= fetch->fetches->body_bytes);
    OD_ASSERT(fetch->last_value == 0 || fetch->last_name < fetch->last_value);
    OD_ASSERT(fetch->last_value <= fetch->head.size);
}

static bool fetch_begin(struct od_fetch *fetch)
{
    OD_ASSERT(fetch->easy == NULL);
    if (!begin(fetch->fetches, &fetch->why))
        return false;
    fetch->easy = curl_easy_init();
    OD_ASSERT(fetch->easy != NULL);
    return od_fetch_read_url(fetch, &fetch->why);
}

static void give_back(struct od_fetch *fetch)
{
    // Fine also for one that is not in it.
    curl_multi_remove_handle(fetch->fetches->multi, fetch->easy);
    curl_easy_cleanup(fetch->easy);
    curl_url_cleanup(fetch->url);
    curl_slist_free_all(fetch->fields);
}

static void fetch_free(struct od_fetch *fetch)
{
    struct od_fetches *fetches = fetch->fetches;
    od_fetch_forget_answer(fetch);
    od_fetch_forget_upload(fetch);
    if (fetch->easy != NULL)
        give_back(fetch);
    od_url_deinit(&fetch->target);
    od_bytes_deinit(&fetch->message);
    od_list_remove(&fetch->hopeless);
    od_list_remove(&fetch->resuming);
    od_map_remove(&fetches->by_number, &fetch->node);
    free(fetch);
}

static void tell(struct od_fetches *fetches, uint64_t number, bool ok, od_slice bytes)
{
    fetches->net->events->fetched(fetches->net->owner, number, ok, bytes);
}

static void end_without_answer(struct od_fetch *fetch, const struct od_error *err)
{
    struct od_fetches *fetches = fetch->fetches;
    uint64_t number = fetch->number;
    char what[OD_ERROR_BYTES_MAX / 2];
    struct od_error all = *err;
    od_fetch_describe(od_bytes_slice(&fetch->message), what, sizeof what);
    od_error_prefix(&all, "fetch %s", what);
    fetch_free(fetch);
    tell(fetches, number, false, od_slice_of(all.text));
}

static void end_with_answer(struct od_fetch *fetch, uint16_t status)
{
    OD_ASSERT(status >= 200);
    struct od_fetches *fetches = fetch->fetches;
    uint64_t number = fetch->number;
    struct od_bytes response = {0};
    od_fetch_put_answer(fetch, status, &response);
    fetch_free(fetch);
    tell(fetches, number, true, od_bytes_slice(&response));
    od_bytes_deinit(&response);
}

static void tell_ended(struct od_fetches *fetches, uint64_t stream, bool is_whole)
{
    fetches->net->events->stream_ended(fetches->net->owner, stream, is_whole);
}

// All of it has been told, or was cut.
static void end_pieces(struct od_fetch *fetch, bool is_whole)
{
    struct od_fetches *fetches = fetch->fetches;
    uint64_t stream = fetch->way.stream;
    bool is_unwanted = fetch->is_unwanted;
    fetch_free(fetch);
    if (!is_unwanted)
        tell_ended(fetches, stream, is_whole);
}

// The answer has no body, of which nothing has come so far.
static void end_without_pieces(struct od_fetch *fetch, uint16_t status)
{
    fetch->is_in_callback = true;
    od_fetch_tell_head(fetch, status);
    fetch->is_in_callback = false;
    end_pieces(fetch, true);
}

static void begin_hop(struct od_fetch *fetch)
{
    check(fetch);
    od_fetch_prepare(fetch);
    od_fetch_expect(fetch);
    CURLMcode failed = curl_multi_add_handle(fetch->fetches->multi, fetch->easy);
    OD_ASSERT(failed == CURLM_OK);
}

static void follow(struct od_fetch *fetch, uint16_t status, od_slice location)
{
    OD_ASSERT(fetch->way.redirect != OD_FETCH_MANUAL);
    struct od_error err;
    if (od_fetch_go_on(fetch, status, location, &err)) {
        od_fetch_forget_answer(fetch); // The location was in it.
        fetch->is_tried_anew = false;
        begin_hop(fetch);
    } else {
        end_without_answer(fetch, &err);
    }
}

// The server had ended a used connection while the request was written to it, so it has not
// answered it. libcurl sees to the other ways in which a used connection turns out to be gone.
static bool is_stale(const struct od_fetch *fetch, CURLcode code)
{
    long fresh = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_NUM_CONNECTS, &fresh);
    return code == CURLE_SEND_ERROR && fresh == 0 && !fetch->is_tried_anew &&
           !od_fetch_has_answer(fetch) && !fetch->has_uploaded;
}

static void try_anew(struct od_fetch *fetch)
{
    OD_ASSERT(!fetch->is_tried_anew);
    od_fetch_forget_answer(fetch);
    fetch->is_tried_anew = true;
    begin_hop(fetch);
}

static void hop_is_over(struct od_fetch *fetch, CURLcode code)
{
    check(fetch);
    long status = 0;
    od_slice location;
    struct od_error err;
    curl_multi_remove_handle(fetch->fetches->multi, fetch->easy);
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (fetch->is_told || fetch->is_unwanted) {
        end_pieces(fetch, code == CURLE_OK);
    } else if (is_stale(fetch, code)) {
        try_anew(fetch);
    } else if (code != CURLE_OK || status < 200 || status > 599) {
        od_fetch_explain(fetch, code, &err);
        end_without_answer(fetch, &err);
    } else if (fetch->way.redirect != OD_FETCH_MANUAL &&
               od_fetch_location(fetch, (uint16_t)status, &location)) {
        follow(fetch, (uint16_t)status, location);
    } else if (fetch->way.stream != 0) {
        end_without_pieces(fetch, (uint16_t)status);
    } else {
        end_with_answer(fetch, (uint16_t)status);
    }
}

// Who is told may cancel other fetches, so each step looks anew.
static void settle(struct od_fetches *fetches)
{
    int left;
    for (CURLMsg *news;
         fetches->multi != NULL && (news = curl_multi_info_read(fetches->multi, &left)) != NULL;) {
        char *fetch = NULL;
        CURLcode code = news->data.result;
        curl_easy_getinfo(news->easy_handle, CURLINFO_PRIVATE, &fetch);
        OD_ASSERT(fetch != NULL);
        hop_is_over((struct od_fetch *)(void *)fetch, code);
    }
    for (struct od_list *link; (link = od_list_pop_front(&fetches->hopeless)) != NULL;) {
        struct od_fetch *fetch = OD_LIST_MEMBER(link, struct od_fetch, hopeless);
        end_without_answer(fetch, &fetch->why);
    }
}

// --- From outside --------------------------------------------------------------------------------

void od_fetch_start(struct od_net *net, uint64_t number, od_slice request, struct od_fetch_way way)
{
    if (net->fetches == NULL)
        net->fetches = fetches_new(net);
    OD_ASSERT(find(net->fetches, number) == NULL);
    struct od_fetch *fetch = fetch_new(net->fetches, number, request, way);
    if (fetch_begin(fetch)) {
        begin_hop(fetch);
        return;
    }
    od_list_push_back(&net->fetches->hopeless, &fetch->hopeless);
    od_loop_set_timer(net->loop, &net->fetches->timer, 0);
}

void od_fetch_cancel(struct od_net *net, uint64_t number)
{
    struct od_fetch *fetch = net->fetches == NULL ? NULL : find(net->fetches, number);
    if (fetch != NULL && fetch->is_in_callback)
        fetch->is_unwanted = true;
    else if (fetch != NULL)
        fetch_free(fetch);
}

void od_fetch_put_piece(struct od_net *net, uint64_t number, od_slice piece)
{
    struct od_fetch *fetch = net->fetches == NULL ? NULL : find(net->fetches, number);
    if (fetch != NULL)
        od_fetch_put_upload(fetch, piece);
}

void od_fetch_put_end(struct od_net *net, uint64_t number, bool is_whole)
{
    struct od_fetch *fetch = net->fetches == NULL ? NULL : find(net->fetches, number);
    if (fetch != NULL)
        od_fetch_end_upload(fetch, is_whole);
}

void od_fetch_taken(struct od_net *net, uint64_t number, size_t size)
{
    struct od_fetch *fetch = net->fetches == NULL ? NULL : find(net->fetches, number);
    if (fetch != NULL)
        od_fetch_taken_by(fetch, size);
}

void od_fetches_free(struct od_fetches *fetches)
{
    if (fetches == NULL)
        return;
    struct od_map_node *node;
    while ((node = od_map_next(&fetches->by_number, NULL)) != NULL)
        fetch_free(OD_MAP_MEMBER(node, struct od_fetch, node));
    if (fetches->multi != NULL) {
        curl_multi_cleanup(fetches->multi);
        curl_global_cleanup();
    }
    od_loop_clear_timer(fetches->net->loop, &fetches->timer);
    od_map_deinit(&fetches->by_number);
    free(fetches);
}
