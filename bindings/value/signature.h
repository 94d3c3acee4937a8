// Signatures with key pairs, as JSON Web Tokens have them (RFC 7518, RFC 8037), for module
// "open-do": RS256, ES256 and EdDSA (Ed25519). The Lua half is lua/open-do/signature.lua.
//
// native.signature:
//   sign(algorithm, key, message)              -> signature, or nil and what is wrong with the key
//   verify(algorithm, key, message, signature) -> boolean, or nil and what is wrong with the key
//   algorithm_of(key)                          -> "RS256" ..., or nil and what is wrong
// A key is PEM (a private one, a public one, or a certificate), or a public one as DER.

#ifndef OD_VALUE_SIGNATURE_H
#define OD_VALUE_SIGNATURE_H

#include <lua.h>

void od_lib_signature_open(lua_State *L); // Pushes the table.

#endif
