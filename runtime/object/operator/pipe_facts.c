#include "object/operator/pipe_facts.h"

#include "link/facts.h"
#include "object/objects.h"
#include "object/pipe.h"

static const char *state_of(const struct od_pipe *pipe)
{
    if (od_pipe_is_broken(pipe))
        return "broken";
    if (pipe->is_closing)
        return "closing";
    if (pipe->tls != OD_PIPE_TLS_NONE)
        return "TLS begins";
    return pipe->wire == NULL ? "connecting" : "open";
}

void od_pipes_put(struct od_bytes *facts, const struct od_object *object)
{
    struct od_bytes text = {0};
    OD_LIST_EACH (link, &object->work->pipes) {
        const struct od_pipe *pipe = OD_LIST_MEMBER(link, struct od_pipe, link);
        const struct od_url *target = &pipe->target;
        bool has_tls = od_slice_equal(od_bytes_slice(&target->scheme), OD_SLICE("https"));
        od_bytes_clear(&text);
        od_bytes_put_slice(&text, od_bytes_slice(&target->host));
        od_bytes_put_u8(&text, ':');
        od_bytes_put_slice(&text, target->port.size > 0 ? od_bytes_slice(&target->port)
                                  : has_tls             ? OD_SLICE("443")
                                                        : OD_SLICE("80"));
        od_bytes_put_slice(&text, has_tls ? OD_SLICE(", with TLS, ") : OD_SLICE(", "));
        od_bytes_put_slice(&text, od_slice_of(state_of(pipe)));
        od_facts_item(facts, "connections", od_bytes_slice(&text));
    }
    od_bytes_deinit(&text);
}
