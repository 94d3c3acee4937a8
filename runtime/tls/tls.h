// The process in which TLS ends (README.md).
//
// It serves until main is gone or has closed the link; then what stands may end, for a moment. Main
// may become another program meanwhile (main/upgrade.h): that one has the link, and may tell it by
// SIGUSR2 that no more connections come.
//
// Process: tls, a child of main, confined like a worker.

#ifndef OD_TLS_TLS_H
#define OD_TLS_TLS_H

#include "link/options.h"

// The whole life of that process; [link_fd] leads to main. Returns its exit code.
int od_tls_main(const struct od_options *options, int link_fd);

// Whether such a process could begin: the certificates can be loaded. False, with [err].
OD_MUST_CHECK bool od_tls_check(const struct od_options *options, struct od_error *err);

#endif
