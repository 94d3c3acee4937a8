// What a WebSocket has only while something of it is under way: most are idle most of the time.

#include <stdlib.h>

#include "net/websocket_state.h"

static void on_deadline(struct od_timer *timer)
{
    struct od_websocket *websocket = OD_TIMER_MEMBER(timer, struct od_amid, deadline)->websocket;
    if (websocket->has_closed)
        od_websocket_vanish(websocket);
    else
        od_websocket_message_is_late(websocket);
}

struct od_amid *od_websocket_amid(struct od_websocket *websocket)
{
    if (websocket->amid == NULL) {
        websocket->amid = od_allocate_zeroed(sizeof *websocket->amid);
        websocket->amid->websocket = websocket;
        websocket->amid->deadline.fire = on_deadline;
    }
    return websocket->amid;
}

void od_websocket_calm(struct od_websocket *websocket)
{
    struct od_amid *amid = websocket->amid;
    if (amid == NULL || amid->early.size > 0 || od_timer_is_set(&amid->deadline) ||
        amid->message_began_ms != 0 || amid->coming_bytes > 0)
        return;
    od_bytes_deinit(&amid->early);
    free(amid);
    websocket->amid = NULL;
}

void od_websocket_set_deadline(struct od_websocket *websocket, od_time_ms delay_ms)
{
    od_loop_set_timer(websocket->net->loop, &od_websocket_amid(websocket)->deadline, delay_ms);
}

void od_websocket_clear_deadline(struct od_websocket *websocket)
{
    struct od_amid *amid = websocket->amid;
    if (amid == NULL)
        return;
    od_loop_clear_timer(websocket->net->loop, &amid->deadline);
    amid->message_began_ms = 0;
    od_websocket_calm(websocket);
}

void od_websocket_count_coming(struct od_websocket *websocket, size_t size)
{
    struct od_net *net = websocket->net;
    if (size == 0 && websocket->amid == NULL)
        return;
    struct od_amid *amid = od_websocket_amid(websocket);
    OD_ASSERT(amid->coming_bytes <= net->coming_bytes);
    net->coming_bytes += size - amid->coming_bytes;
    amid->coming_bytes = size;
    od_websocket_calm(websocket);
}
