#include <string.h>

#include "codec/http_answer.h"
#include "net/fetch_inner.h"
#include "net/net.h"

// Requests whose body comes piece by piece. What has come and was not sent is bounded by who brings
// it: he hears what libcurl takes.

// NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type.
static size_t on_read(char *at, size_t one, size_t size, void *owner)
{
    struct od_fetch *fetch = owner;
    struct od_net *net = fetch->fetches->net;
    size_t count = one * size < fetch->upload.size ? one * size : fetch->upload.size;
    if (fetch->is_upload_cut)
        return CURL_READFUNC_ABORT;
    if (count == 0)
        return fetch->has_upload_ended ? 0 : CURL_READFUNC_PAUSE;
    memcpy(at, fetch->upload.at, count);
    od_bytes_drop_front(&fetch->upload, count);
    fetch->has_uploaded = true;
    if (fetch->has_upload_ended)
        return count;
    fetch->is_in_callback = true;
    net->events->pieces_taken(net->owner, fetch->way.reader, count);
    fetch->is_in_callback = false;
    return fetch->is_unwanted ? CURL_READFUNC_ABORT : count;
}

void od_fetch_set_upload(struct od_fetch *fetch)
{
    uint64_t length;
    bool is_known = od_http_length_of(fetch->request.headers, &length);
    curl_easy_setopt(fetch->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(fetch->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(fetch->easy, CURLOPT_READDATA, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_INFILESIZE_LARGE,
                     is_known ? (curl_off_t)length : (curl_off_t)-1);
}

void od_fetch_put_upload(struct od_fetch *fetch, od_slice piece)
{
    od_bytes_put_slice(&fetch->upload, piece);
    od_fetch_resume(fetch);
}

void od_fetch_end_upload(struct od_fetch *fetch, bool is_whole)
{
    fetch->has_upload_ended = true;
    fetch->is_upload_cut = !is_whole;
    od_fetch_resume(fetch);
}

void od_fetch_forget_upload(struct od_fetch *fetch)
{
    struct od_net *net = fetch->fetches->net;
    od_bytes_deinit(&fetch->upload);
    if (fetch->way.reader != 0 && !fetch->has_upload_ended)
        net->events->pieces_unwanted(net->owner, fetch->way.reader);
    fetch->has_upload_ended = true;
}
