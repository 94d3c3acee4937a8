// The Lua modules of the folder lua/, as they are embedded in the program at build time.

#ifndef OD_ENGINE_MODULES_H
#define OD_ENGINE_MODULES_H

#include <stddef.h>

struct od_module {
    const char *name;   // As `require` knows it: "open-do", "open-do.http".
    const char *source; // Zero-terminated as well.
    size_t size;
};

extern const struct od_module od_modules[]; // Ends with a row whose name is NULL.

#endif
