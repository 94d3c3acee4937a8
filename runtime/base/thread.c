#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

static bool is_patient;

static bool set_policy(int policy)
{
    const struct sched_param none = {0};
    return sched_setscheduler(0, policy, &none) == 0;
}

void od_thread_be_patient(void)
{
    is_patient = sched_getscheduler(0) == SCHED_OTHER && set_policy(SCHED_BATCH);
}

void od_thread_be_usual(void)
{
    if (is_patient)
        (void)!set_policy(SCHED_OTHER);
}

// A new thread inherits the mask of its maker, and what it is not told about its policy.
int od_thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    OD_ASSERT(run != NULL);
    pthread_attr_init(&attributes); // SCHED_OTHER.
    if (is_patient)
        pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return code;
}

void od_thread_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int code = pthread_cond_init(condition, &attributes);
    OD_ASSERT(code == 0);
    pthread_condattr_destroy(&attributes);
}

void od_thread_wait_us(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (us > 0 ? us : 0) * 1000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(condition, mutex, &until);
}
