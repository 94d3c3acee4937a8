#include "net/lookout.h"

#include <errno.h>
#include <libwebsockets.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "link/loop.h"

enum {
    // libwebsockets makes two tables as long as the process may have descriptors, which can be a
    // thousand million; it knows a handful, all of them made before the first connection.
    descriptors_max = 1024,
    destroy_rounds = 8,      // Of the loop, in which libwebsockets closes its handles.
    ready_a_turn_max = 1024, // As many as libuv takes at once.
};

static const char lws_protocol_name[] = "open-do";

static void on_lws_log(int level, const char *line)
{
    (void)level;
    od_log(OD_LOG_WARN, NULL, "libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t size)
{
    (void)user, (void)in, (void)size;
    struct od_lookout *lookout = lws_get_opaque_user_data(wsi);
    if (reason == LWS_CALLBACK_RAW_RX_FILE && lookout != NULL)
        lookout->has_news = true;
    return 0;
}

static const struct lws_protocols protocols[] = {{.name = lws_protocol_name, .callback = on_lws},
                                                 {.name = NULL}};

// Told a smaller number it searches a list for each event instead. So it is shown a smaller limit
// while it looks.
static struct lws_context *create_context(struct lws_context_creation_info *info)
{
    struct rlimit limit, shown;
    getrlimit(RLIMIT_NOFILE, &limit);
    shown = limit;
    if (shown.rlim_cur > descriptors_max)
        shown.rlim_cur = descriptors_max;
    setrlimit(RLIMIT_NOFILE, &shown);
    struct lws_context *context = lws_create_context(info);
    setrlimit(RLIMIT_NOFILE, &limit);
    return context;
}

// Takes [set] in any case.
static bool adopt_set(struct od_lookout *lookout, struct lws_vhost *vhost, int set)
{
    lws_adopt_desc_t info = {.vh = vhost,
                             .type = LWS_ADOPT_RAW_FILE_DESC,
                             .fd = {.filefd = set},
                             .vh_prot_name = lws_protocol_name};
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&info);
    if (wsi == NULL)
        return false;
    lws_set_opaque_user_data(wsi, lookout);
    lookout->set = set;
    return true;
}

bool od_lookout_init(struct od_lookout *lookout, struct od_loop *loop, struct od_error *err)
{
    *lookout = (struct od_lookout){.loop = loop, .set = -1};
    void *uv = &loop->uv;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = &uv,
        .pcontext = &lookout->context,
        .vhost_name = "open-do",
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    lookout->context = create_context(&info);
    if (lookout->context == NULL)
        return od_error_set(err, "libwebsockets cannot start on libuv; its plugin for libuv is a "
                                 "package of its own: install libwebsockets-evlib-uv");
    struct lws_vhost *vhost = lws_create_vhost(lookout->context, &info);
    if (vhost == NULL)
        return od_error_set(err, "libwebsockets cannot make a virtual host");
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return od_error_errno(err, "cannot watch connections");
    return adopt_set(lookout, vhost, set) ||
           od_error_set(err, "libwebsockets does not take descriptor %d", set);
}

// 4.1.6 wants to be asked twice, with the loop running in between; later versions once. Either way
// [context] becomes NULL when it is done.
void od_lookout_deinit(struct od_lookout *lookout)
{
    for (int asked = 0; asked < 2 && lookout->context != NULL; asked++) {
        lws_context_destroy(lookout->context);
        for (int i = 0; i < destroy_rounds && lookout->context != NULL; i++)
            uv_run(&lookout->loop->uv, UV_RUN_NOWAIT);
    }
    lookout->set = -1; // It has closed it.
}

void od_lookout_forget(const struct od_lookout *lookout, int fd, uint8_t before)
{
    bool is_forgotten = od_lookout_set(lookout, fd, before, OD_LOOKOUT_NOTHING, NULL);
    OD_ASSERT(is_forgotten);
}

bool od_lookout_set(const struct od_lookout *lookout, int fd, uint8_t before, uint8_t wishes,
                    void *who)
{
    OD_ASSERT(fd >= 0);
    OD_ASSERT(lookout->set >= 0);
    if (before == wishes)
        return true;
    int what = before == 0 ? EPOLL_CTL_ADD : wishes == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    uint32_t events = ((wishes & OD_LOOKOUT_BYTES) != 0 ? EPOLLIN : 0u) |
                      ((wishes & OD_LOOKOUT_ROOM) != 0 ? EPOLLOUT : 0u);
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(lookout->set, what, fd, &event) == 0;
}

static uint8_t ready_of(uint32_t events)
{
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        return OD_LOOKOUT_BYTES | OD_LOOKOUT_ROOM | OD_LOOKOUT_GONE;
    return (uint8_t)(((events & EPOLLIN) != 0 ? OD_LOOKOUT_BYTES : 0) |
                     ((events & EPOLLOUT) != 0 ? OD_LOOKOUT_ROOM : 0));
}

void od_lookout_tell(struct od_lookout *lookout, void (*ready)(void *who, uint8_t what))
{
    struct epoll_event events[ready_a_turn_max];
    if (!lookout->has_news)
        return;
    lookout->has_news = false;
    int count = epoll_wait(lookout->set, events, ready_a_turn_max, 0);
    for (int i = 0; i < count; i++)
        ready(events[i].data.ptr, ready_of(events[i].events));
}
