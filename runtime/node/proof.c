#include "node/proof.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

#include "node/limits.h"

static bool trim(struct od_bytes *secret)
{
    od_slice rest = od_slice_trim(od_bytes_slice(secret), " \t\r\n");
    if (rest.size > 0)
        memmove(secret->at, rest.at, rest.size);
    secret->size = rest.size;
    return rest.size >= OD_NODE_SECRET_BYTES_MIN && rest.size <= OD_NODE_SECRET_BYTES_MAX;
}

bool od_secret_read(const char *path, struct od_bytes *secret, struct od_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // Of a pipe: open waits for no writer.
    if (fd < 0)
        return od_error_errno(err, "cannot read the cluster's secret from %s", path);
    od_bytes_clear(secret);
    ssize_t count = read(fd, od_bytes_reserve(secret, OD_NODE_SECRET_BYTES_MAX + 1),
                         OD_NODE_SECRET_BYTES_MAX + 1);
    if (count > 0)
        secret->size = (size_t)count;
    bool is_read =
        count >= 0 || od_error_errno(err, "cannot read the cluster's secret from %s", path);
    close(fd);
    return is_read &&
           (trim(secret) || od_error_set(err, "the secret in %s has to have %d to %d bytes", path,
                                         OD_NODE_SECRET_BYTES_MIN, OD_NODE_SECRET_BYTES_MAX));
}

static void make_mac(od_slice secret, od_slice said, uint8_t mac[OD_PROOF_BYTES])
{
    unsigned size = 0;
    OD_ASSERT(secret.size >= OD_NODE_SECRET_BYTES_MIN);
    const uint8_t *made = HMAC(EVP_sha256(), secret.at, (int)secret.size, (const uint8_t *)said.at,
                               said.size, mac, &size);
    OD_ASSERT(made != NULL);
    OD_ASSERT(size == OD_PROOF_BYTES);
}

void od_secret_key(od_slice secret, uint8_t key[OD_VEIL_KEY_BYTES])
{
    _Static_assert(OD_VEIL_KEY_BYTES == OD_PROOF_BYTES, "a MAC is a key");
    make_mac(secret, OD_SLICE("open-do node, key of TLS"), key);
}

void od_proof_make(od_slice secret, bool is_dialler, od_slice dialler, od_slice other,
                   uint8_t proof[OD_PROOF_BYTES])
{
    struct od_bytes said = {0};
    od_bytes_put_string(&said, is_dialler ? OD_SLICE("open-do node, dialler")
                                          : OD_SLICE("open-do node, dialled"));
    od_bytes_put_string(&said, dialler);
    od_bytes_put_string(&said, other);
    make_mac(secret, od_bytes_slice(&said), proof);
    od_bytes_deinit(&said);
}

bool od_proof_is(od_slice said, const uint8_t proof[OD_PROOF_BYTES])
{
    return said.size == OD_PROOF_BYTES && CRYPTO_memcmp(said.at, proof, OD_PROOF_BYTES) == 0;
}
