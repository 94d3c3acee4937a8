// Percent-encoding and queries of URLs, for module "open-do" and for Request.
//
//   encode(text)        all but letters, digits and -_.!~*'() as %XX, as encodeURIComponent
//   decode(text)        %XX becomes a byte; what is no %XX stays, as in URLs of browsers
//   query_pairs(text)   "a=1&b=x+y" as { "a", "1", "b", "x y" }, as URLSearchParams
//   url_pairs(url)      the same of what is between "?" and "#" in a URL
//   parse(text, base)   the parts of a URL (codec/url.h) as a table, or nil and a problem:
//                       "protocol" has no colon yet,
//                       "search" and "hash" may be their sign alone

#ifndef OD_VALUE_URL_H
#define OD_VALUE_URL_H

#include <lua.h>

void od_lib_url_open(lua_State *L); // Pushes a table with the names above.

#endif
