#define _GNU_SOURCE
#include "handshake.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define KEY_LENGTH 24

static const char key_name[] = "\r\nsec-websocket-key:";
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

size_t handshake_head_length(const uint8_t *data, size_t length)
{
    const uint8_t *end = memmem(data, length, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

static const char *find_key(const char *head, size_t length)
{
    size_t name = sizeof key_name - 1;
    for (size_t at = 0; at + name + 1 + KEY_LENGTH <= length; at++)
        if (strncasecmp(head + at, key_name, name) == 0)
            return head + at + name + (head[at + name] == ' ');
    return NULL;
}

bool handshake_answer(struct bytes *out, const uint8_t *head, size_t length)
{
    const char *key = find_key((const char *)head, length);
    if (!key)
        return false;
    char joined[KEY_LENGTH + sizeof guid];
    memcpy(joined, key, KEY_LENGTH);
    memcpy(joined + KEY_LENGTH, guid, sizeof guid);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;
    EVP_Digest(joined, sizeof joined - 1, digest, &digest_length, EVP_sha1(), NULL);
    unsigned char accept[2 * EVP_MAX_MD_SIZE];
    EVP_EncodeBlock(accept, digest, (int)digest_length);
    bytes_append_text(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                           "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    bytes_append_text(out, (const char *)accept);
    bytes_append_text(out, "\r\n\r\n");
    return true;
}
