// Certificates: what is served under which name, and the manner of TLS that is spoken at all.
//
// Each pair of --tls-cert (with its chain, PEM) and --tls-key is one context; a client that names a
// host (SNI) gets the first whose certificate is for it, or the first of all. TLS 1.2 with forward
// secrecy and 1.3; tickets; no renegotiation, no compression; ALPN says http/1.1.
//
// A pair that is had from an authority (main/processes/acme.h) may not be there yet: then its
// context has no certificate, and where there is no other, handshakes fail.
//
// They are loaded as a whole or not at all, so files that are being exchanged, half written or do
// not fit change nothing: connections that stand keep what they have begun with, new ones get what
// was loaded last.
//
// Process: tls. Owner: embedded.

#ifndef OD_TLS_CERTIFICATES_H
#define OD_TLS_CERTIFICATES_H

#include <openssl/ssl.h>

#include "base/error.h"
#include "link/options.h"

struct od_certificates {
    const struct od_options *options;
    SSL_CTX *all[OD_TLS_CERTS_MAX]; // In the order of the options.
    size_t count;
    uint64_t stamp; // Of the files that were loaded.
};

void od_certificates_init(struct od_certificates *certificates, const struct od_options *options);
void od_certificates_deinit(struct od_certificates *certificates);

// Loads the files; those before stay when it fails.
OD_MUST_CHECK bool od_certificates_load(struct od_certificates *certificates, struct od_error *err);

// Whether the files are others than those that were looked at last.
bool od_certificates_differ(const struct od_certificates *certificates);

SSL *od_certificates_accept(struct od_certificates *certificates); // For a new connection.

#endif
