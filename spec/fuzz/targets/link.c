// The bytes of a link, and the forms of the messages on it: nothing another process says may do
// more than close the link.

#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "codec/upgrade_record.h"
#include "link/files.h"
#include "link/link.h"
#include "link/request.h"
#include "link/response.h"

static uv_loop_t loop;
static bool is_over;

static void walk_headers(struct od_headers headers)
{
    od_slice value;
    (void)od_headers_find(headers, OD_SLICE("sec-websocket-protocol"), &value);
}

static void read_all(od_slice body)
{
    struct od_request request;
    struct od_response response;
    struct od_upgrade_record record;
    struct od_file file;
    if (od_request_read(body, &request))
        walk_headers(request.headers);
    if (od_response_read(body, &response))
        walk_headers(response.headers);
    (void)od_upgrade_record_read(body, &record);
    for (struct od_cursor cursor = od_cursor_of(body); od_files_next(&cursor, &file);)
        OD_ASSERT(file.path.size <= body.size);
    (void)od_files_find(body, OD_SLICE("script.lua"), &file);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    (void)link;
    OD_ASSERT(kind > OD_KIND_NONE && kind < OD_KIND_COUNT);
    char *copy = fuzz_copy(body.at, body.size);
    read_all((od_slice){copy, body.size});
    free(copy);
    if (fd >= 0)
        close(fd);
}

static void on_gone(struct od_link *link)
{
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    (void)link;
    is_over = true;
}

static const struct od_link_events events = {on_message, on_gone, on_closed};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool has_loop;
    if (!has_loop)
        has_loop = uv_loop_init(&loop) == 0;
    read_all((od_slice){(const char *)data, size});
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return 0;
    struct od_link link = {0};
    is_over = false;
    struct od_error err;
    OD_ASSERT(od_link_init(&link, &loop, fds[0], &events, NULL, &err));
    ssize_t sent = send(fds[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    close(fds[1]);
    while (!is_over)
        uv_run(&loop, UV_RUN_ONCE);
    return 0;
}
