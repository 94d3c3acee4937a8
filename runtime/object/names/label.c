#include "object/names/label.h"

#include <string.h>

#include "base/bytes.h"

enum {
    shown_digits = 12, // Of the id of one without a name.
};

size_t od_label_bytes(od_slice namespace_name, bool has_name, od_slice name)
{
    return namespace_name.size + (has_name ? name.size : shown_digits) + 2;
}

// Not by printf: each object that wakes has one made.
void od_label_put(char *at, od_slice namespace_name, const od_id *id, bool has_name, od_slice name)
{
    char hex[OD_ID_TEXT_BYTES + 1];
    if (!has_name) {
        od_id_format(id, hex);
        name = (od_slice){hex, shown_digits};
    }
    at = mempcpy(at, namespace_name.at, namespace_name.size);
    *at++ = '/';
    if (name.size > 0)
        at = mempcpy(at, name.at, name.size);
    *at = '\0';
}

char *od_label_new(od_slice namespace_name, const od_id *id, bool has_name, od_slice name)
{
    char *label = od_allocate(od_label_bytes(namespace_name, has_name, name));
    od_label_put(label, namespace_name, id, has_name, name);
    return label;
}
