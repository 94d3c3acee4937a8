// Random bytes, hashes and the encodings of bytes as text, for module "open-do".
//
//   randomUUID()            version 4, as text          base64.encode(data)     RFC 4648, with
//   padding randomBytes(n)          0 to 65,536 bytes           base64.decode(text)     padding may
//   be missing sha256(data)            32 raw bytes                base64url.encode/decode  - and
//   _, no padding hmacSha256(key, data)   32 raw bytes                hex.encode/decode       lower
//   case; reads both timingSafeEqual(a, b)   compares secrets; strings of other lengths are not
//   equal
//
// decode raises at the caller's line when the text is none of that encoding.

#ifndef OD_VALUE_ENCODINGS_H
#define OD_VALUE_ENCODINGS_H

#include <lua.h>

#define OD_RANDOM_BYTES_MAX 65536 // As crypto.getRandomValues.

void od_lib_bytes_open(lua_State *L); // Pushes a table with the names above.

#endif
