#include "cluster/libpq.h"

#include <dlfcn.h>

struct od_libpq od_libpq;

static const struct {
    const char *name;
    void **place;
} functions[] = {
#define OD_LIBPQ_ROW(name) {#name, (void **)(void *)&od_libpq.name},
    OD_LIBPQ_FUNCTIONS(OD_LIBPQ_ROW)
#undef OD_LIBPQ_ROW
};

static bool find_all(void *library)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        *functions[i].place = dlsym(library, functions[i].name);
        if (*functions[i].place == NULL)
            return false;
    }
    return true;
}

bool od_libpq_load(struct od_error *err)
{
    static void *library;
    if (library == NULL)
        library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library != NULL && find_all(library))
        return true;
    return od_error_set(err, "--cluster needs the library libpq (apt-get install libpq5): %s",
                        dlerror());
}
