// Keys of passwords (scrypt, RFC 7914), made on threads of libuv's pool: it takes tenths of a
// second on purpose, and nobody else is to wait for that.
//
// The task waits for it as for anything else. When it is given up meanwhile, the work ends all the
// same, and what came of it is for nobody. Four run at once in a worker, the others wait.
//
// Thread: the loop's; the work itself touches nothing but its own memory.

#ifndef OD_OBJECT_PASSWORD_H
#define OD_OBJECT_PASSWORD_H

#include "base/bytes.h"

#define OD_PASSWORD_KEY_BYTES 32

struct od_task;

struct od_password_cost {
    uint8_t log_n; // The memory is 128 * r * 2^log_n bytes.
    uint8_t r;
    uint8_t p;
};

// Whether it is within OD_PASSWORD_MEMORY_MAX and OD_PASSWORD_P_MAX.
bool od_password_cost_is_bounded(const struct od_password_cost *cost);

// What od_task_wait_password takes.
void od_password_put(struct od_bytes *bytes, const struct od_password_cost *cost, od_slice salt,
                     od_slice password);

// Resumes with the key of OD_PASSWORD_KEY_BYTES bytes, or with a failure (link/failure.h).
void od_task_wait_password(struct od_task *task, od_slice bytes);

#endif
