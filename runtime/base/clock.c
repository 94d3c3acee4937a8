#include "base/clock.h"

#include <time.h>

#include "base/fault.h"

static od_time_ms read_clock(clockid_t clock, int64_t offset_ms)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (od_time_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000 + offset_ms;
}

od_time_ms od_clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME, od_fault_wall_offset_ms());
}

od_time_ms od_clock_monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC, od_fault_clock_offset_ms());
}

int64_t od_clock_passed_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
