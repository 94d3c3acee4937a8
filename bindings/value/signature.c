#include "value/signature.h"

#include <string.h>

#include <lauxlib.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "base/slice.h"
#include "value/raise.h"

enum {
    rsa_bits_min = 2048, // [RFC 7518, 3.3]
    rsa_bits_max = 16384,
    signature_bytes_max = rsa_bits_max / 8,
    half_bytes = 32, // Of a signature of ES256: R and S one behind the other.
};

// --- Keys ----------------------------------------------------------------------------------------

// A key with a password: nobody sits there who could type it.
static int no_password(char *buffer, int size, int is_writing, void *context)
{
    (void)is_writing;
    (void)context;
    if (size > 0)
        buffer[0] = '\0';
    return -1;
}

static EVP_PKEY *of_certificate(BIO *bio)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get_pubkey(certificate);
    X509_free(certificate);
    return key;
}

static EVP_PKEY *of_public(BIO *bio)
{
    return PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
}

static EVP_PKEY *of_private(BIO *bio)
{
    return PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
}

static EVP_PKEY *read_der(od_slice text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    return d2i_PUBKEY(NULL, &at, (long)text.size);
}

static EVP_PKEY *read_key(od_slice text, bool is_private)
{
    EVP_PKEY *(*const readers[])(BIO *) = {of_private, of_public, of_certificate};
    EVP_PKEY *key = NULL;
    if (!od_slice_starts_with(text, OD_SLICE("-----BEGIN")))
        return is_private ? NULL : read_der(text);
    for (size_t i = 0; key == NULL && i < (is_private ? 1 : 3); i++) {
        BIO *bio = BIO_new_mem_buf(text.at, (int)text.size);
        key = bio == NULL ? NULL : readers[i](bio);
        BIO_free(bio);
    }
    return key;
}

static bool is_p256(const EVP_PKEY *key)
{
    char group[32];
    size_t size = 0;
    return EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

// What [key] signs with; NULL and why: with nothing that is known here.
static const char *algorithm_of(const EVP_PKEY *key, struct od_error *err)
{
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_is_a(key, "RSA") && bits >= rsa_bits_min && bits <= rsa_bits_max)
        return "RS256";
    if (EVP_PKEY_is_a(key, "RSA"))
        od_error_set(err, "an RSA key must have %d bits or more, not %d", rsa_bits_min, bits);
    else if (EVP_PKEY_is_a(key, "ED25519"))
        return "EdDSA";
    else if (EVP_PKEY_is_a(key, "EC") && is_p256(key))
        return "ES256";
    else
        od_error_set(err, "the key is neither of RSA nor on the curves P-256 and Ed25519");
    return NULL;
}

// NULL and why: it is no key for [algorithm].
static EVP_PKEY *open_key(od_slice text, const char *algorithm, bool is_private,
                          struct od_error *err)
{
    EVP_PKEY *key = text.size <= INT32_MAX ? read_key(text, is_private) : NULL;
    ERR_clear_error();
    if (key == NULL) {
        od_error_set(err, is_private ? "it must be a private key in PEM, without a password"
                                     : "it must be a public key or a certificate in PEM");
        return NULL;
    }
    const char *known = algorithm_of(key, err);
    if (known != NULL && (algorithm == NULL || strcmp(known, algorithm) == 0))
        return key;
    if (known != NULL)
        od_error_set(err, "it is a key for %s, not for %s", known, algorithm);
    EVP_PKEY_free(key);
    return NULL;
}

// --- The form of signatures ----------------------------------------------------------------------

// DER as OpenSSL makes it, and R | S as tokens have it; in place.
static bool flatten(unsigned char *bytes, size_t *size)
{
    const unsigned char *at = bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*size);
    bool ok = pair != NULL &&
              BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, half_bytes) == half_bytes &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + half_bytes, half_bytes) == half_bytes;
    ECDSA_SIG_free(pair);
    *size = (size_t)2 * half_bytes;
    return ok;
}

static bool unflatten(od_slice flat, unsigned char *bytes, size_t *size)
{
    const unsigned char *at = (const unsigned char *)flat.at;
    if (flat.size != (size_t)2 * half_bytes)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(at, half_bytes, NULL), *s = BN_bin2bn(at + half_bytes, half_bytes, NULL);
    int made = pair != NULL && ECDSA_SIG_set0(pair, r, s) == 1 ? i2d_ECDSA_SIG(pair, &bytes) : -1;
    ECDSA_SIG_free(pair);
    *size = made > 0 ? (size_t)made : 0;
    return made > 0;
}

// --- Signing -------------------------------------------------------------------------------------

static const EVP_MD *digest_of(const char *algorithm)
{
    return strcmp(algorithm, "EdDSA") == 0 ? NULL : EVP_sha256(); // That one hashes by itself.
}

static bool make(EVP_PKEY *key, const char *algorithm, od_slice message, unsigned char *bytes,
                 size_t *size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok =
        context != NULL &&
        EVP_DigestSignInit(context, NULL, digest_of(algorithm), NULL, key) == 1 &&
        EVP_DigestSign(context, bytes, size, (const unsigned char *)message.at, message.size) == 1;
    EVP_MD_CTX_free(context);
    return ok && (strcmp(algorithm, "ES256") != 0 || flatten(bytes, size));
}

static bool is_of(EVP_PKEY *key, const char *algorithm, od_slice message, od_slice signature)
{
    unsigned char bytes[2 * half_bytes + 16];
    if (strcmp(algorithm, "ES256") == 0) {
        size_t size;
        if (!unflatten(signature, bytes, &size))
            return false;
        signature = (od_slice){(const char *)bytes, size};
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL &&
              EVP_DigestVerifyInit(context, NULL, digest_of(algorithm), NULL, key) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.size,
                               (const unsigned char *)message.at, message.size) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

// --- For Lua -------------------------------------------------------------------------------------

static int push_problem(lua_State *L, const struct od_error *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    return 2;
}

static int sign(lua_State *L)
{
    const char *algorithm = luaL_checkstring(L, 1);
    od_slice text = od_check_bytes(L, 2, "sign"), message = od_check_bytes(L, 3, "sign");
    unsigned char bytes[signature_bytes_max];
    size_t size = sizeof bytes;
    struct od_error err;
    EVP_PKEY *key = open_key(text, algorithm, true, &err);
    if (key == NULL)
        return push_problem(L, &err);
    bool ok = make(key, algorithm, message, bytes, &size);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!ok) {
        od_error_set(&err, "OpenSSL cannot sign with it");
        return push_problem(L, &err);
    }
    lua_pushlstring(L, (const char *)bytes, size);
    return 1;
}

static int verify(lua_State *L)
{
    const char *algorithm = luaL_checkstring(L, 1);
    od_slice text = od_check_bytes(L, 2, "verify"), message = od_check_bytes(L, 3, "verify");
    od_slice signature = od_check_bytes(L, 4, "verify");
    struct od_error err;
    EVP_PKEY *key = open_key(text, algorithm, false, &err);
    if (key == NULL)
        return push_problem(L, &err);
    bool ok = is_of(key, algorithm, message, signature);
    EVP_PKEY_free(key);
    ERR_clear_error();
    lua_pushboolean(L, ok);
    return 1;
}

static int push_algorithm_of(lua_State *L)
{
    struct od_error err;
    EVP_PKEY *key = open_key(od_check_bytes(L, 1, "sign"), NULL, false, &err);
    if (key == NULL)
        return push_problem(L, &err);
    const char *algorithm = algorithm_of(key, &err);
    EVP_PKEY_free(key);
    lua_pushstring(L, algorithm);
    return 1;
}

void od_lib_signature_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"sign", sign}, {"verify", verify}, {"algorithm_of", push_algorithm_of}, {NULL, NULL}};
    lua_newtable(L);
    luaL_register(L, NULL, functions);
}
