// A shared library that is loaded when it is needed, so that a program that does not need it starts
// without it, and a machine may lack it.
//
// Who needs one lists the functions it calls, each with the place for its address, and says to the
// reader what to install when it is not there.

#ifndef OD_BASE_LIBRARY_H
#define OD_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct od_library_function {
    const char *name;
    void **place;
};

struct od_library {
    const char *file; // "libcurl.so.4"
    const struct od_library_function *functions;
    size_t count;
    void *handle; // NULL: it is not loaded.
};

// Loads [library] and fills all places; once it has, does nothing. It stays loaded: it may have
// left threads behind that look up names. False: it is not there, or lacks one of them; dlerror
// says which.
OD_MUST_CHECK bool od_library_load(struct od_library *library);

#endif
