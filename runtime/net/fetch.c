#include "net/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/fetch_inner.h"
#include "net/net.h"

// --- The multi handle ---------------------------------------------------------------------------

static void settle(void *owner);

static void on_woken(void *owner)
{
    od_fetch_resume_some(owner);
}

static struct od_fetches *fetches_new(struct od_net *net)
{
    struct od_fetches *fetches = od_allocate_zeroed(sizeof *fetches);
    fetches->net = net;
    od_transfers_init(&fetches->transfers, net->loop, on_woken, settle, fetches);
    od_list_init(&fetches->hopeless);
    od_list_init(&fetches->resuming);
    od_map_init(&fetches->by_number);
    return fetches;
}

// At the first fetch. False: this machine cannot.
static bool begin(struct od_fetches *fetches, struct od_error *err)
{
    if (fetches->transfers.multi != NULL)
        return true;
    if (!od_transfers_begin(&fetches->transfers, err))
        return false;
    curl_multi_setopt(fetches->transfers.multi, CURLMOPT_MAXCONNECTS,
                      (long)OD_FETCH_IDLE_CONNECTIONS_MAX);
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
    curl_multi_remove_handle(fetch->fetches->transfers.multi, fetch->easy);
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
    CURLMcode failed = curl_multi_add_handle(fetch->fetches->transfers.multi, fetch->easy);
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
    curl_multi_remove_handle(fetch->fetches->transfers.multi, fetch->easy);
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
static void settle(void *owner)
{
    struct od_fetches *fetches = owner;
    for (const CURLMsg *news; (news = od_transfers_next_end(&fetches->transfers)) != NULL;) {
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
    od_loop_set_timer(net->loop, &net->fetches->transfers.timer, 0);
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
    od_transfers_end(&fetches->transfers);
    od_map_deinit(&fetches->by_number);
    free(fetches);
}
