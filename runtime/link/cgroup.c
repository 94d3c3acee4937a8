#include "link/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    line_bytes = 1024,
};

#define NO_LIMIT (1ull << 60) // Version 1 writes the largest number of whole pages there is.

// The first line of a file; false when there is none.
static bool read_file(const char *root, const char *folder, const char *path, const char *name,
                      char line[line_bytes])
{
    char whole[PATH_MAX];
    int size = snprintf(whole, sizeof whole, "%s%s%s/%s", root, folder, path, name);
    FILE *file = size < (int)sizeof whole ? fopen(whole, "re") : NULL;
    bool is_read = file != NULL && fgets(line, line_bytes, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_read;
}

static void narrow_memory(struct od_cgroup_limits *limits, const char *text)
{
    uint64_t bytes = strtoull(text, NULL, 10); // "max" is 0, no limit, like a text that is none.
    if (bytes > 0 && bytes < NO_LIMIT &&
        (limits->memory_bytes == 0 || bytes < limits->memory_bytes))
        limits->memory_bytes = bytes;
}

static void narrow_cores(struct od_cgroup_limits *limits, long long quota_us, long long period_us)
{
    if (quota_us <= 0 || period_us <= 0)
        return;
    long long cores = (quota_us + period_us - 1) / period_us;
    if (cores < UINT32_MAX && (limits->cores == 0 || cores < limits->cores))
        limits->cores = (uint32_t)cores;
}

static void read_unified(struct od_cgroup_limits *limits, const char *root, const char *path)
{
    char line[line_bytes], *end;
    if (read_file(root, "/sys/fs/cgroup", path, "cpu.max", line)) { // "150000 100000", "max 100000"
        long long quota_us = strtoll(line, &end, 10);
        narrow_cores(limits, quota_us, strtoll(end, NULL, 10));
    }
    if (read_file(root, "/sys/fs/cgroup", path, "memory.max", line))
        narrow_memory(limits, line);
}

static void read_cpu(struct od_cgroup_limits *limits, const char *root, const char *path)
{
    char quota[line_bytes], period[line_bytes];
    if (read_file(root, "/sys/fs/cgroup/cpu", path, "cpu.cfs_quota_us", quota) &&
        read_file(root, "/sys/fs/cgroup/cpu", path, "cpu.cfs_period_us", period))
        narrow_cores(limits, strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

static void read_memory(struct od_cgroup_limits *limits, const char *root, const char *path)
{
    char line[line_bytes];
    if (read_file(root, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", line))
        narrow_memory(limits, line);
}

typedef void read_group(struct od_cgroup_limits *limits, const char *root, const char *path);

// Up to the root. In a container the path may be one of the machine, of which nothing is to be seen
// inside: then the files of the container's own group are where the root's would be.
static void read_upward(struct od_cgroup_limits *limits, const char *root, char *path,
                        read_group *read)
{
    for (char *slash; (slash = strrchr(path, '/')) != NULL; *slash = '\0')
        read(limits, root, slash == path && slash[1] == '\0' ? "" : path);
    read(limits, root, "");
}

static bool has_controller(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        size_t word = strcspn(at, ",");
        if (word == size && memcmp(at, name, size) == 0)
            return true;
        at += word;
    }
    return false;
}

// A line of /proc/self/cgroup: "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1.
static void read_line(struct od_cgroup_limits *limits, const char *root, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (path == NULL)
        return;
    *path++ = '\0';
    if (controllers[1] == '\0')
        read_upward(limits, root, path, read_unified);
    else if (has_controller(controllers + 1, "cpu"))
        read_upward(limits, root, path, read_cpu);
    else if (has_controller(controllers + 1, "memory"))
        read_upward(limits, root, path, read_memory);
}

struct od_cgroup_limits od_cgroup_limits_of(const char *root)
{
    struct od_cgroup_limits limits = {0, 0};
    char path[PATH_MAX], line[line_bytes];
    int size = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = size < (int)sizeof path ? fopen(path, "re") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        read_line(&limits, root, line);
    if (file != NULL)
        fclose(file);
    return limits;
}
