#include "object/label.h"

#include <stdio.h>

#include "base/check.h"

char *od_label_new(od_slice namespace_name, const od_id *id, bool has_name, od_slice name)
{
    char *label = NULL;
    char hex[OD_ID_TEXT_BYTES + 1];
    od_id_format(id, hex);
    int size =
        has_name ? asprintf(&label, "%.*s/%.*s", (int)namespace_name.size, namespace_name.at,
                            (int)name.size, name.at)
                 : asprintf(&label, "%.*s/%.12s", (int)namespace_name.size, namespace_name.at, hex);
    OD_ASSERT(size >= 0);
    return label;
}
