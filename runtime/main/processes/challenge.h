// Challenges: how an authority is shown that this service answers under a name (ACME, RFC 8555).
//
// It names a token, and asks for "http://NAME/.well-known/acme-challenge/TOKEN". uacme, which talks
// to it (acme.h), calls a program of our choice at the begin and the end of each: this one. It
// writes what is to be answered into a file with the name of the token; main reads that.
//
// Process: the one that uacme starts writes, main reads.

#ifndef OD_MAIN_PROCESSES_CHALLENGE_H
#define OD_MAIN_PROCESSES_CHALLENGE_H

#include "link/options.h"

// In the environment of the program that uacme starts: the directory of the files.
#define OD_CHALLENGE_VARIABLE "OPEN_DO_ACME_CHALLENGES"

// Beneath the directory of certificates.
#define OD_CHALLENGE_DIRECTORY "challenges"

// What [target] of a request is to be answered with, if it is asked for by an authority now.
OD_MUST_CHECK bool od_challenge_find(const struct od_options *options, od_slice target,
                                     struct od_bytes *proof);

// The whole life of the program that uacme starts: [argv] says what for. Returns its exit code.
int od_challenge_run(char **argv);

#endif
