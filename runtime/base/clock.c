#include "base/clock.h"

#include <stdint.h>
#include <time.h>

#include "base/fault.h"

od_time_ms od_clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (od_time_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000 + od_fault_wall_offset_ms();
}

static int64_t read_passed_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#ifdef __x86_64__

// A message may take less time than reading the clock twice. So it is read again only when the
// processor has counted so many ticks since: that is five to ten microseconds. Its counter may
// stand elsewhere on another core: that looks like many ticks.
int64_t od_clock_passed_us(void)
{
    enum {
        ticks_kept = 20000
    };
    static _Thread_local uint64_t read_ticks;
    static _Thread_local int64_t read_us;
    uint64_t ticks = __builtin_ia32_rdtsc();
    if (ticks - read_ticks < ticks_kept)
        return read_us;
    read_ticks = ticks;
    return read_us = read_passed_us();
}

#else

int64_t od_clock_passed_us(void)
{
    return read_passed_us();
}

#endif

od_time_ms od_clock_monotonic_ms_at(int64_t passed_us)
{
    return passed_us / 1000 + od_fault_clock_offset_ms();
}

od_time_ms od_clock_monotonic_ms(void)
{
    return od_clock_monotonic_ms_at(od_clock_passed_us());
}
