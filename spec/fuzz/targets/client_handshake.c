// The answer to a WebSocket we asked for: whatever comes, what is taken lies within it, and a piece
// of it is never refused for what is right as a whole.

#include "fuzz.h"

#include "codec/client_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t chance[16] = {0};
    struct od_client_handshake handshake;
    struct od_client_handshake_answer answer;
    struct od_error err;
    char *copy = fuzz_copy(data, size);
    od_client_handshake_begin(&handshake, chance, OD_SLICE("one, two"));
    enum od_http_outcome whole =
        od_client_handshake_read(&handshake, (od_slice){copy, size}, &answer, &err);
    OD_ASSERT(whole != OD_HTTP_DONE || (answer.bytes > 0 && answer.bytes <= size));
    size_t half = whole == OD_HTTP_DONE ? answer.bytes / 2 : size / 2;
    enum od_http_outcome part =
        od_client_handshake_read(&handshake, (od_slice){copy, half}, &answer, &err);
    OD_ASSERT(whole != OD_HTTP_DONE || part == OD_HTTP_MORE);
    free(copy);
    return 0;
}
