#include "tls/veil.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

static const char identity[] = "open-do node";
static const unsigned char cipher_id[] = {0x13, 0x03}; // TLS_CHACHA20_POLY1305_SHA256

enum {
    read_bytes = 16 << 10, // A record.
};

struct od_veils {
    SSL_CTX *context;
    uint8_t key[OD_VEIL_KEY_BYTES];
};

struct od_veil {
    SSL *ssl;
    BIO *came, *leaves; // The connection's bytes; of [ssl].
    bool is_established;
    const char *why;
};

// --- The key -------------------------------------------------------------------------------------

// A session that both sides have always had.
static SSL_SESSION *session_of(SSL *ssl)
{
    const struct od_veils *veils = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, cipher_id);
    SSL_SESSION *session = SSL_SESSION_new();
    OD_ASSERT(cipher != NULL);
    OD_ASSERT(session != NULL);
    bool ok = SSL_SESSION_set1_master_key(session, veils->key, sizeof veils->key) == 1 &&
              SSL_SESSION_set_cipher(session, cipher) == 1 &&
              SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1;
    OD_ASSERT(ok);
    return session;
}

static int offer_key(SSL *ssl, const EVP_MD *digest, const unsigned char **id, size_t *id_size,
                     SSL_SESSION **session)
{
    (void)digest; // Its one cipher has only one.
    *id = (const unsigned char *)identity;
    *id_size = sizeof identity - 1;
    *session = session_of(ssl);
    return 1;
}

static int find_key(SSL *ssl, const unsigned char *id, size_t id_size, SSL_SESSION **session)
{
    bool is_ours = id_size == sizeof identity - 1 && memcmp(id, identity, id_size) == 0;
    *session = is_ours ? session_of(ssl) : NULL;
    return 1;
}

// --- Beginning and end ---------------------------------------------------------------------------

struct od_veils *od_veils_new(const uint8_t key[OD_VEIL_KEY_BYTES])
{
    struct od_veils *veils = od_allocate_zeroed(sizeof *veils);
    memcpy(veils->key, key, sizeof veils->key);
    veils->context = SSL_CTX_new(TLS_method());
    OD_ASSERT(veils->context != NULL);
    SSL_CTX_set_app_data(veils->context, veils);
    SSL_CTX_set_min_proto_version(veils->context, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(veils->context, 0);
    SSL_CTX_set_session_cache_mode(veils->context, SSL_SESS_CACHE_OFF);
    int known = SSL_CTX_set_ciphersuites(veils->context, "TLS_CHACHA20_POLY1305_SHA256");
    OD_ASSERT(known == 1);
    known = (int)SSL_CTX_set1_groups_list(veils->context, "X25519");
    OD_ASSERT(known == 1);
    SSL_CTX_set_psk_use_session_callback(veils->context, offer_key);
    SSL_CTX_set_psk_find_session_callback(veils->context, find_key);
    return veils;
}

void od_veils_free(struct od_veils *veils)
{
    if (veils == NULL)
        return;
    SSL_CTX_free(veils->context);
    OPENSSL_cleanse(veils->key, sizeof veils->key);
    free(veils);
}

struct od_veil *od_veil_new(struct od_veils *veils, bool is_dialler)
{
    struct od_veil *veil = od_allocate_zeroed(sizeof *veil);
    veil->ssl = SSL_new(veils->context);
    veil->came = BIO_new(BIO_s_mem());
    veil->leaves = BIO_new(BIO_s_mem());
    OD_ASSERT(veil->ssl != NULL);
    OD_ASSERT(veil->came != NULL);
    OD_ASSERT(veil->leaves != NULL);
    SSL_set_bio(veil->ssl, veil->came, veil->leaves);
    if (is_dialler)
        SSL_set_verify(veil->ssl, SSL_VERIFY_PEER, NULL); // Nobody's certificate will do.
    if (is_dialler)
        SSL_set_connect_state(veil->ssl);
    else
        SSL_set_accept_state(veil->ssl);
    return veil;
}

void od_veil_free(struct od_veil *veil)
{
    if (veil == NULL)
        return;
    SSL_free(veil->ssl);
    free(veil);
}

const char *od_veil_why(const struct od_veil *veil)
{
    return veil->why;
}

// --- What OpenSSL says ---------------------------------------------------------------------------

static const char *words_for(unsigned long code)
{
    switch (ERR_GET_REASON(code)) {
    case SSL_R_BINDER_DOES_NOT_VERIFY:
        return "it does not know the secret of this cluster";
    case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
        return "it does not know the secret that this node has";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNSUPPORTED_PROTOCOL:
        return "it does not speak TLS, as nodes do that are not both at 127.0.0.1";
    default:
        return "it speaks no TLS that a node speaks";
    }
}

// True: it waits for more.
static bool waits(struct od_veil *veil, int result)
{
    int error = SSL_get_error(veil->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return true;
    if (error != SSL_ERROR_ZERO_RETURN)
        veil->why = words_for(ERR_peek_error());
    return false;
}

// False: the other side is none of ours.
static bool shake_hands(struct od_veil *veil)
{
    if (veil->is_established)
        return true;
    ERR_clear_error();
    int result = SSL_do_handshake(veil->ssl);
    if (result != 1)
        return waits(veil, result);
    veil->is_established = SSL_session_reused(veil->ssl) == 1; // By the key, and nothing else.
    return veil->is_established;
}

// --- Both ways -----------------------------------------------------------------------------------

static bool lift(void *context, od_slice came, struct od_bytes *in)
{
    struct od_veil *veil = context;
    int size = BIO_write(veil->came, came.at, (int)came.size);
    OD_ASSERT(size == (int)came.size);
    if (!shake_hands(veil))
        return false;
    while (veil->is_established) {
        ERR_clear_error();
        size = SSL_read(veil->ssl, od_bytes_reserve(in, read_bytes), read_bytes);
        if (size <= 0)
            return waits(veil, size);
        in->size += (size_t)size;
    }
    return true;
}

static void put_records(const struct od_veil *veil, od_slice bytes)
{
    while (bytes.size > 0) {
        size_t size =
            bytes.size < OD_LINK_MESSAGE_BYTES_MAX ? bytes.size : OD_LINK_MESSAGE_BYTES_MAX;
        ERR_clear_error();
        int put = SSL_write(veil->ssl, bytes.at, (int)size);
        OD_ASSERT(put == (int)size); // Memory takes all of it.
        bytes = od_slice_from(bytes, size);
    }
}

// Nothing is said before the other side has proved that it knows the key.
static void lay(void *context, struct od_bytes *out, struct od_bytes *laid)
{
    struct od_veil *veil = context;
    char *at;
    if (veil->why == NULL && shake_hands(veil) && veil->is_established) {
        put_records(veil, od_bytes_slice(out));
        od_bytes_clear(out);
    }
    long size = BIO_get_mem_data(veil->leaves, &at);
    if (size > 0)
        od_bytes_put(laid, at, (size_t)size);
    (void)BIO_reset(veil->leaves);
}

const struct od_link_cover od_veil_cover = {lift, lay};
