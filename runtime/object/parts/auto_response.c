#include "object/parts/auto_response.h"

#include <stdlib.h>

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
