#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

struct od_fault_page *od_fault_page;

// A file that is too short would end the process where the page is read.
static struct od_fault_page *map(int fd)
{
    struct stat file;
    if (fd < 0 || fstat(fd, &file) != 0)
        return NULL;
    errno = EINVAL;
    if (file.st_size < (off_t)sizeof *od_fault_page)
        return NULL;
    void *mapped = mmap(NULL, sizeof *od_fault_page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

void od_fault_open(void)
{
    const char *path = getenv("OPEN_DO_TEST_PAGE");
    if (path == NULL || od_fault_page != NULL)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    od_fault_page = map(fd);
    if (od_fault_page == NULL)
        od_log(OD_LOG_WARN, NULL, "OPEN_DO_TEST_PAGE=%s cannot be used: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
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
    OD_ASSERT(strlen(name) < OD_FAULT_NAME_BYTES);
    for (int i = 0; od_fault_page != NULL && i < OD_FAULT_COUNT; i++) {
        if (strncmp(od_fault_page->slots[i].name, name, OD_FAULT_NAME_BYTES) == 0)
            return count_down(&od_fault_page->slots[i]);
    }
    return false;
}

int64_t od_fault_clock_offset_ms(void)
{
    if (od_fault_page == NULL)
        return 0;
    return __atomic_load_n(&od_fault_page->clock_offset_ms, __ATOMIC_RELAXED);
}

int64_t od_fault_wall_offset_ms(void)
{
    if (od_fault_page == NULL)
        return 0;
    return __atomic_load_n(&od_fault_page->wall_offset_ms, __ATOMIC_RELAXED) +
           od_fault_clock_offset_ms();
}

bool od_fault_page_present(void)
{
    return od_fault_page != NULL;
}
