#include "net/curl.h"

#include <dlfcn.h>

#include "base/library.h"

struct od_curl od_curl;

static const struct od_library_function functions[] = {
#define OD_CURL_ROW(name) {#name, (void **)(void *)&od_curl.name},
    OD_CURL_FUNCTIONS(OD_CURL_ROW)
#undef OD_CURL_ROW
};

static struct od_library library = {"libcurl.so.4", functions, sizeof functions / sizeof *functions,
                                    NULL};

bool od_curl_load(struct od_error *err)
{
    return od_library_load(&library) ||
           od_error_set(
               err, "fetch needs the library libcurl, 7.87 or newer (apt-get install libcurl4): %s",
               dlerror());
}
