#include "link/worker_page.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

static struct od_worker_page *map(int fd)
{
    struct od_worker_page *page =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

bool od_worker_page_new(struct od_worker_page **page, int *fd, struct od_error *err)
{
    *page = NULL;
    *fd = memfd_create("open-do worker", MFD_CLOEXEC);
    if (*fd >= 0 && ftruncate(*fd, sizeof **page) == 0)
        *page = map(*fd);
    if (*page != NULL)
        return true;
    od_error_errno(err, "cannot make a shared page");
    if (*fd >= 0)
        close(*fd);
    return false;
}

bool od_worker_page_open(struct od_worker_page **page, int fd, struct od_error *err)
{
    *page = map(fd);
    if (*page == NULL)
        od_error_errno(err, "cannot map the page that is shared with main");
    close(fd);
    return *page != NULL;
}

void od_worker_page_free(struct od_worker_page *page)
{
    if (page != NULL)
        munmap(page, sizeof *page);
}

static void copy_text(char *to, size_t room, const char *text)
{
    OD_ASSERT(room > 0);
    size_t size = strnlen(text, room - 1);
    memcpy(to, text, size);
    to[size] = '\0';
}

void od_worker_page_begin(struct od_worker_page *page, const uint8_t *id, const char *label,
                          const char *name)
{
    OD_ASSERT((page->event.moment & 1) == 0); // None runs.
    OD_ASSERT(label != NULL);
    OD_ASSERT(name != NULL || page->event.name[0] != '\0');
    struct od_worker_page_event *event = &page->event;
    __atomic_thread_fence(__ATOMIC_RELEASE); // Nobody sees what follows before the last end.
    if (id != NULL)
        memcpy(event->id, id, sizeof event->id);
    else
        memset(event->id, 0, sizeof event->id);
    copy_text(event->label, sizeof event->label, label);
    if (name != NULL)
        copy_text(event->name, sizeof event->name, name);
    __atomic_store_n(&event->moment, event->moment | 1, __ATOMIC_RELEASE);
}

void od_worker_page_begin_again(struct od_worker_page *page)
{
    OD_ASSERT((page->event.moment & 1) == 0);
    OD_ASSERT(page->event.name[0] != '\0');
    __atomic_store_n(&page->event.moment, page->event.moment | 1, __ATOMIC_RELEASE);
}

void od_worker_page_end(struct od_worker_page *page)
{
    OD_ASSERT((page->event.moment & 1) == 1);
    __atomic_store_n(&page->event.moment, (page->event.moment | 1) + 1, __ATOMIC_RELEASE);
}

void od_page_turn(struct od_worker_page *page)
{
    __atomic_store_n(&page->turns, page->turns + 1, __ATOMIC_RELEASE);
}

bool od_page_may(const int64_t *until_ms)
{
    int64_t until = __atomic_load_n(until_ms, __ATOMIC_ACQUIRE);
    return until == 0 || od_clock_monotonic_ms() < until;
}

// Both only grow.
uint64_t od_page_progress(const struct od_worker_page *page)
{
    return __atomic_load_n(&page->turns, __ATOMIC_ACQUIRE) +
           __atomic_load_n(&page->event.moment, __ATOMIC_ACQUIRE);
}

bool od_worker_page_running(const struct od_worker_page *page, struct od_worker_page_event *event)
{
    uint64_t before = __atomic_load_n(&page->event.moment, __ATOMIC_ACQUIRE);
    if (before % 2 == 0)
        return false;
    *event = page->event;
    event->moment = before;
    event->label[sizeof event->label - 1] = event->name[sizeof event->name - 1] = '\0';
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&page->event.moment, __ATOMIC_RELAXED) == before;
}
