#include "net/connect.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/net.h"
#include "net/tunnel.h"

void od_connect_free(struct od_connect *connect)
{
    if (connect->easy != NULL) {
        curl_multi_remove_handle(connect->transfers.multi, connect->easy);
        curl_easy_cleanup(connect->easy);
    }
    if (connect->url != NULL)
        curl_url_cleanup(connect->url);
    if (connect->reach.has_own && connect->reach.own >= 0)
        close(connect->reach.own);
    curl_slist_free_all(connect->resolved);
    od_transfers_end(&connect->transfers);
    free(connect);
}

// -1: there is none left.
static int descriptor_of(const struct od_connect *connect)
{
    curl_socket_t fd = -1;
    curl_easy_getinfo(connect->easy, CURLINFO_ACTIVESOCKET, &fd);
    OD_ASSERT(fd >= 0);
    return connect->is_secure ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void succeed(struct od_connect *connect)
{
    void (*done)(void *, int, const struct od_error *) = connect->done;
    void *owner = connect->owner;
    struct od_error why = {0};
    int fd = descriptor_of(connect);
    if (fd < 0)
        (void)od_error_errno(&why, "no descriptor is free");
    if (fd >= 0 && connect->is_secure)
        fd = od_tunnel_open(connect, fd, &why);
    else
        od_connect_free(connect);
    done(owner, fd, &why);
}

static void settle(void *owner)
{
    struct od_connect *connect = owner;
    const CURLMsg *news = od_transfers_next_end(&connect->transfers);
    if (news == NULL)
        return;
    OD_ASSERT(news->easy_handle == connect->easy);
    if (news->data.result == CURLE_OK) {
        succeed(connect);
        return;
    }
    struct od_error why;
    void (*done)(void *, int, const struct od_error *) = connect->done;
    void *done_owner = connect->owner;
    od_reach_explain(&connect->reach, connect->easy, news->data.result, &why);
    od_connect_free(connect);
    done(done_owner, -1, &why);
}

// Each has a multi handle of its own: libcurl looks through the connections of one before it makes
// another, and ends those that lie there for long or have something to read, which ours may.
static struct od_connect *make(struct od_net *net, const struct od_url *target,
                               void (*done)(void *owner, int fd, const struct od_error *why),
                               void *owner, struct od_error *err)
{
    OD_ASSERT(done != NULL);
    struct od_connect *connect = od_allocate_zeroed(sizeof *connect);
    connect->net = net;
    connect->done = done;
    connect->owner = owner;
    connect->is_secure = od_slice_equal(od_bytes_slice(&target->scheme), OD_SLICE("https"));
    od_transfers_init(&connect->transfers, net->loop, NULL, settle, connect);
    if (!od_transfers_begin(&connect->transfers, err)) {
        od_connect_free(connect);
        return NULL;
    }
    connect->easy = curl_easy_init();
    OD_ASSERT(connect->easy != NULL);
    connect->url = od_reach_url(target);
    od_reach_prepare(&connect->reach, net->fetch_inside_denied, connect->easy);
    curl_easy_setopt(connect->easy, CURLOPT_CURLU, connect->url);
    curl_easy_setopt(connect->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(connect->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return connect;
}

static void begin(struct od_connect *connect, enum od_connect_use use)
{
    curl_easy_setopt(connect->easy, CURLOPT_SSL_ENABLE_ALPN, use == OD_CONNECT_HTTP ? 1L : 0L);
    CURLMcode failed = curl_multi_add_handle(connect->transfers.multi, connect->easy);
    OD_ASSERT(failed == CURLM_OK);
}

struct od_connect *od_connect_start(struct od_net *net, const struct od_url *target,
                                    enum od_connect_use use,
                                    void (*done)(void *owner, int fd, const struct od_error *why),
                                    void *owner, struct od_error *err)
{
    struct od_connect *connect = make(net, target, done, owner, err);
    if (connect != NULL)
        begin(connect, use);
    return connect;
}

// The name was looked up when the connection was made, so libcurl is told something that it has no
// use for.
static struct curl_slist *resolve_to_nothing(const struct od_url *target)
{
    struct od_bytes line = {0};
    if (target->host.at[0] == '[')
        return NULL; // No name.
    od_bytes_put_slice(&line, od_bytes_slice(&target->host));
    od_bytes_put_u8(&line, ':');
    od_bytes_put_slice(&line,
                       target->port.size > 0 ? od_bytes_slice(&target->port) : OD_SLICE("443"));
    od_bytes_put(&line, ":127.0.0.1", sizeof ":127.0.0.1"); // With the zero that ends it.
    struct curl_slist *list = curl_slist_append(NULL, line.at);
    od_bytes_deinit(&line);
    return list;
}

struct od_connect *od_connect_secure(struct od_net *net, const struct od_url *target, int fd,
                                     void (*done)(void *owner, int fd, const struct od_error *why),
                                     void *owner, struct od_error *err)
{
    struct od_connect *connect = make(net, target, done, owner, err);
    if (connect == NULL) {
        close(fd);
        return NULL;
    }
    OD_ASSERT(connect->is_secure);
    od_reach_use(&connect->reach, connect->easy, fd);
    connect->resolved = resolve_to_nothing(target);
    curl_easy_setopt(connect->easy, CURLOPT_RESOLVE, connect->resolved);
    begin(connect, OD_CONNECT_PLAIN);
    return connect;
}
