#include "net/fetch_inner.h"
#include "net/net.h"

// Answers whose body is handed over piece by piece. What nobody has taken is bounded: libcurl is
// told to pause, and TCP slows the server down.

static uint16_t status_of(const struct od_fetch *fetch)
{
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    return status < 200 || status > 599 ? 0 : (uint16_t)status;
}

// The body of an answer that sends us elsewhere is nobody's.
static bool is_followed(const struct od_fetch *fetch, uint16_t status)
{
    od_slice location;
    return fetch->way.redirect != OD_FETCH_MANUAL && od_fetch_location(fetch, status, &location);
}

void od_fetch_tell_head(struct od_fetch *fetch, uint16_t status)
{
    OD_ASSERT(!fetch->is_told);
    struct od_net *net = fetch->fetches->net;
    struct od_bytes response = {0};
    fetch->is_told = true;
    od_fetch_put_answer(fetch, status, &response);
    net->events->fetched(net->owner, fetch->number, true, od_bytes_slice(&response));
    od_bytes_deinit(&response);
}

bool od_fetch_head_is_there(struct od_fetch *fetch)
{
    uint16_t status = status_of(fetch);
    if (fetch->is_told || status == 0 || is_followed(fetch, status))
        return !fetch->is_unwanted;
    fetch->is_in_callback = true;
    od_fetch_tell_head(fetch, status);
    fetch->is_in_callback = false;
    return !fetch->is_unwanted;
}

static void tell_piece(struct od_fetch *fetch, od_slice piece)
{
    OD_ASSERT(fetch->is_told);
    struct od_net *net = fetch->fetches->net;
    fetch->going_bytes += piece.size;
    net->events->stream_piece(net->owner, fetch->way.stream, piece);
}

static bool has_room(const struct od_fetch *fetch, size_t size)
{
    return fetch->going_bytes == 0 || fetch->going_bytes + size <= OD_FETCH_WINDOW_BYTES;
}

size_t od_fetch_take_piece(struct od_fetch *fetch, od_slice piece)
{
    if (!fetch->is_told) // Of one that sends us elsewhere.
        return piece.size;
    if (!has_room(fetch, piece.size)) {
        fetch->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch->is_in_callback = true;
    tell_piece(fetch, piece);
    fetch->is_in_callback = false;
    return fetch->is_unwanted ? 0 : piece.size;
}

void od_fetch_resume_some(struct od_fetches *fetches)
{
    struct od_list now;
    od_list_init(&now);
    od_list_move_all(&now, &fetches->resuming);
    for (struct od_list *link; (link = od_list_pop_front(&now)) != NULL;) {
        struct od_fetch *fetch = OD_LIST_MEMBER(link, struct od_fetch, resuming);
        fetch->is_paused = false;
        curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
    }
}

// Not at once: who takes something may do so from within a callback of libcurl.
void od_fetch_resume(struct od_fetch *fetch)
{
    struct od_fetches *fetches = fetch->fetches;
    if (od_list_is_empty(&fetch->resuming))
        od_list_push_back(&fetches->resuming, &fetch->resuming);
    od_loop_set_timer(fetches->net->loop, &fetches->transfers.timer, 0);
}

void od_fetch_taken_by(struct od_fetch *fetch, size_t size)
{
    fetch->going_bytes -= size < fetch->going_bytes ? size : fetch->going_bytes;
    if (fetch->is_paused && fetch->going_bytes <= OD_FETCH_WINDOW_BYTES / 2)
        od_fetch_resume(fetch);
}
