#include "cluster/libpq.h"

#include <dlfcn.h>

#include "base/library.h"

struct od_libpq od_libpq;

static const struct od_library_function functions[] = {
#define OD_LIBPQ_ROW(name) {#name, (void **)(void *)&od_libpq.name},
    OD_LIBPQ_FUNCTIONS(OD_LIBPQ_ROW)
#undef OD_LIBPQ_ROW
};

static struct od_library library = {"libpq.so.5", functions, sizeof functions / sizeof *functions,
                                    NULL};

bool od_libpq_load(struct od_error *err)
{
    return od_library_load(&library) ||
           od_error_set(err, "--cluster needs the library libpq (apt-get install libpq5): %s",
                        dlerror());
}
