// Handles: what userdata hold instead of pointers.
//
// A script can keep `state` or `storage` wherever it likes, longer than the instance they were made
// for. So userdata hold a place and a generation; the place is used again, the generation never is,
// and a handle of something that is gone finds nothing.
//
// Owner: the table is embedded; what handles stand for belongs to who put it in.

#ifndef OD_ENGINE_HANDLE_H
#define OD_ENGINE_HANDLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct od_handle {
    uint32_t place;
    uint64_t generation;
} od_handle;

struct od_handle_row {
    void *resource; // NULL: free.
    uint64_t generation;
    uint32_t next_free;
};

struct od_handles {
    struct od_handle_row *rows; // rows[0] is unused, so that a zeroed handle is stale.
    uint32_t size;
    size_t capacity;
    uint32_t first_free;  // 0: none.
    uint64_t generations; // How many there have been.
};

void od_handles_deinit(struct od_handles *handles); // Zeroed memory is a valid start.

od_handle od_handles_put(struct od_handles *handles, void *resource);
// Gives back the rows at the end that nothing is in; from now on the lowest places are taken first.
void od_handles_fit(struct od_handles *handles);

void *od_handles_find(const struct od_handles *handles, od_handle handle); // NULL: it is gone.
void od_handles_remove(struct od_handles *handles, od_handle handle);

#endif
