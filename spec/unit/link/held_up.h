// What becomes of a deadline when the process is held up just before it waits.

#pragma once

#include <stdbool.h>

bool held_up_fires(void); // Whether it fires before something else wakes the loop.
