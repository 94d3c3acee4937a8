#include "net/reach.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "codec/address_scope.h"

// --- Connections ---------------------------------------------------------------------------------

static curl_socket_t open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct od_reach *reach = owner;
    (void)purpose;
    if (reach->has_own) {
        int own = reach->own;
        reach->own = -1;
        return own >= 0 ? own : CURL_SOCKET_BAD;
    }
    if (reach->is_inside_denied && od_address_is_inside(&address->addr)) {
        reach->is_inside_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int is_connected(void *owner, curl_socket_t fd, curlsocktype purpose)
{
    (void)owner, (void)fd, (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

void od_reach_use(struct od_reach *reach, CURL *easy, int fd)
{
    OD_ASSERT(fd >= 0);
    reach->has_own = true;
    reach->own = fd;
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, is_connected);
}

static void set_trust(CURL *easy)
{
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    if (file != NULL && *file != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    if (folder != NULL && *folder != '\0')
        curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
}

// A name is looked up in a thread; with QUICK_EXIT nobody waits for it when the fetch is cancelled.
void od_reach_prepare(struct od_reach *reach, bool is_inside_denied, CURL *easy)
{
    *reach = (struct od_reach){.is_inside_denied = is_inside_denied};
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reach->why);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, reach);
    set_trust(easy);
}

static bool set_part(CURLU *url, CURLUPart part, const struct od_bytes *value, size_t skip)
{
    if (value->size <= skip)
        return true;
    struct od_bytes text = {0};
    od_bytes_put_slice(&text, od_slice_from(od_bytes_slice(value), skip));
    od_bytes_put_u8(&text, '\0');
    CURLUcode failed = curl_url_set(url, part, text.at, 0);
    od_bytes_deinit(&text);
    return failed == CURLUE_OK;
}

CURLU *od_reach_url(const struct od_url *target)
{
    CURLU *url = curl_url();
    OD_ASSERT(target->scheme.size > 0);
    if (set_part(url, CURLUPART_SCHEME, &target->scheme, 0) &&
        set_part(url, CURLUPART_HOST, &target->host, 0) &&
        set_part(url, CURLUPART_PORT, &target->port, 0) &&
        set_part(url, CURLUPART_PATH, &target->path, 0) &&
        set_part(url, CURLUPART_QUERY, &target->query, 1))
        return url;
    curl_url_cleanup(url);
    return curl_url();
}

// --- Why not -------------------------------------------------------------------------------------

static const struct {
    CURLcode code;
    const char *words;
    bool has_details; // Of libcurl.
} explanations[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "the name of the host was not found", false},
    {CURLE_PEER_FAILED_VERIFICATION, "the certificate was not accepted", true},
    {CURLE_SSL_CONNECT_ERROR, "TLS could not be begun", true},
    {CURLE_SSL_CACERT_BADFILE, "the trusted certificates cannot be read (SSL_CERT_FILE)", true},
    {CURLE_GOT_NOTHING, "the server closed the connection without an answer", false},
    {CURLE_PARTIAL_FILE, "the connection ended in the middle of the answer", false},
    {CURLE_RECV_ERROR, "the connection ended before the answer was whole", true},
    {CURLE_SEND_ERROR, "the connection ended before the request was sent", true},
    {CURLE_BAD_CONTENT_ENCODING, "the body cannot be decoded", true},
    {CURLE_OPERATION_TIMEDOUT, "it took too long", true},
    {CURLE_WEIRD_SERVER_REPLY, "the answer is not HTTP", true},
    {CURLE_UNSUPPORTED_PROTOCOL, "the answer is not HTTP", true},
    // What libcurl says of a fold that has nothing before it, and of a line beyond its own limit.
    {CURLE_BAD_FUNCTION_ARGUMENT, "the answer is not HTTP (its first field is folded)", false},
    {CURLE_OUT_OF_MEMORY, "a line in the head of the answer is too long", false},
};

static bool explain_connect(const struct od_reach *reach, CURL *easy, struct od_error *err)
{
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (reach->is_inside_refused)
        return od_error_set(err, "its address is of a private network or of this machine, and "
                                 "--fetch-private is deny");
    return od_error_set(err, "could not connect (%s)",
                        number == 0 ? reach->why : strerror((int)number));
}

static bool explain(const struct od_reach *reach, CURL *easy, CURLcode code, struct od_error *err)
{
    if (code == CURLE_COULDNT_CONNECT)
        return explain_connect(reach, easy, err);
    const char *details = reach->why[0] != '\0' ? reach->why : curl_easy_strerror(code);
    for (size_t i = 0; i < sizeof explanations / sizeof *explanations; i++) {
        if (explanations[i].code != code)
            continue;
        if (!explanations[i].has_details)
            return od_error_set(err, "%s", explanations[i].words);
        return od_error_set(err, "%s (%s)", explanations[i].words, details);
    }
    return od_error_set(err, "%s", details);
}

void od_reach_explain(const struct od_reach *reach, CURL *easy, CURLcode code, struct od_error *err)
{
    (void)explain(reach, easy, code, err);
}
