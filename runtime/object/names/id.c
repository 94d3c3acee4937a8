#include "object/names/id.h"

// The plain functions: what is around them in OpenSSL looks the algorithm up, takes locks and
// allocates 26 times, which costs more than the hash.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <endian.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"

enum {
    half = OD_ID_BYTES / 2,
    block_bytes = SHA256_CBLOCK,
    short_bytes_max = block_bytes - sizeof(uint64_t) - 1,
};

_Static_assert(sizeof((od_namespace_key *)NULL)->inside == sizeof((SHA256_CTX *)NULL)->h,
               "a key holds states of SHA-256");

static void state_after(const uint8_t *key, uint8_t pad, uint32_t *state)
{
    SHA256_CTX hash;
    uint8_t block[block_bytes];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
        block[i] ^= key[i];
    SHA256_Init(&hash);
    SHA256_Transform(&hash, block);
    memcpy(state, hash.h, sizeof hash.h);
}

// A name and a digest are short: all of it is one block, with a bit behind it and how many there
// are.
static void finish_short(SHA256_CTX *hash, const void *data, size_t size, uint8_t *digest)
{
    uint8_t block[block_bytes] = {0};
    uint64_t bits = htobe64((block_bytes + size) * 8);
    OD_ASSERT(size <= short_bytes_max);
    memcpy(block, data, size);
    block[size] = 0x80;
    memcpy(block + block_bytes - sizeof bits, &bits, sizeof bits);
    SHA256_Transform(hash, block);
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH / sizeof(uint32_t); i++) {
        uint32_t word = htobe32(hash->h[i]);
        memcpy(digest + i * sizeof word, &word, sizeof word);
    }
}

static void finish(const uint32_t *state, const void *data, size_t size, uint8_t *digest)
{
    SHA256_CTX hash;
    SHA256_Init(&hash);
    memcpy(hash.h, state, sizeof hash.h);
    if (size <= short_bytes_max) {
        finish_short(&hash, data, size, digest);
        return;
    }
    hash.Nl = block_bytes * 8; // Bits that are in it already.
    SHA256_Update(&hash, data, size);
    SHA256_Final(digest, &hash);
}

// HMAC-SHA256 of [data], its first 16 bytes.
static void mac_half(const od_namespace_key *key, const void *data, size_t size, uint8_t *out)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    finish(key->inside, data, size, digest);
    finish(key->outside, digest, sizeof digest, digest);
    memcpy(out, digest, half);
}

od_namespace_key od_namespace_key_of(od_slice namespace_name)
{
    od_namespace_key key;
    uint8_t bytes[SHA256_DIGEST_LENGTH];
    const char *at = namespace_name.size > 0 ? namespace_name.at : "";
    SHA256((const unsigned char *)at, namespace_name.size, bytes);
    state_after(bytes, 0x36, key.inside);
    state_after(bytes, 0x5c, key.outside);
    return key;
}

od_id od_id_of_name(const od_namespace_key *key, od_slice name)
{
    od_id id;
    mac_half(key, name.size > 0 ? name.at : "", name.size, id.bytes);
    mac_half(key, id.bytes, half, id.bytes + half);
    return id;
}

od_slot od_id_slot_of_name(const od_namespace_key *key, od_slice name)
{
    od_id id = {{0}};
    mac_half(key, name.size > 0 ? name.at : "", name.size, id.bytes);
    return od_slot_of_id(id.bytes);
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
