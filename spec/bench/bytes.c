#include "bytes.h"

#include <stdlib.h>
#include <string.h>

void bytes_reserve(struct bytes *bytes, size_t room)
{
    if (bytes->capacity - bytes->length >= room)
        return;
    size_t capacity = bytes->capacity * 2;
    if (capacity < bytes->length + room)
        capacity = bytes->length + room;
    bytes->data = realloc(bytes->data, capacity);
    if (!bytes->data)
        abort();
    bytes->capacity = capacity;
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    if (length == 0)
        return;
    bytes_reserve(bytes, length);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void bytes_append_text(struct bytes *bytes, const char *text)
{
    bytes_append(bytes, text, strlen(text));
}

void bytes_drop(struct bytes *bytes, size_t length)
{
    bytes->length -= length;
    if (bytes->length > 0)
        memmove(bytes->data, bytes->data + length, bytes->length);
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}
