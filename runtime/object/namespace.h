// A namespace: the objects of one class, under one name.
//
// Owner: struct od_objects; a namespace lives as long as its worker, also when a later version of
// the script no longer names it (its objects keep their data and wait).

#ifndef OD_OBJECT_NAMESPACE_H
#define OD_OBJECT_NAMESPACE_H

#include "base/list.h"
#include "object/id.h"

struct od_namespace {
    struct od_list link; // In od_objects.
    od_slice name;
    od_namespace_key key;
};

#endif
