// A veil: TLS 1.3 over bytes in memory, between two sides that know the same key. It covers a link
// (link/link.h) whose bytes strangers may see.
//
// There are no certificates. By the handshake both prove that they know the key (RFC 8446, 2.2),
// and what they say is enciphered with keys of this one connection, made anew (X25519): who learns
// the key later cannot read what he recorded. The cipher is ChaCha20-Poly1305, of which a key is
// good for all that a connection ever says; one of AES-GCM is for 2^24 records, minutes of a busy
// one, and would have to be changed.
//
// Process: node. Owner: od_veil_free.

#ifndef OD_TLS_VEIL_H
#define OD_TLS_VEIL_H

#include "link/link.h"

#define OD_VEIL_KEY_BYTES 32

struct od_veil;
struct od_veils; // What all of one key have in common.

struct od_veils *od_veils_new(const uint8_t key[OD_VEIL_KEY_BYTES]);
void od_veils_free(struct od_veils *veils); // After all of them. NULL is allowed.

// For one connection; the other side says the first word when it [is_dialler].
struct od_veil *od_veil_new(struct od_veils *veils, bool is_dialler);
void od_veil_free(struct od_veil *veil); // NULL is allowed.

// For od_link_set_cover, with the veil.
extern const struct od_link_cover od_veil_cover;

// What is wrong with the other side, for a person; NULL: nothing that the veil has seen.
const char *od_veil_why(const struct od_veil *veil);

#endif
