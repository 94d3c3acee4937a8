// What a worker logs, told to main while somebody there wants to see it (main/operator/log_book.h).
//
// Lines are gathered and sent once a turn: a line may be logged in the middle of a message.
//
// Process: worker. Owner: embedded in the worker.

#ifndef OD_WORKER_LOG_TELLER_H
#define OD_WORKER_LOG_TELLER_H

#include "link/link.h"

struct od_log_teller {
    struct od_bytes lines;
    bool is_on;
};

// TELL_LOG: says at once what is remembered, or nothing more.
void od_log_teller_set(struct od_log_teller *teller, struct od_link *main, bool is_on);
void od_log_teller_turn(struct od_log_teller *teller, struct od_link *main);
void od_log_teller_deinit(struct od_log_teller *teller);

#endif
