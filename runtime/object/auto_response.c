#include "object/auto_response.h"

#include <stdlib.h>

#include "object/keep.h"
#include "object/object.h"

struct od_auto_response *od_auto_response_new(od_slice request, od_slice response)
{
    struct od_auto_response *pair = od_allocate_zeroed(sizeof *pair);
    od_bytes_put_slice(&pair->request, request);
    od_bytes_put_slice(&pair->response, response);
    return pair;
}

void od_auto_response_free(struct od_auto_response *pair)
{
    if (pair == NULL)
        return;
    od_bytes_deinit(&pair->request);
    od_bytes_deinit(&pair->response);
    free(pair);
}

void od_object_set_auto_response(struct od_object *object, od_slice request, od_slice response)
{
    OD_ASSERT(request.size <= OD_AUTO_RESPONSE_BYTES_MAX);
    OD_ASSERT(response.size <= OD_AUTO_RESPONSE_BYTES_MAX);
    od_object_check(object);
    od_auto_response_free(object->auto_response);
    object->auto_response = request.at == NULL ? NULL : od_auto_response_new(request, response);
    od_keep_object(object);
}

void od_object_set_event_timeout(struct od_object *object, uint32_t ms)
{
    OD_ASSERT(ms <= OD_EVENT_TIMEOUT_MS_MAX);
    od_object_check(object);
    object->event_timeout_ms = ms;
    od_keep_object(object);
}
