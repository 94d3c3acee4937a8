#include "object/id.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"

enum {
    half = OD_ID_BYTES / 2
};

// HMAC-SHA256 of [data], its first 16 bytes.
static void mac_half(const od_namespace_key *key, const void *data, size_t size, uint8_t *out)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    const void *done =
        HMAC(EVP_sha256(), key->bytes, sizeof key->bytes, data, size, digest, &digest_size);
    OD_ASSERT(done != NULL);
    OD_ASSERT(digest_size >= half);
    memcpy(out, digest, half);
}

od_namespace_key od_namespace_key_of(od_slice namespace_name)
{
    od_namespace_key key;
    unsigned size = 0;
    const char *at = namespace_name.size > 0 ? namespace_name.at : "";
    int done = EVP_Digest(at, namespace_name.size, key.bytes, &size, EVP_sha256(), NULL);
    OD_ASSERT(done == 1);
    OD_ASSERT(size == sizeof key.bytes);
    return key;
}

od_id od_id_of_name(const od_namespace_key *key, od_slice name)
{
    od_id id;
    mac_half(key, name.size > 0 ? name.at : "", name.size, id.bytes);
    mac_half(key, id.bytes, half, id.bytes + half);
    return id;
}

od_id od_id_unique(const od_namespace_key *key)
{
    od_id id;
    ssize_t got = getrandom(id.bytes, half, 0);
    OD_ASSERT(got == half);
    mac_half(key, id.bytes, half, id.bytes + half);
    return id;
}

static bool parse_hex(od_slice text, od_id *id)
{
    if (text.size != OD_ID_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < OD_ID_BYTES; i++) {
        int byte = od_hex_pair(text.at + 2 * i);
        if (byte < 0)
            return false;
        id->bytes[i] = (uint8_t)byte;
    }
    return true;
}

enum od_id_parse od_id_parse(const od_namespace_key *key, od_slice text, od_id *id)
{
    if (!parse_hex(text, id))
        return OD_ID_MALFORMED;
    uint8_t proof[half];
    mac_half(key, id->bytes, half, proof);
    return memcmp(proof, id->bytes + half, half) == 0 ? OD_ID_OK : OD_ID_FOREIGN;
}

void od_id_format(const od_id *id, char text[OD_ID_TEXT_BYTES + 1])
{
    od_hex_put(text, (od_slice){(const char *)id->bytes, OD_ID_BYTES});
    text[OD_ID_TEXT_BYTES] = '\0';
}

bool od_id_equal(const od_id *a, const od_id *b)
{
    return memcmp(a->bytes, b->bytes, OD_ID_BYTES) == 0;
}

uint64_t od_id_hash(const od_id *id)
{
    uint64_t hash; // The bytes are a MAC or random: any eight of them are a hash.
    memcpy(&hash, id->bytes + 8, sizeof hash);
    return hash;
}
