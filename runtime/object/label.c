#include "object/label.h"

#include <string.h>

#include "base/bytes.h"

enum {
    shown_digits = 12, // Of the id of one without a name.
};

// Not by printf: each object that wakes has one made.
char *od_label_new(od_slice namespace_name, const od_id *id, bool has_name, od_slice name)
{
    char hex[OD_ID_TEXT_BYTES + 1];
    if (!has_name) {
        od_id_format(id, hex);
        name = (od_slice){hex, shown_digits};
    }
    char *label = od_allocate(namespace_name.size + name.size + 2);
    char *at = mempcpy(label, namespace_name.at, namespace_name.size);
    *at++ = '/';
    if (name.size > 0)
        at = mempcpy(at, name.at, name.size);
    *at = '\0';
    return label;
}
