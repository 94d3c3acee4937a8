// What a worker that has been taken over would try, as fault points: breakout.write, and so on.
//
// A spec arms one and reads in the log what the kernel answered. In ordinary service nothing here
// is ever tried.

#ifndef OD_WORKER_BREAKOUT_H
#define OD_WORKER_BREAKOUT_H

void od_breakout_try(void); // Once a turn.

#endif
