// Threads besides the loop's: how they begin, and how they wait for a while; and whom the loop's
// own interrupts.
//
// Signals are the loop's business, but for those that a thread causes itself (SIGBUS, SIGSEGV:
// store/mapped.h). Waiting goes by the clock that nobody sets.

#ifndef OD_BASE_THREAD_H
#define OD_BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "base/check.h"

// 0, or errno's code.
OD_MUST_CHECK int od_thread_start(pthread_t *thread, void *(*run)(void *), void *argument);

// From now on the calling thread interrupts nobody who runs where it wakes (SCHED_BATCH), unless
// its policy was chosen by who started the program. What od_thread_start makes is as usual.
void od_thread_be_patient(void);
// No more. Who is about to run another program (execve) says so, for that inherits it; safe after
// vfork.
void od_thread_be_usual(void);

void od_thread_condition_init(pthread_cond_t *condition);

// Until it is signalled, or so long; below 0: not at all. [mutex] is held.
void od_thread_wait_us(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t us);

#endif
