// Which web pages may open a WebSocket here.
//
// A browser lets any page connect to any server, with the user's cookies, and only tells in the
// header Origin whose page it is: the server must look. By default a page may connect to the host
// it came from, on any port, so that what a development server serves on another port works; all
// names of the loopback count as one host. Others are named with --allow-origin. Who sends no
// Origin is no browser and can claim what it likes; it is let in.

#ifndef OD_LINK_ORIGIN_H
#define OD_LINK_ORIGIN_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

// Checks what --allow-origin was given: "*", or origins "https://a.example:8443", comma-separated.
OD_MUST_CHECK bool od_origin_check_list(const char *text, struct od_error *err);

// Checks what --allow-host was given: "*", or names without a port, comma-separated.
OD_MUST_CHECK bool od_origin_check_hosts(const char *text, struct od_error *err);

// Whether a page may know this server as [host] (the header, with port). A name of a stranger can
// be made to lead here by his DNS, and then his page is one of the same host; localhost and
// addresses cannot, and are always allowed.
bool od_origin_host_is_allowed(od_slice host, od_slice allowed);

// Whether a page of [origin] may connect to [host] (the header, with port). [allowed] as checked.
bool od_origin_is_allowed(od_slice origin, od_slice host, od_slice allowed);

#endif
