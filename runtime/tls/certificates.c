#include "tls/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"

// Cheap ones: who asks for a large prime field would have us reckon for tens of milliseconds.
static const char groups[] = "X25519:P-256:P-384";
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20"; // Of TLS 1.2; 1.3 has only such.

void od_certificates_init(struct od_certificates *certificates, const struct od_options *options)
{
    *certificates = (struct od_certificates){.options = options};
}

static void free_all(SSL_CTX **all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        SSL_CTX_free(all[i]);
}

void od_certificates_deinit(struct od_certificates *certificates)
{
    free_all(certificates->all, certificates->count);
    certificates->count = 0;
}

// --- Names ---------------------------------------------------------------------------------------

// NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL wants it so.
static int choose_by_name(SSL *ssl, int *alert, void *owner)
{
    const struct od_certificates *certificates = owner;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (size_t i = 0; name != NULL && i < certificates->count; i++) {
        X509 *certificate = SSL_CTX_get0_certificate(certificates->all[i]);
        if (certificate == NULL || X509_check_host(certificate, name, 0, 0, NULL) != 1)
            continue;
        SSL_set_SSL_CTX(ssl, certificates->all[i]);
        break;
    }
    return SSL_TLSEXT_ERR_OK;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *owner)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl, (void)owner;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK; // It will see that we speak HTTP/1.1.
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// --- Files ---------------------------------------------------------------------------------------

// The mistakes that people make; NULL: another one.
static const char *in_words(unsigned long code)
{
    int library = ERR_GET_LIB(code), reason = ERR_GET_REASON(code);
    if (library == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE)
        return "there is none in it, as PEM has it (-----BEGIN ...)";
    if (library == ERR_LIB_PEM && reason == PEM_R_BAD_PASSWORD_READ)
        return "it has a password, and nobody is asked for one here";
    if (library == ERR_LIB_X509 && reason == X509_R_KEY_VALUES_MISMATCH)
        return "it is of another certificate";
    return NULL;
}

// OpenSSL says first what was wrong, and then who noticed.
static const char *take_reason(void)
{
    const char *first = ERR_reason_error_string(ERR_peek_error()), *words = NULL;
    for (unsigned long code; words == NULL && (code = ERR_get_error()) != 0;)
        words = in_words(code);
    ERR_clear_error();
    return words != NULL ? words : first != NULL ? first : "it cannot be read";
}

static bool fail(struct od_error *err, const char *what, const char *file)
{
    if (access(file, R_OK) != 0)
        return od_error_errno(err, "%s %s", what, file);
    return od_error_set(err, "%s %s: %s", what, file, take_reason());
}

static void warn_of_times(const char *file, const X509 *certificate)
{
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        od_log(OD_LOG_WARN, NULL, "the certificate %s has expired: clients will refuse it", file);
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        od_log(OD_LOG_WARN, NULL, "the certificate %s is not valid yet", file);
}

static void warn_of_rights(const char *file)
{
    struct stat status;
    if (stat(file, &status) == 0 && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        od_log(OD_LOG_WARN, NULL, "others may read or change the key %s: chmod 600 it", file);
}

// Nobody is asked for one: there is nobody at a service, and while he is awaited nothing goes on.
// NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL wants it so.
static int say_no_password(char *text, int size, int for_writing, void *owner)
{
    (void)text, (void)size, (void)for_writing, (void)owner;
    return -1;
}

static bool read_pair(SSL_CTX *context, const char *certificate, const char *key,
                      struct od_error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return fail(err, "the certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return fail(err, "the key", key);
    if (SSL_CTX_check_private_key(context) != 1)
        return fail(err, "the key does not fit its certificate:", key);
    warn_of_times(certificate, SSL_CTX_get0_certificate(context));
    warn_of_rights(key);
    return true;
}

// Those from an authority are the last, and come when they come.
static bool is_awaited(const struct od_options *options, size_t index)
{
    return index >= options->tls_cert_count - options->tls_auto_count &&
           access(options->tls_certs[index], F_OK) != 0;
}

static SSL_CTX *make_context(struct od_certificates *certificates)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    OD_ASSERT(context != NULL);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(context, 1); // One system call a record, not one for its head as well.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int known = SSL_CTX_set_cipher_list(context, ciphers);
    OD_ASSERT(known == 1);
    known = (int)SSL_CTX_set1_groups_list(context, groups);
    OD_ASSERT(known == 1);
    SSL_CTX_set_default_passwd_cb(context, say_no_password);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"open-do", 7);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // Tickets need no memory here.
    SSL_CTX_set_tlsext_servername_callback(context, choose_by_name);
    SSL_CTX_set_tlsext_servername_arg(context, certificates);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return context;
}

static uint64_t stamp_of(const struct od_options *options)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < options->tls_cert_count; i++) {
        const char *const files[] = {options->tls_certs[i], options->tls_keys[i]};
        for (size_t j = 0; j < 2; j++) {
            struct stat status = {0};
            if (stat(files[j], &status) != 0)
                continue;
            stamp = od_map_hash_u64(stamp ^ (uint64_t)status.st_mtim.tv_sec);
            stamp = od_map_hash_u64(stamp ^ (uint64_t)status.st_mtim.tv_nsec);
            stamp = od_map_hash_u64(stamp ^ status.st_ino);
        }
    }
    return stamp;
}

bool od_certificates_differ(const struct od_certificates *certificates)
{
    return stamp_of(certificates->options) != certificates->stamp;
}

bool od_certificates_load(struct od_certificates *certificates, struct od_error *err)
{
    const struct od_options *options = certificates->options;
    SSL_CTX *all[OD_TLS_CERTS_MAX];
    size_t count = 0;
    bool ok = true;
    certificates->stamp = stamp_of(options);
    for (; ok && count < options->tls_cert_count; count++) {
        all[count] = make_context(certificates);
        ok = is_awaited(options, count) ||
             read_pair(all[count], options->tls_certs[count], options->tls_keys[count], err);
    }
    if (!ok) {
        free_all(all, count);
        return false;
    }
    od_certificates_deinit(certificates);
    memcpy(certificates->all, all, count * sizeof *all);
    certificates->count = count;
    return true;
}

SSL *od_certificates_accept(struct od_certificates *certificates)
{
    OD_ASSERT(certificates->count > 0);
    size_t first = 0;
    while (first + 1 < certificates->count &&
           SSL_CTX_get0_certificate(certificates->all[first]) == NULL)
        first++;
    SSL *ssl = SSL_new(certificates->all[first]);
    OD_ASSERT(ssl != NULL);
    SSL_set_accept_state(ssl);
    return ssl;
}
