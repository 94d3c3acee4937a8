// Time. Everything that waits asks here, so that a test can turn the clock.
//
// Both clocks run ahead by what the test page says (see fault.h), in every process of the program
// at once, and the wall clock may be set by it to any time. Without a page they are the system's.

#ifndef OD_BASE_CLOCK_H
#define OD_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t od_time_ms;

od_time_ms od_clock_wall_ms(void);      // Since 1970; what scripts and alarms see. May jump.
od_time_ms od_clock_monotonic_ms(void); // For deadlines. Never goes back.

int64_t od_clock_passed_us(void); // For how long a piece of work takes; no test turns it.

od_time_ms od_clock_monotonic_ms_at(int64_t passed_us); // The same moment on the other clock.

#endif
