#include "net/curl.h"

#include <dlfcn.h>

struct od_curl od_curl;

static const struct {
    const char *name;
    void **place;
} functions[] = {
#define OD_CURL_ROW(name) {#name, (void **)(void *)&od_curl.name},
    OD_CURL_FUNCTIONS(OD_CURL_ROW)
#undef OD_CURL_ROW
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

// It stays loaded: it may have left threads behind that look up names.
bool od_curl_load(struct od_error *err)
{
    static void *library;
    if (library != NULL)
        return true;
    library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library != NULL && find_all(library))
        return true;
    od_error_set(err,
                 "fetch needs the library libcurl, 7.87 or newer (apt-get install libcurl4): %s",
                 dlerror());
    if (library != NULL)
        dlclose(library);
    library = NULL;
    return false;
}
