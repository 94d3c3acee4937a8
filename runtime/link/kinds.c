#include "link/kinds.h"

static const char *const names[] = {"NONE",
#define OD_KIND_NAME(name, body) #name,
                                    OD_KINDS(OD_KIND_NAME)
#undef OD_KIND_NAME
};

const char *od_kind_name(enum od_kind kind)
{
    return kind < OD_KIND_COUNT ? names[kind] : "unknown";
}
