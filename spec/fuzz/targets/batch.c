// What a worker sends to be stored: what counts as valid can be read to its end.

#include "fuzz.h"

#include "store/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    od_slice submission = {copy, size};
    if (od_submission_is_valid(submission)) {
        struct od_cursor cursor = od_cursor_of(submission);
        struct od_batch batch;
        while (od_batch_next(&cursor, &batch)) {
            struct od_operation operation;
            while (od_operation_next(&batch, &operation))
                OD_ASSERT(operation.key.size <= size && operation.value.size <= size);
            OD_ASSERT(!batch.operations.failed);
        }
        OD_ASSERT(!cursor.failed);
    }
    free(copy);
    return 0;
}
