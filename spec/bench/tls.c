#include "tls.h"

#include "connection.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>

static SSL_CTX *context(void)
{
    static SSL_CTX *made;
    if (made)
        return made;
    made = SSL_CTX_new(TLS_client_method());
    if (!made)
        abort();
    SSL_CTX_set_verify(made, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return made;
}

void *tls_connect(int fd)
{
    SSL *tls = SSL_new(context());
    if (tls && SSL_set_fd(tls, fd) == 1 && SSL_connect(tls) == 1)
        return tls;
    SSL_free(tls);
    return NULL;
}

// As recv and send say it.
static ssize_t outcome(SSL *tls, int result)
{
    if (result > 0)
        return result;
    int error = SSL_get_error(tls, result);
    bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    errno = waits ? EAGAIN : ECONNRESET;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t receive(void *tls, void *to, size_t size)
{
    return outcome(tls, SSL_read(tls, to, (int)size));
}

static ssize_t put(void *tls, const void *from, size_t size)
{
    return outcome(tls, SSL_write(tls, from, (int)size));
}

static void end(void *tls)
{
    SSL_free(tls);
}

void tls_carry(struct connection *connection, void *tls)
{
    static const struct carrier carrier = {receive, put, end};
    connection->carrier = &carrier;
    connection->carried = tls;
}
