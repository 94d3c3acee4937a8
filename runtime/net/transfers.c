#include "net/transfers.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"

struct watch { // One descriptor of libcurl.
    uv_poll_t poll;
    struct od_transfers *transfers;
    curl_socket_t fd;
    int events; // What libcurl waits for.
};

static void act(struct od_transfers *transfers, curl_socket_t fd, int what)
{
    int running;
    OD_ASSERT(transfers->multi != NULL);
    curl_multi_socket_action(transfers->multi, fd, what, &running);
    transfers->settle(transfers->owner);
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
    act(watch->transfers, watch->fd, what);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle);
}

static struct watch *watch_new(struct od_transfers *transfers, curl_socket_t fd)
{
    OD_ASSERT(fd >= 0);
    struct watch *watch = od_allocate_zeroed(sizeof *watch);
    watch->transfers = transfers;
    watch->fd = fd;
    int failed = uv_poll_init(&transfers->loop->uv, &watch->poll, fd);
    if (failed == 0) {
        curl_multi_assign(transfers->multi, fd, watch);
        return watch;
    }
    od_log(OD_LOG_ERROR, NULL, "a connection to outside cannot be watched: %s",
           uv_strerror(failed));
    free(watch);
    return NULL;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *of_socket)
{
    struct od_transfers *transfers = owner;
    struct watch *watch = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        curl_multi_assign(transfers->multi, fd, NULL);
        return 0;
    }
    if (watch == NULL)
        watch = watch_new(transfers, fd);
    if (watch == NULL)
        return 0; // It will run into its timeout.
    watch->events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    watch->events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    uv_poll_start(&watch->poll, watch->events, on_ready);
    return 0;
}

static int on_timeout(CURLM *multi, long ms, void *owner)
{
    struct od_transfers *transfers = owner;
    (void)multi;
    if (ms < 0)
        od_loop_clear_timer(transfers->loop, &transfers->timer);
    else
        od_loop_set_timer(transfers->loop, &transfers->timer, ms);
    return 0;
}

// Asked anew each time: libcurl does not repeat a deadline it has told already, and the clock of a
// spec may run ahead of the one libcurl looks at.
static void on_timer(struct od_timer *timer)
{
    struct od_transfers *transfers = OD_TIMER_MEMBER(timer, struct od_transfers, timer);
    long ms = -1;
    if (transfers->multi == NULL) {
        transfers->settle(transfers->owner);
        return;
    }
    if (transfers->woken != NULL)
        transfers->woken(transfers->owner);
    int running;
    curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    if (!od_timer_is_set(timer) && curl_multi_timeout(transfers->multi, &ms) == CURLM_OK)
        on_timeout(transfers->multi, ms, transfers);
    transfers->settle(transfers->owner); // Last: it may be the end of what this belongs to.
}

void od_transfers_init(struct od_transfers *transfers, struct od_loop *loop,
                       void (*woken)(void *owner), void (*settle)(void *owner), void *owner)
{
    OD_ASSERT(settle != NULL);
    *transfers = (struct od_transfers){
        .loop = loop, .woken = woken, .settle = settle, .owner = owner, .timer.fire = on_timer};
}

bool od_transfers_begin(struct od_transfers *transfers, struct od_error *err)
{
    OD_ASSERT(transfers->multi == NULL);
    if (!od_curl_load(err))
        return false;
    CURLcode failed = curl_global_init(CURL_GLOBAL_ALL);
    OD_ASSERT(failed == CURLE_OK);
    transfers->multi = curl_multi_init();
    OD_ASSERT(transfers->multi != NULL);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    return true;
}

const CURLMsg *od_transfers_next_end(const struct od_transfers *transfers)
{
    int left;
    return transfers->multi == NULL ? NULL : curl_multi_info_read(transfers->multi, &left);
}

void od_transfers_end(struct od_transfers *transfers)
{
    od_loop_clear_timer(transfers->loop, &transfers->timer);
    if (transfers->multi == NULL)
        return;
    curl_multi_cleanup(transfers->multi);
    curl_global_cleanup();
    transfers->multi = NULL;
    od_loop_clear_timer(transfers->loop, &transfers->timer);
}
