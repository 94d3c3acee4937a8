#include "process_facts.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

// Fields of /proc/PID/stat behind the name, which may hold anything: state is the first.
enum {
    user_ticks_field = 12,
    system_ticks_field = 13,
    resident_pages_field = 22,
    field_max = 24,
};

static bool read_file(int pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t count = fread(text, 1, size - 1, file);
    text[count] = '\0';
    fclose(file);
    return count > 0;
}

static void put_stat(lua_State *L, int pid)
{
    char text[1024];
    unsigned long long fields[field_max] = {0};
    char *at = read_file(pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    if (at == NULL)
        return;
    at = strchr(at + 2, ' '); // Behind the state.
    for (int i = 1; i < field_max && at != NULL; i++) {
        fields[i] = strtoull(at, NULL, 10);
        at = strchr(at + 1, ' ');
    }
    double ticks = (double)(fields[user_ticks_field - 1] + fields[system_ticks_field - 1]);
    lua_pushnumber(L, ticks / (double)sysconf(_SC_CLK_TCK));
    lua_setfield(L, -2, "cpu");
    lua_pushnumber(L, (double)fields[resident_pages_field - 1] * (double)sysconf(_SC_PAGESIZE));
    lua_setfield(L, -2, "resident");
}

static void put_descriptors(lua_State *L, int pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    lua_pushnumber(L, count);
    lua_setfield(L, -2, "descriptors");
}

int od_process_facts(lua_State *L)
{
    int pid = luaL_checkint(L, 1);
    lua_newtable(L);
    put_stat(L, pid);
    put_descriptors(L, pid);
    return 1;
}
