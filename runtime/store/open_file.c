#include "store/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

int od_open_file(int directory_fd, const char *path)
{
    OD_ASSERT(path != NULL);
    struct stat facts;
    int fd = openat(directory_fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}
