#include "object/names/route.h"

#include <ctype.h>
#include <string.h>

#include "base/fault.h"
#include "base/hex.h"
#include "base/utf8.h"

// Up to the next '/', '?' or the end.
static od_slice take_segment(od_slice *rest)
{
    size_t size = 0;
    while (size < rest->size && rest->at[size] != '/' && rest->at[size] != '?')
        size++;
    od_slice segment = {rest->at, size};
    *rest = od_slice_from(*rest, size);
    return segment;
}

static bool decode(od_slice segment, struct od_bytes *name)
{
    od_bytes_clear(name);
    char *at = od_bytes_reserve(name, segment.size);
    for (size_t i = 0; i < segment.size; i++) {
        if (segment.at[i] != '%') {
            *at++ = segment.at[i];
            continue;
        }
        if (i + 2 >= segment.size)
            return false;
        int byte = od_hex_pair(segment.at + i + 1);
        if (byte < 0)
            return false;
        *at++ = (char)byte;
        i += 2;
    }
    name->size = (size_t)(at - name->at);
    return true;
}

enum od_route_result od_route_path(od_slice target, od_slice *namespace_name, struct od_bytes *name)
{
    if (target.size == 0 || target.at[0] != '/')
        return OD_ROUTE_NONE;
    od_slice rest = od_slice_from(target, 1);
    *namespace_name = take_segment(&rest);
    if (!od_namespace_name_is_valid(*namespace_name) || rest.size == 0 || rest.at[0] != '/')
        return OD_ROUTE_NONE;
    rest = od_slice_from(rest, 1);
    od_slice segment = take_segment(&rest);
    if (segment.size == 0)
        return OD_ROUTE_NONE;
    bool is_text = decode(segment, name) && od_utf8_is_valid(od_bytes_slice(name));
    return is_text ? OD_ROUTE_OK : OD_ROUTE_MALFORMED;
}

bool od_route_is_test(od_slice target)
{
    return od_fault_page_present() && od_slice_starts_with(target, OD_SLICE("/.open-do-test/"));
}

bool od_namespace_name_is_valid(od_slice name)
{
    if (name.size == 0 || name.size > OD_NAMESPACE_BYTES_MAX || !isalpha((unsigned char)name.at[0]))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.at[i];
        if (!isalnum(byte) && byte != '_' && byte != '-')
            return false;
    }
    return true;
}

uint32_t od_worker_of_slot(od_slot slot, uint32_t worker_count)
{
    OD_ASSERT(worker_count > 0);
    return slot % worker_count;
}

uint32_t od_worker_of(const od_id *id, uint32_t worker_count)
{
    return od_worker_of_slot(od_slot_of_id(id->bytes), worker_count);
}

uint32_t od_worker_of_name(const od_namespace_key *key, od_slice name, uint32_t worker_count)
{
    OD_ASSERT(worker_count > 0);
    return worker_count == 1 ? 0 : od_worker_of_slot(od_id_slot_of_name(key, name), worker_count);
}
