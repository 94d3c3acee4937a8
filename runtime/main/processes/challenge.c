#include "main/processes/challenge.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    token_bytes_max = 128,
    proof_bytes_max = 512,
    accepted = 0,
    declined = 1, // Then uacme tries another kind of challenge.
};

static bool is_token(od_slice text)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    for (size_t i = 0; i < text.size; i++) {
        if (memchr(known, text.at[i], sizeof known - 1) == NULL)
            return false;
    }
    return text.size > 0 && text.size <= token_bytes_max;
}

static bool read_proof(const char *path, struct od_bytes *proof)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, od_bytes_reserve(proof, proof_bytes_max), proof_bytes_max);
    close(fd);
    proof->size += size > 0 ? (size_t)size : 0;
    return size > 0;
}

bool od_challenge_find(const struct od_options *options, od_slice target, struct od_bytes *proof)
{
    static const char prefix[] = "/.well-known/acme-challenge/";
    char path[PATH_MAX];
    if (options->tls_auto_count == 0 || !od_slice_starts_with(target, od_slice_of(prefix)))
        return false;
    od_slice token = od_slice_from(target, sizeof prefix - 1);
    if (!is_token(token))
        return false;
    OD_ASSERT(options->tls_dir != NULL);
    int size = snprintf(path, sizeof path, "%s/%s/%.*s", options->tls_dir, OD_CHALLENGE_DIRECTORY,
                        (int)token.size, token.at);
    return size < (int)sizeof path && read_proof(path, proof);
}

// Under another name first: main may read at any time.
static bool write_proof(const char *path, const char *proof)
{
    char next[PATH_MAX];
    int size = snprintf(next, sizeof next, "%s.next", path);
    int fd =
        size < (int)sizeof next ? open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return false;
    bool is_written = write(fd, proof, strlen(proof)) == (ssize_t)strlen(proof);
    return close(fd) == 0 && is_written && rename(next, path) == 0;
}

// begin|done|failed KIND NAME TOKEN PROOF
int od_challenge_run(char **argv)
{
    char path[PATH_MAX];
    for (int i = 0; i < 6; i++) {
        if (argv[i] == NULL)
            return declined;
    }
    if (strcmp(argv[2], "http-01") != 0 || !is_token(od_slice_of(argv[4])))
        return declined;
    int size = snprintf(path, sizeof path, "%s/%s", getenv(OD_CHALLENGE_VARIABLE), argv[4]);
    if (size >= (int)sizeof path)
        return declined;
    if (strcmp(argv[1], "begin") != 0) {
        unlink(path);
        return accepted;
    }
    if (write_proof(path, argv[5]))
        return accepted;
    perror(path);
    return declined;
}
