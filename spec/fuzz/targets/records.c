// Records that one process writes and another reads: what makes sense is written again as it was.

#include "fuzz.h"

#include "codec/upgrade_record.h"
#include "link/files.h"
#include "link/invocation.h"
#include "link/request.h"
#include "link/response.h"

static void check_front(struct od_bytes *again, od_slice body)
{
    OD_ASSERT(again->size <= body.size && memcmp(again->at, body.at, again->size) == 0);
    od_bytes_deinit(again);
}

static void read_invocation(od_slice body)
{
    struct od_invocation invocation;
    struct od_bytes again = {0};
    if (!od_invocation_read(body, &invocation))
        return;
    OD_ASSERT(invocation.method.at[invocation.method.size] == '\0');
    od_invocation_begin(&again, invocation.method);
    od_bytes_put_slice(&again, invocation.arguments);
    OD_ASSERT(again.size == body.size);
    check_front(&again, body);
}

static void read_upgrade(od_slice body)
{
    struct od_upgrade_record record, second;
    struct od_bytes again = {0};
    if (!od_upgrade_record_read(body, &record))
        return;
    od_upgrade_record_put(&again, &record);
    OD_ASSERT(od_upgrade_record_read(od_bytes_slice(&again), &second));
    OD_ASSERT(od_slice_equal(record.output, second.output));
    OD_ASSERT(od_slice_equal(record.input, second.input) && record.is_client == second.is_client);
    OD_ASSERT(again.size <= body.size);
    od_bytes_deinit(&again);
}

static uint32_t copy_headers(struct od_bytes *to, struct od_headers headers)
{
    struct od_header header;
    od_slice value;
    uint32_t count = 0;
    for (struct od_headers at = headers; od_headers_next(&at, &header); count++) {
        OD_ASSERT(od_headers_find(headers, header.name, &value));
        od_headers_put(to, header.name, header.value);
    }
    return count;
}

static void read_request(od_slice body)
{
    struct od_request request;
    struct od_bytes again = {0};
    if (!od_request_read(body, &request))
        return;
    od_slice target = od_request_target(request.url);
    OD_ASSERT(target.size > 0);
    size_t mark =
        od_request_begin(&again, request.method, &request.url, 1, request.peer, request.tls);
    uint32_t count = copy_headers(&again, request.headers);
    od_request_end(&again, mark, count, request.body);
    od_request_set_stream(&again, request.worker, request.stream);
    check_front(&again, body);
}

static void read_response(od_slice body)
{
    struct od_response response;
    struct od_bytes again = {0};
    if (!od_response_read(body, &response))
        return;
    enum od_response_part part = response.is_events     ? OD_RESPONSE_EVENTS
                                 : response.socket != 0 ? OD_RESPONSE_SOCKET
                                 : response.stream != 0 ? OD_RESPONSE_STREAM
                                                        : OD_RESPONSE_ALONE;
    size_t mark = od_response_begin_with(&again, response.status, part, response.worker,
                                         response.socket + response.stream);
    uint32_t count = copy_headers(&again, response.headers);
    od_response_end(&again, mark, count, response.body);
    check_front(&again, body);
}

static void read_files(od_slice body)
{
    struct od_file file, found;
    struct od_bytes text = {0};
    for (struct od_cursor cursor = od_cursor_of(body); od_files_next(&cursor, &file);)
        OD_ASSERT(od_files_find(body, file.path, &found));
    od_files_describe(body, &text);
    (void)od_files_same(body, body);
    od_bytes_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    od_slice body = {copy, size};
    read_invocation(body);
    read_upgrade(body);
    read_request(body);
    read_response(body);
    read_files(body);
    free(copy);
    return 0;
}
