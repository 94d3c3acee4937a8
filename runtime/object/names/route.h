// Where things are: from a path to an object, from an object to a slot, from a slot to a worker.
//
// Without an entry `fetch` the path /NAMESPACE/NAME[/...] names the object NAME (percent-decoded)
// of that namespace. An id falls into one of 1,024 slots, and a slot belongs to a worker. Main asks
// here to send a new connection to the right worker, workers ask for calls; the answer must be the
// same in all of them, and it changes nowhere else.

#ifndef OD_OBJECT_NAMES_ROUTE_H
#define OD_OBJECT_NAMES_ROUTE_H

#include "base/bytes.h"
#include "object/names/id.h"

#define OD_NAME_BYTES_MAX 1024    // Names beyond it reach their object, but it does not know them.
#define OD_NAMESPACE_BYTES_MAX 64 // [A-Za-z][A-Za-z0-9_-]*

enum od_route_result {
    OD_ROUTE_OK,
    OD_ROUTE_NONE,      // Not of the form /NAMESPACE/NAME: 404.
    OD_ROUTE_MALFORMED, // The name does not decode: 400.
};

// Takes the path of [target] ("/rooms/lobby/x?y") apart. [namespace_name] points into [target];
// [name] is cleared and gets the decoded name, which is never empty.
OD_MUST_CHECK enum od_route_result od_route_path(od_slice target, od_slice *namespace_name,
                                                 struct od_bytes *name);

// Whether [target] is for `open-do test` (bindings/api/test.h); false without a test page.
bool od_route_is_test(od_slice target);

bool od_namespace_name_is_valid(od_slice name);

uint32_t od_worker_of(const od_id *id, uint32_t worker_count);
uint32_t od_worker_of_slot(od_slot slot, uint32_t worker_count);
uint32_t od_worker_of_name(const od_namespace_key *key, od_slice name, uint32_t worker_count);

#endif
