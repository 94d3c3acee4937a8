// The header Sec-WebSocket-Extensions: whatever is offered, what we take is within bounds and told.

#include "fuzz.h"

#include "codec/deflate.h"
#include "codec/offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    struct od_offer offer = od_offer_choose((od_slice){copy, size});
    OD_ASSERT(offer.window_bits == 0 || (offer.window_bits >= OD_DEFLATE_WINDOW_BITS_MIN &&
                                         offer.window_bits <= OD_DEFLATE_WINDOW_BITS_MAX));
    struct od_bytes answer = {0};
    if (offer.window_bits != 0)
        od_offer_put_answer(offer, &answer);
    od_bytes_deinit(&answer);
    free(copy);
    return 0;
}
