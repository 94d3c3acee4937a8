#include "base/clock.h"

#include <stdint.h>
#include <time.h>

#include "base/fault.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <stdbool.h>
#endif

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

// Asking the kernel takes as long as a part of a message, so the answer serves for a while, and the
// processor's counter says how much has passed since. How long, and how many microseconds a tick
// is, is known from two answers before, if the counter is one that never rests; else an answer
// serves for so few ticks that no processor takes a microsecond for them. The counter may stand
// elsewhere on another core, or after a sleep of the machine: that looks like many ticks.
enum {
    ticks_a_us_min = 1000,
    measured_us = 10000, // Between the two answers.
    served_us = 200,
};

struct served {
    uint64_t ticks, ticks_max; // At the last answer, and for how many it serves.
    uint64_t us_a_tick;        // Times 2^32; 0: not known.
    uint64_t old_ticks;        // At one before, since which it is measured.
    int64_t us, old_us;
    int64_t told_us;
};

static bool never_rests(void)
{
    enum {
        leaf = 0x80000007,
        bit = 1 << 8,
    };
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(leaf, &a, &b, &c, &d) != 0 && (d & bit) != 0;
}

static void measure(struct served *served)
{
    static _Thread_local bool is_steady;
    int64_t us = served->us - served->old_us;
    uint64_t ticks = served->ticks - served->old_ticks;
    if (served->old_us == 0)
        is_steady = never_rests();
    else if (us < measured_us)
        return;
    bool is_sound = is_steady && served->old_us != 0 && us < (int64_t)1 << 31 &&
                    ticks / ticks_a_us_min >= (uint64_t)us / 2 && ticks < (uint64_t)us << 14;
    served->us_a_tick = is_sound ? ((uint64_t)us << 32) / ticks : 0;
    served->ticks_max = is_sound ? ticks / (uint64_t)us * served_us : ticks_a_us_min;
    served->old_us = served->us;
    served->old_ticks = served->ticks;
}

int64_t od_clock_passed_us(void)
{
    static _Thread_local struct served served;
    uint64_t ticks = __builtin_ia32_rdtsc();
    uint64_t passed = ticks - served.ticks;
    if (passed < served.ticks_max)
        return served.told_us = served.us + (int64_t)(passed * served.us_a_tick >> 32);
    int64_t now_us = read_passed_us();
    served.us = now_us > served.told_us ? now_us : served.told_us; // It never goes back.
    served.ticks = ticks;
    measure(&served);
    return served.us;
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
