#include "store/advice.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "store/names.h"

static bool has_history(const char *directory)
{
    char path[PATH_MAX];
    const char *name;
    bool has_base = false;
    snprintf(path, sizeof path, "%s/journal", directory);
    DIR *names = opendir(path);
    while (names != NULL && !has_base && (name = od_names_next(names)) != NULL)
        has_base = od_names_is_base(name);
    if (names != NULL)
        closedir(names);
    return has_base;
}

const char *od_advice_damaged(const char *directory)
{
    return has_history(directory)
               ? "; its history brings back what was acknowledged: open-do restore DIR NEW"
               : "; restore the directory from a backup, or move it away to begin with an empty "
                 "one";
}
