#include <stdlib.h>
#include <string.h>

#include "link/options_values.h"

enum {
    domain_bytes_max = 253
};

// --- Values --------------------------------------------------------------------------------------

bool od_option_take_tls_listen(struct od_options_reading *reading, const char *text,
                               struct od_error *err)
{
    reading->options->has_tls = true;
    return od_address_parse(text, &reading->options->tls_listen, err);
}

static bool take_file(const char **files, size_t *count, const char *text, struct od_error *err)
{
    if (*count == OD_TLS_CERTS_MAX)
        return od_error_set(err, "there are more than %d of them", OD_TLS_CERTS_MAX);
    files[(*count)++] = text;
    return true;
}

bool od_option_take_tls_cert(struct od_options_reading *reading, const char *text,
                             struct od_error *err)
{
    struct od_options *options = reading->options;
    return take_file(options->tls_certs, &options->tls_cert_count, text, err);
}

bool od_option_take_tls_key(struct od_options_reading *reading, const char *text,
                            struct od_error *err)
{
    struct od_options *options = reading->options;
    return take_file(options->tls_keys, &options->tls_key_count, text, err);
}

// It becomes the name of a directory. No authority certifies an address, or a name without a dot:
// the last part of a domain begins with a letter.
static bool is_domain(const char *text)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t size = strlen(text);
    const char *dot = strrchr(text, '.');
    return dot != NULL && dot[1] >= 'a' && dot[1] <= 'z' && size > 0 && size <= domain_bytes_max &&
           strspn(text, known) == size && text[0] != '.' && text[0] != '-' &&
           strstr(text, "..") == NULL;
}

bool od_option_take_tls_auto(struct od_options_reading *reading, const char *text,
                             struct od_error *err)
{
    struct od_options *options = reading->options;
    if (!is_domain(text))
        return od_error_set(err, "expected a domain in lower case, like chat.example.org");
    return take_file(options->tls_auto, &options->tls_auto_count, text, err);
}

bool od_option_take_tls_authority(struct od_options_reading *reading, const char *text,
                                  struct od_error *err)
{
    reading->options->tls_authority = text;
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0 ||
           od_error_set(err, "expected a URL");
}

// --- All of them ---------------------------------------------------------------------------------

// Where uacme puts them.
static bool add_auto_files(struct od_options *options, const char *domain, struct od_error *err)
{
    if (options->tls_cert_count == OD_TLS_CERTS_MAX)
        return od_error_set(err, "there are more than %d certificates", OD_TLS_CERTS_MAX);
    OD_ASSERT(options->tls_cert_count == options->tls_key_count);
    OD_ASSERT(is_domain(domain));
    struct od_bytes certificate = {0}, key = {0};
    od_bytes_printf(&certificate, "%s/%s/cert.pem", options->tls_dir, domain);
    od_bytes_printf(&key, "%s/private/%s/key.pem", options->tls_dir, domain);
    options->tls_certs[options->tls_cert_count++] = od_text_copy(od_bytes_slice(&certificate));
    options->tls_keys[options->tls_key_count++] = od_text_copy(od_bytes_slice(&key));
    od_bytes_deinit(&certificate);
    od_bytes_deinit(&key);
    return true;
}

bool od_options_conclude_tls(struct od_options *options, struct od_error *err)
{
    struct od_bytes directory = {0};
    OD_ASSERT(options->tls_dir == NULL);
    OD_ASSERT(options->data_dir != NULL);
    size_t count = options->tls_cert_count + options->tls_auto_count;
    if (options->tls_cert_count != options->tls_key_count || options->has_tls != (count > 0))
        return od_error_set(
            err, "--tls-listen needs a --tls-cert, and each of these a --tls-key; or a --tls-auto");
    if (options->tls_redirect && !options->has_tls)
        return od_error_set(err, "--tls-redirect needs --tls-listen");
    od_bytes_printf(&directory, "%s/tls", options->data_dir);
    options->tls_dir = od_text_copy(od_bytes_slice(&directory));
    od_bytes_deinit(&directory);
    size_t auto_count = options->tls_auto_count;
    options->tls_auto_count = 0;
    for (; options->tls_auto_count < auto_count; options->tls_auto_count++) {
        if (!add_auto_files(options, options->tls_auto[options->tls_auto_count], err))
            return false;
    }
    return true;
}

void od_options_free_tls(struct od_options *options)
{
    for (; options->tls_dir != NULL && options->tls_auto_count > 0; options->tls_auto_count--) {
        free((char *)options->tls_certs[--options->tls_cert_count]);
        free((char *)options->tls_keys[--options->tls_key_count]);
    }
    free(options->tls_dir);
    options->tls_dir = NULL;
}
