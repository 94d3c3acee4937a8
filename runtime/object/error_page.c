#include "object/error_page.h"

#include <stdlib.h>
#include <string.h>

#include "link/request.h"
#include "link/response.h"
#include "object/call.h"
#include "object/objects.h"

static bool takes_pages(const struct od_event *event)
{
    struct od_request request;
    od_slice accept;
    return event->kind == OD_EVENT_FETCH && od_request_read(od_event_bytes(event), &request) &&
           od_headers_find(request.headers, OD_SLICE("accept"), &accept) &&
           memmem(accept.at, accept.size, "text/html", strlen("text/html")) != NULL;
}

void od_error_page_note(const struct od_task *task, od_slice report)
{
    struct od_objects *objects = task->object->objects;
    if (!objects->shows_errors || task->event == NULL || !takes_pages(task->event))
        return;
    struct od_call *call = od_call_find(objects, task->event->call);
    if (call == NULL || call->from != OD_FROM_EXCHANGE)
        return;
    free(call->report);
    call->report = od_text_copy(report);
}

static void put_escaped(struct od_bytes *page, od_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '<')
            od_bytes_put_slice(page, OD_SLICE("&lt;"));
        else if (text.at[i] == '&')
            od_bytes_put_slice(page, OD_SLICE("&amp;"));
        else
            od_bytes_put_u8(page, (uint8_t)text.at[i]);
    }
}

void od_error_page_put(struct od_bytes *response, od_slice report)
{
    struct od_bytes page = {0};
    od_bytes_put_slice(&page, OD_SLICE("<!doctype html><meta charset=\"utf-8\"><title>Error</title>"
                                       "<h1>The handler failed</h1><pre>"));
    put_escaped(&page, report);
    od_bytes_put_slice(&page, OD_SLICE("</pre><p>open-do dev shows this; open-do run says no more "
                                       "than Internal Server Error.</p>\n"));
    size_t mark = od_response_begin(response, 500);
    od_headers_put(response, OD_SLICE("content-type"), OD_SLICE("text/html; charset=utf-8"));
    od_response_end(response, mark, 1, od_bytes_slice(&page));
    od_bytes_deinit(&page);
}
