#include "main/operator/admin_token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"

static bool is_token(const char *text, ssize_t size)
{
    if (size < OD_ADMIN_TOKEN_BYTES)
        return false;
    for (int i = 0; i < OD_ADMIN_TOKEN_BYTES; i++) {
        if (od_hex_value(text[i]) < 0)
            return false;
    }
    return true;
}

// A line break behind it is a person's.
static bool read_token(int fd, const char *name, char token[OD_ADMIN_TOKEN_BYTES + 1],
                       struct od_error *err)
{
    struct stat facts;
    ssize_t size = read(fd, token, OD_ADMIN_TOKEN_BYTES);
    token[OD_ADMIN_TOKEN_BYTES] = '\0';
    if (!is_token(token, size))
        return od_error_set(
            err, "%s is no token of open-do: delete it, and the next start makes one", name);
    if (fstat(fd, &facts) != 0 || (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return od_error_set(err, "%s can be read by others: chmod 600, or delete it", name);
    return true;
}

static bool make_token(int fd, const char *name, char token[OD_ADMIN_TOKEN_BYTES + 1],
                       struct od_error *err)
{
    char secret[OD_ADMIN_TOKEN_BYTES / 2];
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return od_error_errno(err, "there are no random bytes for %s", name);
    od_hex_put(token, (od_slice){secret, sizeof secret});
    token[OD_ADMIN_TOKEN_BYTES] = '\n';
    bool ok = write(fd, token, OD_ADMIN_TOKEN_BYTES + 1) == OD_ADMIN_TOKEN_BYTES + 1;
    token[OD_ADMIN_TOKEN_BYTES] = '\0';
    return ok || od_error_errno(err, "cannot write %s", name);
}

bool od_admin_token(const char *data_dir, const char *name, char token[OD_ADMIN_TOKEN_BYTES + 1],
                    struct od_error *err)
{
    int directory_fd = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool is_there = fd >= 0 || errno != ENOENT;
    if (!is_there)
        fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                    S_IRUSR | S_IWUSR);
    bool ok = fd < 0 ? od_error_errno(err, "cannot open %s/%s", data_dir, name)
                     : (is_there ? read_token : make_token)(fd, name, token, err);
    if (!ok && fd >= 0 && !is_there)
        unlinkat(directory_fd, name, 0);
    if (fd >= 0)
        close(fd);
    if (directory_fd >= 0)
        close(directory_fd);
    return ok;
}
