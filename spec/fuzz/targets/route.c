// From a path to an object, and the text of an id: names are text and not empty, ids are read back.

#include "fuzz.h"

#include "base/utf8.h"
#include "object/names/route.h"

static void read_path(od_slice target)
{
    od_slice space;
    struct od_bytes name = {0};
    if (od_route_path(target, &space, &name) == OD_ROUTE_OK) {
        OD_ASSERT(od_namespace_name_is_valid(space));
        OD_ASSERT(space.at == target.at + 1 && space.size < target.size);
        OD_ASSERT(name.size > 0 && od_utf8_is_valid(od_bytes_slice(&name)));
        od_namespace_key key = od_namespace_key_of(space);
        od_id id = od_id_of_name(&key, od_bytes_slice(&name)), again;
        char text[OD_ID_TEXT_BYTES + 1];
        od_id_format(&id, text);
        OD_ASSERT(od_id_parse(&key, od_slice_of(text), &again) == OD_ID_OK);
        OD_ASSERT(od_id_equal(&id, &again) && od_worker_of(&id, 3) == od_worker_of(&again, 3));
    }
    od_bytes_deinit(&name);
}

static void read_id(od_slice text)
{
    od_namespace_key key = od_namespace_key_of(OD_SLICE("rooms"));
    od_id id;
    char again[OD_ID_TEXT_BYTES + 1];
    if (od_id_parse(&key, text, &id) != OD_ID_OK)
        return;
    od_id_format(&id, again);
    OD_ASSERT(od_slice_equal_nocase(text, od_slice_of(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    od_slice text = {copy, size};
    (void)od_route_is_test(text);
    read_path(text);
    read_id(text);
    free(copy);
    return 0;
}
