// libcurl, loaded when a worker fetches for the first time.
//
// It comes with thirty other libraries. Were it linked, every process of the program would map them
// all at its start: on a small machine that is a third of the time until the server is ready, and
// again of the time until a dead worker is replaced, for scripts that never fetch anything. So its
// functions stand in a table, and the names below lead there; the code that uses them looks as
// always.
//
// Thread: the loop's of a worker. Only what reaches outside includes this (reach.h says who).

#ifndef OD_NET_CURL_H
#define OD_NET_CURL_H

#define CURL_DISABLE_TYPECHECK // Its macros would hide the functions.
#include <curl/curl.h>

#include "base/check.h"
#include "base/error.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define OD_CURL_FUNCTIONS(FUNCTION)                                                                \
    FUNCTION(curl_easy_cleanup)                                                                    \
    FUNCTION(curl_easy_getinfo)                                                                    \
    FUNCTION(curl_easy_pause)                                                                      \
    FUNCTION(curl_easy_init)                                                                       \
    FUNCTION(curl_easy_recv)                                                                       \
    FUNCTION(curl_easy_reset)                                                                      \
    FUNCTION(curl_easy_send)                                                                       \
    FUNCTION(curl_easy_setopt)                                                                     \
    FUNCTION(curl_easy_strerror)                                                                   \
    FUNCTION(curl_global_cleanup)                                                                  \
    FUNCTION(curl_global_init)                                                                     \
    FUNCTION(curl_multi_add_handle)                                                                \
    FUNCTION(curl_multi_assign)                                                                    \
    FUNCTION(curl_multi_cleanup)                                                                   \
    FUNCTION(curl_multi_info_read)                                                                 \
    FUNCTION(curl_multi_init)                                                                      \
    FUNCTION(curl_multi_remove_handle)                                                             \
    FUNCTION(curl_multi_setopt)                                                                    \
    FUNCTION(curl_multi_socket_action)                                                             \
    FUNCTION(curl_multi_timeout)                                                                   \
    FUNCTION(curl_slist_append)                                                                    \
    FUNCTION(curl_slist_free_all)                                                                  \
    FUNCTION(curl_url)                                                                             \
    FUNCTION(curl_url_cleanup)                                                                     \
    FUNCTION(curl_url_set)                                                                         \
    FUNCTION(curl_url_strerror)

struct od_curl {
#define OD_CURL_FIELD(name) __typeof__ (&(name))(name);
    OD_CURL_FUNCTIONS(OD_CURL_FIELD)
#undef OD_CURL_FIELD
};

extern struct od_curl od_curl; // Filled by od_curl_load.

// False: the machine has no libcurl, or one that is too old; the text says what to install.
OD_MUST_CHECK bool od_curl_load(struct od_error *err);

#define curl_easy_cleanup(...) od_curl.curl_easy_cleanup(__VA_ARGS__)
#define curl_easy_getinfo(...) od_curl.curl_easy_getinfo(__VA_ARGS__)
#define curl_easy_pause(...) od_curl.curl_easy_pause(__VA_ARGS__)
#define curl_easy_init(...) od_curl.curl_easy_init(__VA_ARGS__)
#define curl_easy_recv(...) od_curl.curl_easy_recv(__VA_ARGS__)
#define curl_easy_send(...) od_curl.curl_easy_send(__VA_ARGS__)
#define curl_easy_reset(...) od_curl.curl_easy_reset(__VA_ARGS__)
#define curl_easy_setopt(...) od_curl.curl_easy_setopt(__VA_ARGS__)
#define curl_easy_strerror(...) od_curl.curl_easy_strerror(__VA_ARGS__)
#define curl_global_cleanup(...) od_curl.curl_global_cleanup(__VA_ARGS__)
#define curl_global_init(...) od_curl.curl_global_init(__VA_ARGS__)
#define curl_multi_add_handle(...) od_curl.curl_multi_add_handle(__VA_ARGS__)
#define curl_multi_assign(...) od_curl.curl_multi_assign(__VA_ARGS__)
#define curl_multi_cleanup(...) od_curl.curl_multi_cleanup(__VA_ARGS__)
#define curl_multi_info_read(...) od_curl.curl_multi_info_read(__VA_ARGS__)
#define curl_multi_init(...) od_curl.curl_multi_init(__VA_ARGS__)
#define curl_multi_remove_handle(...) od_curl.curl_multi_remove_handle(__VA_ARGS__)
#define curl_multi_setopt(...) od_curl.curl_multi_setopt(__VA_ARGS__)
#define curl_multi_socket_action(...) od_curl.curl_multi_socket_action(__VA_ARGS__)
#define curl_multi_timeout(...) od_curl.curl_multi_timeout(__VA_ARGS__)
#define curl_slist_append(...) od_curl.curl_slist_append(__VA_ARGS__)
#define curl_slist_free_all(...) od_curl.curl_slist_free_all(__VA_ARGS__)
#define curl_url(...) od_curl.curl_url(__VA_ARGS__)
#define curl_url_cleanup(...) od_curl.curl_url_cleanup(__VA_ARGS__)
#define curl_url_set(...) od_curl.curl_url_set(__VA_ARGS__)
#define curl_url_strerror(...) od_curl.curl_url_strerror(__VA_ARGS__)

#endif
