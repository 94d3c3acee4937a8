#include "main/door/port_holder.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    inodes_max = 64,
    state_listening = 0x0a,
};

struct inodes {
    unsigned long at[inodes_max];
    size_t count;
};

// A line of the table: sl local_address:port rem_address:port st tx:rx tr:when retrnsmt uid timeout
// inode
static bool read_line(char *line, uint16_t port, unsigned long *inode)
{
    char *fields[10], *next = NULL, *field = strtok_r(line, " \n", &next);
    size_t count = 0;
    for (; field != NULL && count < 10; field = strtok_r(NULL, " \n", &next))
        fields[count++] = field;
    const char *colon = count < 10 ? NULL : strchr(fields[1], ':');
    if (colon == NULL || strtoul(colon + 1, NULL, 16) != port ||
        strtoul(fields[3], NULL, 16) != state_listening)
        return false;
    *inode = strtoul(fields[9], NULL, 10);
    return true;
}

static void collect(const char *path, uint16_t port, struct inodes *inodes)
{
    char line[512];
    FILE *table = fopen(path, "re");
    while (table != NULL && fgets(line, sizeof line, table) != NULL) {
        unsigned long inode;
        if (inodes->count < inodes_max && read_line(line, port, &inode))
            inodes->at[inodes->count++] = inode;
    }
    if (table != NULL)
        fclose(table);
}

static bool names_one_of(const char *link, const struct inodes *inodes)
{
    static const char prefix[] = "socket:[";
    if (strncmp(link, prefix, sizeof prefix - 1) != 0)
        return false;
    unsigned long inode = strtoul(link + sizeof prefix - 1, NULL, 10);
    for (size_t i = 0; i < inodes->count; i++) {
        if (inodes->at[i] == inode)
            return true;
    }
    return false;
}

static bool holds(const char *pid, const struct inodes *inodes)
{
    char path[512], link[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *descriptors = opendir(path);
    bool found = false;
    for (struct dirent *entry; descriptors != NULL && !found && (entry = readdir(descriptors));) {
        ssize_t size = readlinkat(dirfd(descriptors), entry->d_name, link, sizeof link - 1);
        link[size < 0 ? 0 : size] = '\0';
        found = names_one_of(link, inodes);
    }
    if (descriptors != NULL)
        closedir(descriptors);
    return found;
}

static pid_t search(const struct inodes *inodes)
{
    DIR *processes = opendir("/proc");
    pid_t pid = 0;
    for (struct dirent *entry; processes != NULL && pid == 0 && (entry = readdir(processes));) {
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) &&
            holds(entry->d_name, inodes))
            pid = (pid_t)strtol(entry->d_name, NULL, 10);
    }
    if (processes != NULL)
        closedir(processes);
    return pid;
}

static void read_name(pid_t pid, char name[OD_PROCESS_NAME_BYTES])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(name, OD_PROCESS_NAME_BYTES, file) == NULL)
        name[0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    fclose(file);
}

pid_t od_port_holder(uint16_t port, char name[OD_PROCESS_NAME_BYTES])
{
    struct inodes inodes = {{0}, 0};
    collect("/proc/net/tcp", port, &inodes);
    collect("/proc/net/tcp6", port, &inodes);
    pid_t pid = inodes.count == 0 ? 0 : search(&inodes);
    name[0] = '\0';
    if (pid != 0)
        read_name(pid, name);
    return pid;
}
