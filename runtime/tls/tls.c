#include "tls/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/fault.h"
#include "base/log.h"
#include "tls/connection.h"

// --- Certificates --------------------------------------------------------------------------------

static void load_again(struct od_tls *tls)
{
    struct od_error err;
    if (od_certificates_load(&tls->certificates, &err))
        od_log(OD_LOG_INFO, NULL, "the TLS certificates are loaded anew");
    else
        od_log(OD_LOG_ERROR, NULL, "the TLS certificates before stay in use: %s", err.text);
}

static void on_look(struct od_timer *timer)
{
    struct od_tls *tls = OD_TIMER_MEMBER(timer, struct od_tls, look_timer);
    if (od_certificates_differ(&tls->certificates))
        load_again(tls);
    od_loop_set_timer(&tls->loop, timer, OD_TLS_LOOK_MS);
}

// --- Main ----------------------------------------------------------------------------------------

static void take_outer(struct od_tls *tls, int fd)
{
    int on = 1; // A record leaves when it is written.
    if (tls->outer_fd >= 0)
        close(tls->outer_fd);
    tls->outer_fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void take_inner(struct od_tls *tls, int fd)
{
    int outer_fd = tls->outer_fd;
    tls->outer_fd = -1;
    if (outer_fd >= 0 && fd >= 0) {
        od_tls_connection_start(tls, outer_fd, fd);
        return;
    }
    od_log(OD_LOG_WARN, NULL,
           "a TLS connection is lost: no descriptor is free; raise the limit of "
           "open files (ulimit -n)");
    if (outer_fd >= 0)
        close(outer_fd);
    if (fd >= 0)
        close(fd);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct od_tls *tls = link->owner;
    (void)body;
    if (kind == OD_KIND_TLS_OUTER)
        take_outer(tls, fd);
    else if (kind == OD_KIND_TLS_INNER)
        take_inner(tls, fd);
    else if (kind == OD_KIND_TLS_RELOAD)
        load_again(tls);
    if (fd >= 0 && kind != OD_KIND_TLS_OUTER && kind != OD_KIND_TLS_INNER)
        close(fd);
}

static void on_end_late(struct od_timer *timer)
{
    OD_TIMER_MEMBER(timer, struct od_tls, end_timer)->is_over = true;
}

static void on_gone(struct od_link *link)
{
    struct od_tls *tls = link->owner;
    od_loop_set_timer(&tls->loop, &tls->end_timer, OD_TLS_END_MS_MAX);
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    ((struct od_tls *)link->owner)->has_link = false;
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

// --- Beginning and end ---------------------------------------------------------------------------

static void say_failed(struct od_tls *tls, const struct od_error *err)
{
    struct od_bytes body = {0};
    od_bytes_put_string(&body, od_slice_of(err->text));
    od_link_send(&tls->main, OD_KIND_LOAD_FAILED, od_bytes_slice(&body), -1);
    od_link_flush_all(&tls->main);
    od_bytes_deinit(&body);
}

static bool expects_more(const struct od_tls *tls)
{
    return tls->has_link && !tls->is_retired;
}

static void on_retire(uv_signal_t *handle, int number)
{
    (void)number;
    ((struct od_tls *)handle->data)->is_retired = true;
}

static void serve(struct od_tls *tls)
{
    tls->retire_signal.data = tls;
    uv_signal_start(&tls->retire_signal, on_retire, SIGUSR2);
    od_link_send(&tls->main, OD_KIND_READY, (od_slice){NULL, 0}, -1);
    od_link_flush(&tls->main);
    on_look(&tls->look_timer);
    while (!tls->is_over && (expects_more(tls) || tls->connection_count > 0)) {
        od_loop_poll(&tls->loop, true);
        od_log_settle(false);
        od_confine_report();
    }
}

static void close_all(struct od_tls *tls)
{
    OD_LIST_EACH_SAFE (link, &tls->connections)
        od_tls_connection_end(OD_LIST_MEMBER(link, struct od_tls_connection, link));
    uv_close((uv_handle_t *)&tls->retire_signal, NULL);
    od_loop_clear_timer(&tls->loop, &tls->look_timer);
    od_loop_clear_timer(&tls->loop, &tls->end_timer);
    if (tls->has_link && !tls->main.is_closing)
        od_link_close(&tls->main);
    od_loop_deinit(&tls->loop);
    od_certificates_deinit(&tls->certificates);
    od_log_settle(true);
}

static void init(struct od_tls *tls, const struct od_options *options)
{
    *tls = (struct od_tls){.options = options,
                           .outer_fd = -1,
                           .look_timer = {.fire = on_look},
                           .end_timer = {.fire = on_end_late}};
    od_list_init(&tls->connections);
    od_certificates_init(&tls->certificates, options);
}

bool od_tls_check(const struct od_options *options, struct od_error *err)
{
    struct od_certificates certificates;
    od_certificates_init(&certificates, options);
    bool ok = !options->has_tls || od_certificates_load(&certificates, err);
    od_certificates_deinit(&certificates);
    return ok;
}

int od_tls_main(const struct od_options *options, int link_fd)
{
    struct od_error err;
    struct od_tls *tls = od_allocate(sizeof *tls);
    init(tls, options);
    if (options->confine)
        od_confine_prepare();
    if (!od_loop_init(&tls->loop, &err) ||
        !od_link_init(&tls->main, &tls->loop.uv, link_fd, &link_events, tls, &err)) {
        od_log(OD_LOG_ERROR, NULL, "the process for TLS cannot start: %s", err.text);
        return OD_EXIT_WRONG;
    }
    tls->has_link = true;
    int status = uv_signal_init(&tls->loop.uv, &tls->retire_signal);
    OD_ASSERT(status == 0);
    bool ok = od_certificates_load(&tls->certificates, &err);
    if (!ok)
        say_failed(tls, &err);
    if (options->confine && !od_confine(&err))
        od_log(OD_LOG_WARN, NULL, "the process for TLS: %s", err.text);
    if (ok)
        serve(tls);
    close_all(tls);
    free(tls);
    return ok ? OD_EXIT_CLEAN : OD_EXIT_WRONG;
}
