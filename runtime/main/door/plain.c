#include "main/door/plain.h"

#include <string.h>

#include "codec/forwarded.h"
#include "codec/http_answer.h"
#include "main/processes/challenge.h"

enum {
    https_port = 443
};

static void put_answer(struct od_bytes *answer, const struct od_http_head *head, uint16_t status,
                       od_slice location, od_slice text)
{
    struct od_bytes message = {0};
    struct od_response response;
    struct od_error err;
    bool has_location = location.size > 0;
    struct od_http_manner manner = od_http_manner_of(head);
    manner.keeps_alive = false;
    size_t mark = od_response_begin(&message, status);
    if (has_location)
        od_headers_put(&message, OD_SLICE("location"), location);
    od_headers_put(&message, OD_SLICE("content-type"), OD_SLICE("text/plain; charset=utf-8"));
    od_response_end(&message, mark, has_location ? 2 : 1, text);
    bool is_response = od_response_read(od_bytes_slice(&message), &response);
    OD_ASSERT(is_response);
    bool is_put = od_http_answer_put(answer, &response, manner, od_clock_wall_ms(), &err);
    OD_ASSERT(is_put); // A head that was read has no line end in its host and target.
    od_bytes_deinit(&message);
}

// "[::1]" of "[::1]:80".
static od_slice name_of(od_slice host)
{
    for (size_t i = host.size; i > 0; i--) {
        char byte = host.at[i - 1];
        if (byte == ':')
            return (od_slice){host.at, i - 1};
        if (byte < '0' || byte > '9')
            break;
    }
    return host;
}

static bool is_to_go(const struct od_plain_question *question)
{
    const struct od_options *options = question->options;
    return options->tls_redirect && !question->is_tls && question->head->host.size > 0 &&
           !od_forwarded_is_https(question->head, &options->trusted_proxies, question->peer);
}

static void put_redirect(struct od_bytes *answer, const struct od_plain_question *question)
{
    const struct od_http_head *head = question->head;
    struct od_bytes location = {0};
    od_slice name = name_of(head->host);
    uint32_t port = question->options->tls_redirect_port;
    port = port == 0 ? question->tls_port : port;
    od_bytes_put_slice(&location, OD_SLICE("https://"));
    od_bytes_put_slice(&location, name);
    if (port != https_port)
        od_bytes_printf(&location, ":%u", port);
    od_bytes_put_slice(&location, head->target.at[0] == '/' ? head->target : OD_SLICE("/"));
    put_answer(answer, head, 308, od_bytes_slice(&location),
               OD_SLICE("this service is served by https and wss\n"));
    od_bytes_deinit(&location);
}

bool od_plain_answer(const struct od_plain_question *question, struct od_bytes *answer)
{
    struct od_bytes proof = {0};
    if (question->tls_port == 0)
        return false;
    if (od_challenge_find(question->options, question->head->target, &proof))
        put_answer(answer, question->head, 200, (od_slice){0}, od_bytes_slice(&proof));
    else if (is_to_go(question))
        put_redirect(answer, question);
    od_bytes_deinit(&proof);
    return answer->size > 0;
}
