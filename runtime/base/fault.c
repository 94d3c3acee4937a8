#include "base/fault.h"

#ifdef OD_TESTING

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct od_fault_page *page;

void od_fault_open(void)
{
    const char *path = getenv("OPEN_DO_TEST_PAGE");
    if (path == NULL || page != NULL)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    page = mapped == MAP_FAILED ? NULL : mapped;
}

static bool count_down(struct od_fault_slot *slot)
{
    if (__atomic_load_n(&slot->times, __ATOMIC_ACQUIRE) == 0)
        return false;
    if (__atomic_fetch_sub(&slot->skip, 1, __ATOMIC_ACQ_REL) > 0)
        return false;
    if (__atomic_load_n(&slot->times, __ATOMIC_ACQUIRE) > 0)
        __atomic_fetch_sub(&slot->times, 1, __ATOMIC_ACQ_REL);
    return true;
}

bool od_fault_due(const char *name)
{
    for (int i = 0; page != NULL && i < OD_FAULT_COUNT; i++) {
        if (strncmp(page->slots[i].name, name, OD_FAULT_NAME_BYTES) == 0)
            return count_down(&page->slots[i]);
    }
    return false;
}

int64_t od_fault_clock_offset_ms(void)
{
    return page == NULL ? 0 : __atomic_load_n(&page->clock_offset_ms, __ATOMIC_RELAXED);
}

bool od_fault_page_present(void)
{
    return page != NULL;
}

#endif
