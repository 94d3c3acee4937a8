#include "store/engine.h"

#include "store/env.h"

int od_engine_code(enum od_engine_outcome outcome)
{
    static const int codes[] = {[OD_ENGINE_STORED] = 0,
                                [OD_ENGINE_FAILED] = OD_ENV_ENGINE_REFUSED,
                                [OD_ENGINE_FENCED] = OD_ENV_FENCED,
                                [OD_ENGINE_ENDED] = OD_ENV_ENGINE_ENDED};
    OD_ASSERT(outcome < sizeof codes / sizeof *codes);
    return codes[outcome];
}
