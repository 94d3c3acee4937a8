// The names in a directory, one after the other: readdir, whose end and whose failure look alike.
//
//   while ((name = od_names_next(names)) != NULL)
//       ...
//   if (errno != 0) ... // They are not all: what is not listed may be there.
//
// Who takes half a list for the whole would play a journal without its last segments, or write into
// a directory that only seems empty.

#ifndef OD_STORE_NAMES_H
#define OD_STORE_NAMES_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/fault.h"

// NULL: the end, with errno 0, or a failure, with its errno. Lives until the next call.
static inline const char *od_names_next(DIR *names)
{
    const struct dirent *entry = NULL;
    errno = 0;
    if (OD_FAULT("names.fail"))
        errno = EIO;
    else
        entry = readdir(names);
    return entry == NULL ? NULL : entry->d_name;
}

// Of a base (base.h): twenty digits and ".base".
static inline bool od_names_is_base(const char *name)
{
    return strspn(name, "0123456789") == 20 && strcmp(name + 20, ".base") == 0;
}

#endif
