#include "cluster/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "store/env_file.h"
#include "store/lock.h"

enum {
    path_bytes = 4096,
    random_bytes = 8,
};

static bool exists(const char *data_dir, const char *name)
{
    struct stat status;
    char path[path_bytes];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    return stat(path, &status) == 0;
}

bool od_cluster_directory_is_node(const char *data_dir)
{
    return exists(data_dir, "cluster");
}

bool od_cluster_directory_lock(const char *data_dir, int *fd, bool *is_held, struct od_error *err)
{
    *is_held = false;
    return od_env_make_directory(data_dir, err) && od_lock_open(fd, data_dir, is_held, err);
}

void od_cluster_directory_unlock(int fd)
{
    od_lock_close(fd);
}

static void make_name(char name[OD_CLUSTER_NAME_BYTES])
{
    char bytes[random_bytes], host[OD_CLUSTER_NAME_BYTES - 2 * random_bytes - 2] = "";
    ssize_t size = getrandom(bytes, sizeof bytes, 0);
    OD_ASSERT(size == sizeof bytes);
    gethostname(host, sizeof host - 1);
    int at = snprintf(name, OD_CLUSTER_NAME_BYTES, "%s-", host);
    od_hex_put(name + at, (od_slice){bytes, sizeof bytes});
    name[at + 2 * random_bytes] = '\0';
}

static bool write_file(const char *data_dir, const char *cluster_id, const char *name,
                       struct od_error *err)
{
    char path[path_bytes], draft[path_bytes];
    snprintf(path, sizeof path, "%s/cluster", data_dir);
    snprintf(draft, sizeof draft, "%s/cluster~", data_dir);
    FILE *file = fopen(draft, "we");
    bool ok = file != NULL && fprintf(file, "%s %s\n", cluster_id, name) > 0 && fflush(file) == 0 &&
              fsync(fileno(file)) == 0;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(draft, path) == 0;
    return ok || od_error_errno(err, "cannot write %s", path);
}

static bool read_file(const char *data_dir, char id[OD_CLUSTER_ID_BYTES + 1],
                      char name[OD_CLUSTER_NAME_BYTES], struct od_error *err)
{
    char path[path_bytes];
    snprintf(path, sizeof path, "%s/cluster", data_dir);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return od_error_errno(err, "cannot read %s", path);
    _Static_assert(OD_CLUSTER_ID_BYTES == 32 && OD_CLUSTER_NAME_BYTES == 64, "as the format says");
    int count = fscanf(file, "%32s %63s", id, name);
    fclose(file);
    return count == 2 ||
           od_error_set(err, "%s is damaged: remove it, and the node gets a new name", path);
}

bool od_cluster_directory_open(const char *data_dir, const char *cluster_id,
                               char name[OD_CLUSTER_NAME_BYTES], struct od_error *err)
{
    char id[OD_CLUSTER_ID_BYTES + 1];
    if (od_cluster_directory_is_node(data_dir)) {
        if (!read_file(data_dir, id, name, err))
            return false;
        return strcmp(id, cluster_id) == 0 ||
               od_error_set(err, "--cluster: %s belongs to the cluster %s, and the one there is %s",
                            data_dir, id, cluster_id);
    }
    if (exists(data_dir, "data.mdb"))
        return od_error_set(err,
                            "--cluster: %s holds what one machine has stored: give the node a data "
                            "directory of its own (open-do export and import move objects)",
                            data_dir);
    make_name(name);
    return write_file(data_dir, cluster_id, name, err);
}

static bool remove_one(const char *data_dir, const char *name, struct od_error *err)
{
    char path[path_bytes];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    return unlink(path) == 0 || errno == ENOENT || od_error_errno(err, "cannot remove %s", path);
}

static bool empty_journal(const char *data_dir, struct od_error *err)
{
    char path[path_bytes];
    snprintf(path, sizeof path, "%s/journal", data_dir);
    DIR *names = opendir(path);
    bool ok = true;
    for (const struct dirent *entry; names != NULL && ok && (entry = readdir(names)) != NULL;) {
        if (entry->d_name[0] != '.')
            ok = remove_one(path, entry->d_name, err);
    }
    if (names != NULL)
        closedir(names);
    return ok;
}

bool od_cluster_directory_empty(const char *data_dir, struct od_error *err)
{
    OD_ASSERT(od_cluster_directory_is_node(data_dir));
    return remove_one(data_dir, "data.mdb", err) && remove_one(data_dir, "lock.mdb", err) &&
           empty_journal(data_dir, err);
}
