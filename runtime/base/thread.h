// Threads besides the loop's: how they begin, and how they wait for a while.
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

void od_thread_condition_init(pthread_cond_t *condition);

// Until it is signalled, or so long; below 0: not at all. [mutex] is held.
void od_thread_wait_us(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t us);

#endif
