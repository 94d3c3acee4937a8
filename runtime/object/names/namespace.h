// A namespace: the objects of one class, under one name.
//
// Owner: struct od_objects; a namespace lives as long as its worker, also when a later version of
// the script no longer names it (its objects keep their data and wait).
//
// A namespace keeps for ever the name under which its objects were first stored: their ids are made
// from it. A script may call it by another one (`renamed`), which is what people see.

#ifndef OD_OBJECT_NAMES_NAMESPACE_H
#define OD_OBJECT_NAMES_NAMESPACE_H

#include "base/list.h"
#include "object/names/id.h"

struct od_namespace {
    struct od_list link; // In od_objects.
    od_slice name;       // As it is stored.
    od_slice called;     // Its own copy: how the current version calls it. Empty: by that name.
    od_namespace_key key;
};

#endif
