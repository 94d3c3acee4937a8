#include "main/processes/tls_retired.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "main/processes/limits.h"

struct one {
    struct od_list link_in_all;
    struct od_tls_retired *retired;
    struct od_process process;
    struct od_link link;
    bool has_link;
};

static bool has_ended(struct one *one)
{
    int status;
    return !od_process_is_there(&one->process) || od_process_reap(&one->process, &status);
}

static void free_if_over(struct one *one)
{
    if (one->has_link || !has_ended(one))
        return;
    OD_ASSERT(one->retired->count > 0);
    od_list_remove(&one->link_in_all);
    one->retired->count--;
    free(one);
}

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    (void)link, (void)kind, (void)body;
    if (fd >= 0)
        close(fd);
}

static void on_gone(struct od_link *link)
{
    od_link_close(link);
}

static void on_closed(struct od_link *link)
{
    struct one *one = link->owner;
    OD_ASSERT(one->has_link);
    one->has_link = false;
    free_if_over(one);
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

static void on_child_signal(uv_signal_t *handle, int number)
{
    struct od_tls_retired *retired = handle->data;
    (void)number;
    OD_LIST_EACH_SAFE (link, &retired->all)
        free_if_over(OD_LIST_MEMBER(link, struct one, link_in_all));
}

static void end_oldest(struct od_tls_retired *retired)
{
    OD_ASSERT(!od_list_is_empty(&retired->all));
    struct one *oldest = OD_LIST_MEMBER(retired->all.next, struct one, link_in_all);
    od_log(OD_LOG_WARN, NULL,
           "%d processes of programs before have TLS connections: those of the oldest (pid %d) are "
           "cut",
           OD_TLS_RETIRED_MAX, od_process_number(&oldest->process));
    od_process_kill(&oldest->process);
}

void od_tls_retired_add(struct od_tls_retired *retired, int number, int link_fd)
{
    struct od_error err;
    OD_ASSERT(number > 1);
    OD_ASSERT(link_fd >= 0);
    struct one *one = od_allocate_zeroed(sizeof *one);
    one->retired = retired;
    od_list_init(&one->link_in_all);
    od_process_adopt(&one->process, number);
    kill(number, OD_TLS_RETIRE);
    one->has_link = od_link_init(&one->link, &retired->loop->uv, link_fd, &link_events, one, &err);
    if (!one->has_link)
        od_process_kill(&one->process);
    if (retired->count >= OD_TLS_RETIRED_MAX)
        end_oldest(retired);
    od_list_push_back(&retired->all, &one->link_in_all);
    retired->count++;
}

void od_tls_retired_each(const struct od_tls_retired *retired,
                         void (*visit)(void *owner, int number, int link_fd), void *owner)
{
    OD_LIST_EACH (link, &retired->all) {
        const struct one *one = OD_LIST_MEMBER(link, struct one, link_in_all);
        if (one->has_link && !one->link.is_gone)
            visit(owner, od_process_number(&one->process), one->link.fd);
    }
}

void od_tls_retired_init(struct od_tls_retired *retired, struct od_loop *loop)
{
    *retired = (struct od_tls_retired){.loop = loop};
    od_list_init(&retired->all);
    int status = uv_signal_init(&loop->uv, &retired->child_signal);
    OD_ASSERT(status == 0);
    retired->child_signal.data = retired;
    status = uv_signal_start(&retired->child_signal, on_child_signal, SIGCHLD);
    OD_ASSERT(status == 0);
}

// The end of the link tells them to end, too; who does not is killed when the wait is over.
static bool have_ended(struct od_tls_retired *retired)
{
    bool all = true;
    OD_LIST_EACH (link, &retired->all) {
        bool is_over = has_ended(OD_LIST_MEMBER(link, struct one, link_in_all));
        all = all && is_over;
    }
    return all;
}

void od_tls_retired_close(struct od_tls_retired *retired)
{
    OD_LIST_EACH (link, &retired->all) {
        struct one *one = OD_LIST_MEMBER(link, struct one, link_in_all);
        if (one->has_link && !one->link.is_closing)
            od_link_close(&one->link);
    }
    for (int ms = 0; !have_ended(retired) && ms < OD_TLS_END_WAIT_MS_MAX;
         ms += OD_PROCESS_END_LOOK_MS)
        usleep(OD_PROCESS_END_LOOK_MS * 1000);
    OD_LIST_EACH_SAFE (link, &retired->all) {
        struct one *one = OD_LIST_MEMBER(link, struct one, link_in_all);
        od_process_end(&one->process);
        free_if_over(one); // Or when its link is closed.
    }
    uv_close((uv_handle_t *)&retired->child_signal, NULL);
}

// --- Like us -------------------------------------------------------------------------------------

static bool is_our_file(int number)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof path, "/proc/%d/exe", number);
    return stat(path, &theirs) == 0 && stat("/proc/self/exe", &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

// A library that was replaced is still mapped, by a name that is gone.
static bool has_lost_library(int number)
{
    char path[64], line[512];
    bool has_lost = false;
    snprintf(path, sizeof path, "/proc/%d/maps", number);
    FILE *maps = fopen(path, "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        has_lost = has_lost || (strstr(line, ".so") != NULL && strstr(line, " (deleted)") != NULL);
    if (maps != NULL)
        fclose(maps);
    return maps == NULL || has_lost;
}

bool od_tls_retired_is_like_us(int number)
{
    return is_our_file(number) && !has_lost_library(number);
}
