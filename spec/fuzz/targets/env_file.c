// Files of --env-file.

#include "fuzz.h"

#include "link/variables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct od_variables variables = {0};
    struct od_error err;
    unsigned line = 0;
    char *copy = fuzz_copy(data, size);
    if (od_variables_read_text(&variables, (od_slice){copy, size}, &line, &err)) {
        for (size_t i = 0; i < variables.size; i++)
            OD_ASSERT(od_variables_find(&variables, variables.at[i].name) == variables.at[i].value);
    }
    od_variables_deinit(&variables);
    free(copy);
    return 0;
}
