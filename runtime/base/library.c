#include "base/library.h"

#include <dlfcn.h>

static bool find_all(const struct od_library *library, void *handle)
{
    for (size_t i = 0; i < library->count; i++) {
        *library->functions[i].place = dlsym(handle, library->functions[i].name);
        if (*library->functions[i].place == NULL)
            return false;
    }
    return true;
}

bool od_library_load(struct od_library *library)
{
    OD_ASSERT(library->count > 0);
    if (library->handle != NULL)
        return true;
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (handle != NULL && find_all(library, handle))
        library->handle = handle;
    return library->handle != NULL; // No dlclose: its word would be dlerror's.
}
